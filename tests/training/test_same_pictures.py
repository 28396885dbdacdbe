"""Tasks that are labels of their own on the same images: the same pictures, and a frozen trunk that runs once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from mimesim.config import load_workload
from mimesim.errors import InputError
from mimesim.simulation import run_workload
from mimesim.trace import Trace
from mimesim.training.config import TrainingConfig
from mimesim.training.data import subset
from mimesim.training.faults.loading import TrainedRun
from mimesim.training.run import Training, train
from mimesim.training.sources import load_dataset
from mimesim.training.tasks import ImageTask

PARITY = {"name": "parity", "dataset": "digits", "labels": [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]}
LOW = {"name": "low", "dataset": "digits", "labels": [[0, 1], [2, 3]]}
TASKS = ("parity", "low")


def settings(folder: Path) -> dict[str, Any]:
    return {
        "name": "pictures",
        "network": "vgg",
        "features": [8, "M", 12, "M"],
        "hidden": [16],
        "size_px": 8,
        "seed": 3,
        "test_images": 200,
        "runs": folder / "runs",
        "parent": {
            "dataset": "digits",
            "rate": 0.01,
            "schedule": {"batch": 50, "phases": [{"size_px": 8, "epochs": 3}]},
        },
        "child": {
            "tasks": [PARITY, LOW],
            "train_images": 500,
            "batch": 50,
            "phases": [{"size_px": 8, "epochs": 3}],
            "trials": {"held_out": 0.2, "share": 0.5},
            "methods": [
                {"scheme": "head", "rates": [0.01, 0.02]},
                {"scheme": "mime", "rates": [0.02, 0.05], "head_rate": 0.01},
            ],
        },
        "record": {"directory": folder / "traces", "images": {"head": 2, "mime": 2}},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictures")
    train(TrainingConfig.model_validate(settings(made)))
    return made


def test_images_are_drawn_before_they_are_labelled_anew(tmp_path: Path) -> None:
    sets = Training(TrainingConfig.model_validate(settings(tmp_path))).sets
    own = subset(load_dataset("digits", "train"), 500, 3)
    for task in TASKS:
        mine = sets.train(task)
        assert torch.equal(mine.ids, own.ids)
        rest, held = sets.split(task, 0.2)
        assert (len(rest), len(held)) == (400, 100)
        assert torch.equal(held.ids, sets.split(TASKS[0], 0.2)[1].ids)
    assert torch.equal(sets.train("parity").labels, own.labels % 2)
    assert torch.equal(sets.train("low").labels, (own.labels // 2).clamp(max=2))
    assert [sets.classes(task) for task in TASKS] == [2, 3]
    assert sets.test(sets.task("low")).classes == 3


def test_traces_of_all_tasks_and_methods_hold_the_same_pictures(folder: Path) -> None:
    recorded = set()
    for method in ("head", "mime"):
        trace = Trace.load(folder / "traces" / method)
        for task in TASKS:
            entry = trace.entry(task)
            recorded.add(tuple(entry.image_ids))
            digits = dict(zip(*(x.tolist() for x in (load_dataset("digits", "test").ids,
                                                     load_dataset("digits", "test").labels)), strict=True))  # fmt: skip
            table = {"parity": lambda n: n % 2, "low": lambda n: min(n // 2, 2)}[task]
            assert list(entry.labels) == [table(digits[place]) for place in entry.image_ids]
            assert entry.dataset == "scikit-learn digits"
    assert len(recorded) == 1


def test_heads_stand_apart_and_the_trunk_runs_once(folder: Path) -> None:
    trace = Trace.load(folder / "traces" / "head")
    assert trace.manifest.scheme == "heads"
    assert {task: trace.entry(task).units for task in TASKS} == {task: (task,) for task in TASKS}
    heads = {node.name: node.shape for node in trace.network.nodes if node.unit}
    assert heads == {"classifier.parity": (2, 1, 1), "classifier.low": (3, 1, 1)}
    for name in trace.network.recorded:
        np.testing.assert_array_equal(*(trace.masks(task, name) for task in TASKS))
    (folder / "w.yaml").write_text(
        "name: w\ntasks: [parity, low]\ntraces: {h: traces/head, m: traces/mime}\n"
        "cases: [{name: heads, scheme: heads, trace: h}, {name: mime, scheme: mime, trace: m}]\n"
    )
    heads_result, mime = run_workload(load_workload(str(folder / "w.yaml")), "multitask", images=2, jobs=1)
    assert [image.task for image in heads_result.images] == ["parity+low"] * 2
    assert [image.task for image in mime.images] == ["parity", "low"] * 2
    assert (heads_result.violations, mime.violations) == ((), ())


def test_faults_find_the_images_of_such_a_task(folder: Path) -> None:
    trace = Trace.load(folder / "traces" / "mime")
    found = TrainedRun(folder / "runs" / "pictures", trace).images("low", 2)
    entry = trace.entry("low")
    assert (found.ids.tolist(), found.labels.tolist()) == (list(entry.image_ids), list(entry.labels))


def test_a_task_may_be_the_name_of_an_image_set(tmp_path: Path) -> None:
    config = settings(tmp_path)
    config["child"]["tasks"] = ["digits", LOW]
    found = TrainingConfig.model_validate(config).child
    assert found.names == ("digits", "low")
    assert found.tasks[0] == ImageTask.whole("digits")
    assert [task.is_whole for task in found.tasks] == [True, False]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (LOW | {"labels": [[0, 10]]}, r"low: child\.tasks\.0\.labels = 10: labels go from 0 to 9"),
        (LOW | {"dataset": "digts"}, r"dataset: 'digts': is not known|dataset = 'digts': is not known"),
    ],
)
def test_labels_that_make_no_task_are_found_before_training(tmp_path: Path, task: dict[str, Any], message: str) -> None:
    config = settings(tmp_path)
    config["child"]["tasks"] = [yaml.safe_load(yaml.safe_dump(task))]
    with pytest.raises(InputError, match=message):
        train(TrainingConfig.model_validate(config))
    assert not (tmp_path / "runs").exists()
