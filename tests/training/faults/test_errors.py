"""What a user gets wrong about ``mimesim faults``: one line that says where, and nothing written."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from mimesim.cli.main import cli
from mimesim.errors import InputError
from mimesim.training.faults import campaign
from mimesim.training.sources import DATASETS


def refused(folder: Path, arguments: str, checkpoint: Path | None = None) -> str:
    run = checkpoint if checkpoint is not None else folder / "runs" / "small"
    command = ["faults", str(folder / "workload.yaml"), "--checkpoint", str(run), "--out", str(folder / "never")]
    with pytest.raises(InputError) as caught:
        CliRunner().invoke(cli, [*command, *arguments.split()], catch_exceptions=False)
    assert not (folder / "never").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--case mime --rate 1.5", "--rate: 1.5: must be a probability, from 0 to 1"),
        ("--case mime --rate -0.1", "--rate: -0.1: must be a probability"),
        ("--case mime --rate nan", "--rate: nan: must be a probability"),
        ("--case mime --rate 1e-3,0.001", "--rate: (0.001, 0.001): must name at least one rate, and none twice"),
        ("--case mime --seeds 1", "--seeds: 1: must be at least 2"),
        ("--case mime --images 0", "--images: 0: must be at least 1"),
        ("--case mime --images 999", "--images: 999: must be at most 360, the test images of digits"),
        ("--case mine", "--case: 'mine': the workload has no such case; did you mean 'mime'?"),
        ("--case mime --task digit", "run: task = 'digit': the workload has no such task; did you mean 'digits'?"),
        ("--case conventional --of thresholds", "--of: 'thresholds': case 'conventional' stores none: scheme"),
    ],
)
def test_options(trained: Path, arguments: str, message: str) -> None:
    assert refused(trained, arguments).startswith(message)


def test_a_checkpoint_that_is_not_there_or_is_none(trained: Path, tmp_path: Path) -> None:
    assert "there is no such folder; it is runs/NAME of a training" in refused(trained, "--case mime", tmp_path / "x")
    said = refused(trained, "--case mime", trained / "runs")
    assert (
        said == f"{trained / 'runs'}: holds no parent/model.pt: it is not the folder runs/NAME of a finished training"
    )


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "runs" / "small", tmp_path / "small"))


def test_a_stage_that_is_missing_or_not_finished(trained: Path, copy: Path) -> None:
    stage = copy / "digits-mime"
    (stage / "model.pt").rename(stage / "checkpoint.pt")
    assert refused(trained, "--case mime", copy) == f"{stage}: is not finished: run mimesim train on to its end"
    shutil.rmtree(stage)
    assert "'digits-mime': has no such network; did you mean 'digits_too-mime'?" in refused(
        trained, "--case mime", copy
    )


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


def test_a_file_that_is_truncated_or_no_checkpoint(trained: Path, copy: Path) -> None:
    path = copy / "digits-mime" / "model.pt"
    path.write_bytes(path.read_bytes()[:-200])
    assert refused(trained, "--case mime", copy).startswith(f"{path}: is not a readable checkpoint; is it whole?")
    torch.save({"model": {}}, path)
    assert refused(trained, "--case mime", copy).startswith(f"{path}: is not a checkpoint of format 1")
    torch.save({"format": 1, "classes": 10, "model": [1]}, path)
    assert refused(trained, "--case mime", copy) == f"{path}: model: is not the checkpoint of a finished stage"


def test_weights_of_another_network_parent_or_training(trained: Path, copy: Path) -> None:
    path = copy / "digits-conventional" / "model.pt"
    change(path, lambda content: content["model"].update({"stem.weight": torch.zeros(3, 3, 3, 3)}))
    assert "holds the weights of another network" in refused(trained, "--case conventional", copy)
    shutil.copy(trained / "runs" / "small" / "digits-conventional" / "model.pt", path)
    change(path, lambda content: content["model"].update({"stem.weight": -content["model"]["stem.weight"]}))
    assert "is not what" in (said := refused(trained, "--case conventional", copy))
    assert "of the first image of task 'digits'" in said
    change(copy / "parent" / "model.pt", lambda content: content["model"]["stem.weight"].mul_(2))
    assert "was made from another parent" in refused(trained, "--case mime", copy)


def test_what_is_wrong_with_the_last_case_shows_before_the_first_is_computed(
    trained: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "digits_too-conventional" / "model.pt").write_bytes(b"")
    monkeypatch.setattr(campaign.Campaign, "run", lambda *_: pytest.fail("computed"))
    assert "is not a readable checkpoint" in refused(trained, "--case mime --case conventional", copy)


def test_a_trace_of_another_network(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tests.training.faults.small as small

    class Other(small.Small):
        def __init__(self) -> None:
            super().__init__()
            self.pool = torch.nn.AvgPool2d(2)

    monkeypatch.setattr(small, "Small", Other)
    assert "is of another network than the trace" in refused(trained, "--case conventional")


def test_a_trace_that_no_training_recorded(trained: Path, tmp_path: Path) -> None:
    command = ["faults", "tiny", "--case", "case-3", "--checkpoint", str(trained), "--out", str(tmp_path / "never")]
    with pytest.raises(InputError, match=r"manifest\.json: settings\.method: says of no training: only traces that"):
        CliRunner().invoke(cli, command, catch_exceptions=False)
    assert not (tmp_path / "never").exists()


def test_a_folder_of_others_is_refused_before_anything_is_computed(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("dear diary")
    command = ["faults", "nothing.yaml", "--case", "mime", "--checkpoint", "none", "--out", str(tmp_path)]
    workload = str(trained / "workload.yaml")
    with pytest.raises(InputError, match=r"holds 'diary\.txt' and no run\.json"):
        CliRunner().invoke(cli, [part.replace("nothing.yaml", workload) for part in command], catch_exceptions=False)


def test_a_missing_image_set(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise InputError(str(tmp_path), "holds no digits", key="digits")

    monkeypatch.setitem(DATASETS, "digits", gone)  # type: ignore[arg-type]
    assert refused(trained, "--case mime") == f"{tmp_path}: digits: holds no digits"
