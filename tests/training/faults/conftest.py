from __future__ import annotations

from importlib.util import find_spec

if find_spec("torch") is not None:
    from collections.abc import Iterator
    from contextlib import contextmanager
    from pathlib import Path

    import pytest

    from mimesim.training.config import TrainingConfig
    from mimesim.training.data import ImageSet
    from mimesim.training.run import train
    from mimesim.training.sources import DATASETS, TITLES
    from mimesim.training.sources.arrays import Split
    from tests.training.faults.small import TASKS, WORKLOAD, settings

    def six_classes(folder: Path, split: Split, subset: bool) -> ImageSet:
        """The digits below six."""
        whole = DATASETS["digits"](folder, split, subset)
        some = whole.take((whole.labels < 6).nonzero().flatten())
        return ImageSet(some.images, some.labels, some.ids, 6)

    @contextmanager
    def a_second_task() -> Iterator[None]:
        """Let there be an image set more while the block runs."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(DATASETS, TASKS[1], six_classes)
            patch.setitem(TITLES, TASKS[1], "some digits")
            yield

    @pytest.fixture(scope="module", autouse=True)
    def second_task() -> Iterator[None]:
        """The tests of this folder know the image set; those after them must not."""
        with a_second_task():
            yield

    @pytest.fixture(scope="session")
    def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder with a finished training, its traces and a workload of them."""
        folder = tmp_path_factory.mktemp("faults")
        with a_second_task():
            train(TrainingConfig.model_validate(settings(folder)))
        (folder / "workload.yaml").write_text(WORKLOAD)
        return folder
