"""Stages that were begun by another run: they go on if it was the same training, and are refused if it was not."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mimesim.errors import InputError
from mimesim.training import stages
from mimesim.training.config import TrainingConfig
from mimesim.training.models import ModelSpec, Options
from mimesim.training.run import Training, train

Change = Callable[[dict[str, Any]], None]


def settings(folder: Path) -> dict[str, Any]:
    """A few steps of everything."""
    return {
        "name": "few",
        "size_px": 8,
        "seed": 5,
        "test_images": 40,
        "runs": folder / "runs",
        "parent": {
            "dataset": "digits",
            "dropout": 0.5,
            "train_images": 60,
            "schedule": {"batch": 20, "phases": [{"size_px": 8, "epochs": 1}]},
        },
        "child": {
            "tasks": ["digits"],
            "train_images": 40,
            "batch": 10,
            "phases": [{"size_px": 8, "epochs": 1}],
            "trials": {"held_out": 0.25, "share": 0.5},
            "methods": [{"scheme": "conventional", "rates": [0.01, 0.02]}],
        },
        "record": {"directory": folder / "traces", "images": {"conventional": 1}},
    }


def run(folder: Path, spec: ModelSpec | None, change: Change | None = None) -> TrainingConfig:
    content = settings(folder)
    if change:
        change(content)
    config = TrainingConfig.model_validate(content)
    train(config, spec)
    return config


def weights(folder: Path, stage: str) -> dict[str, torch.Tensor]:
    content = torch.load(folder / "runs" / "few" / stage / "model.pt", weights_only=True)
    state: dict[str, torch.Tensor] = content["model"]
    return state


def test_children_are_the_same_whether_the_parent_was_just_trained_or_read(spec: ModelSpec, tmp_path: Path) -> None:
    """Its dropout, for one, must not reach them by one way only."""
    run(tmp_path / "one", spec)
    Training(TrainingConfig.model_validate(settings(tmp_path / "two")), spec).parent()
    run(tmp_path / "two", spec)
    one, two = (weights(tmp_path / name, "digits-conventional") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, two[name]), name


def test_trials_of_other_settings_are_refused(spec: ModelSpec, tmp_path: Path) -> None:
    run(tmp_path, spec)
    (tmp_path / "runs" / "few" / "digits-conventional" / "model.pt").unlink()
    with pytest.raises(InputError, match=r"trials/digits-conventional-0\.01/metrics\.json: .*made with other settings"):
        run(tmp_path, spec, lambda content: content["child"].update(batch=5))
    run(tmp_path, spec)


@pytest.mark.parametrize("left", ["model.pt", "checkpoint.pt", "trial"])
def test_children_of_another_parent_are_refused(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: str
) -> None:
    """One that was trained anew, by the same settings, on a machine that rounds otherwise."""
    if left == "checkpoint.pt":
        real = stages.fit

        def killed(job: Any) -> Any:
            job.stop_after = 2 if job.name == "digits-conventional" else None
            curve = real(job)
            if job.stop_after:
                raise KeyboardInterrupt
            return curve

        monkeypatch.setattr(stages, "fit", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, spec)
        monkeypatch.setattr(stages, "fit", real)
        (tmp_path / "runs" / "few" / "trials" / "digits-conventional-0.01" / "metrics.json").unlink()
        (tmp_path / "runs" / "few" / "trials" / "digits-conventional-0.02" / "metrics.json").unlink()
    else:
        run(tmp_path, spec)
    if left == "trial":
        (tmp_path / "runs" / "few" / "digits-conventional" / "model.pt").unlink()
    path = tmp_path / "runs" / "few" / "parent" / "model.pt"
    content = torch.load(path, weights_only=True)
    content["model"]["classifier.0.weight"][0, 0] += 1e-6
    torch.save(content, path)
    with pytest.raises(InputError, match="made from another parent than the one that is there now"):
        run(tmp_path, spec)


def test_another_file_of_weights_is_another_parent(spec: ModelSpec, tmp_path: Path) -> None:
    def theirs(content: dict[str, Any]) -> None:
        content["parent"] = {"weights": str(tmp_path / "theirs.pt")}

    for seed in (1, 2):
        torch.manual_seed(seed)
        torch.save(spec.traced(Options(7, 8)).module.state_dict(), tmp_path / "theirs.pt")
        if seed == 1:
            run(tmp_path, spec, theirs)
            run(tmp_path, spec, theirs)
    with pytest.raises(InputError, match=r"parent/model\.pt: .*made with other settings"):
        run(tmp_path, spec, theirs)


OWN = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d({side}), nn.Flatten(),
                         nn.Linear(8 * {side} ** 2, 10), *[{more}], nn.Linear(10, 10))
"""


def test_a_function_that_has_changed_makes_another_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its weights would still fit."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "my_few.py").write_text(OWN.format(side=2, more="nn.ReLU()"))
    own: Change = lambda content: content.update(network="my_few:build")  # noqa: E731
    try:
        run(tmp_path, None, own)
        run(tmp_path, None, own)
        sys.modules.pop("my_few")
        (tmp_path / "my_few.py").write_text(OWN.format(side=2, more="nn.GELU()"))
        with pytest.raises(InputError, match=r"parent/model\.pt: .*made with other settings"):
            run(tmp_path, None, own)
    finally:
        sys.modules.pop("my_few", None)


def test_a_checkpoint_beside_a_finished_stage_goes(spec: ModelSpec, tmp_path: Path) -> None:
    """A kill between the last file and its removal leaves one."""
    run(tmp_path, spec)
    left = [
        tmp_path / "runs" / "few" / stage / "checkpoint.pt"
        for stage in ("parent", "digits-conventional", "trials/digits-conventional-0.01")
    ]
    for path in left:
        path.touch()
    (tmp_path / "runs" / "few" / "digits-conventional" / "model.pt").unlink()
    left[1].unlink()
    run(tmp_path, spec)
    assert not any(path.exists() for path in left)


@pytest.mark.parametrize("stage", ["parent", "digits-conventional", "trials/digits-conventional-0.01"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{oops", "is damaged"),
        ("", "is damaged"),
        ("{}", "holds no metrics of"),
        (None, "cannot be read: No such file"),
    ],
)
def test_metrics_that_are_none_are_one_error(
    trained: Path, spec: ModelSpec, stage: str, content: str | None, message: str
) -> None:
    path = trained / "runs" / "few" / stage / "metrics.json"
    kept = path.read_text()
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    try:
        if content is None and stage.startswith("trials"):
            run(trained, spec)  # its child remembers what came of it
        else:
            with pytest.raises(InputError, match=rf"{stage}/metrics\.json: {message}.*; delete its folder"):
                run(trained, spec)
    finally:
        path.write_text(kept)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mimesim.training.models import vgg
    from mimesim.training.tracing.sites import numbered

    folder = tmp_path_factory.mktemp("trained")
    run(folder, ModelSpec(lambda options: vgg((8, "M", 12, "M"), (16,), options), numbered))
    return folder


def no_parent(*_: object) -> None:
    raise AssertionError("the parent is trained before the mistake is found")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["child"].update(tasks=["digitz"]), "dataset: 'digitz': is not known; there are"),
        (lambda content: content["record"].update(images={"conventional": 361}), "has only 360 test images"),
        (lambda content: content.update(network="math:pi"), "network: 'math:pi': is not a function"),
        (lambda content: content.update(network=f"{__name__}:dilated"), "dilated convolutions are not simulated"),
        (lambda content: content.update(network=f"{__name__}:grey"), "reads 1 channels: the images have 3"),
        (lambda content: content.update(network=f"{__name__}:faulty"), r"raised ZeroDivisionError: .*test_stages\.py"),
        (
            lambda content: (
                content["child"].update(phases=[{"size_px": p, "epochs": 1} for p in (16, 8)])
                or content.update(network=f"{__name__}:of_8_px")
            ),
            "size_px = 16: the network cannot take images of this size",
        ),
    ],
)
def test_mistakes_are_found_before_hours_of_training(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change, message: str
) -> None:
    monkeypatch.setattr(stages, "fit", no_parent)
    changed: dict[str, Any] = settings(tmp_path)
    change(changed)
    with pytest.raises(InputError, match=message):
        run(tmp_path, None if "network" in changed else spec, change)


def test_nothing_left_to_train_on_is_one_error(spec: ModelSpec, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"held_out = 0\.25: holds out all of the 1 training images of digits"):
        run(tmp_path, spec, lambda content: content["child"].update(train_images=1))


def dilated() -> torch.nn.Module:
    return _net(torch.nn.Conv2d(3, 8, 3, padding=2, dilation=2))


def grey() -> torch.nn.Module:
    return _net(torch.nn.Conv2d(1, 8, 3, padding=1))


def faulty() -> torch.nn.Module:
    return _net(torch.nn.Conv2d(3, 8, 1 // 0))


def of_8_px() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 10))


def _net(first: torch.nn.Module) -> torch.nn.Module:
    return torch.nn.Sequential(
        first, torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 10)
    )


def test_models_of_earlier_stages_leave_the_memory(spec: ModelSpec, tmp_path: Path) -> None:
    training = Training(TrainingConfig.model_validate(settings(tmp_path)), spec)
    parent = spec.traced(Options(10, 8))
    seen = [weakref.ref(training._child_model(10, parent).module) for _ in range(5)]
    training._child_model(10, parent)
    assert [reference() for reference in seen] == [None] * 5
