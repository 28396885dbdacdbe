"""Whatever is wrong with a network, its weights or its images is told in one line, and nothing is written."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.training.recording.own import OwnTask, Recorder, parse_tasks
from mimesim.training.recording.own_model import OwnModel
from tests.training.recording.test_own import BUILD, RECORDER, SIZE, draw_images, save_weights
from tests.training.tracing.own_models import Residual

HERE = "tests.training.recording.test_own_errors"


def always_dropping() -> nn.Module:
    class Dropping(Residual):
        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.norm(self.stem(x)))
            return self.head(nn.functional.dropout(torch.relu(self.wide(x)).mean([2, 3])))

    return Dropping(4)


def changed_in_place() -> nn.Module:
    class Alias(Residual):
        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.norm(self.stem(x)))
            y = before = self.pointwise(x)
            y += self.depthwise(x)
            return self.head(torch.relu(self.wide(y + before)).mean([2, 3]))

    return Alias(4)


def broken() -> nn.Module:
    return nn.Conv2d(3, 4, kernel_size=3, groups=2)


def needs_argument(classes: int) -> nn.Module:
    return Residual(classes)


def no_network() -> str:
    return "network"


def not_a_number() -> nn.Module:
    model = Residual(4)
    nn.init.constant_(model.head.bias, float("nan"))
    return model


def four_channels() -> nn.Module:
    return Residual(4, channels=4)


def a_dictionary(path: Path) -> None:
    torch.save({"epoch": 3, "model": Residual(4).state_dict()}, path)


def other_shapes(path: Path) -> None:
    state = Residual(4).state_dict()
    state["wide.weight"] = torch.zeros(12, 8, 3, 3)
    torch.save(state, path)


def one_missing(path: Path) -> None:
    state = Residual(4).state_dict()
    del state["pointwise.bias"]
    torch.save(state, path)


class Code:
    """Pickled code, which must not run."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return print, ("executed",)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_images(tmp_path / "photos", 4, 2)


def refused(recorder: Recorder, folder: Path, weights: str | None = None) -> str:
    out = folder.parent / "out"
    with pytest.raises(InputError) as caught:
        recorder.record(out, [OwnTask("photos", folder, weights)])
    assert not out.exists()
    assert not list(folder.parent.glob(".out*"))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("lenet", "--model: 'lenet': is not known; there are vgg16, resnet18, mobilenet_v2, or MODULE:FUNCTION"),
        ("no_such_module:build", "--model: 'no_such_module:build': cannot be imported: No module named"),
        (f"{HERE}:nothing", f"--model: '{HERE}:nothing': cannot be imported: module '{HERE}' has no attribute"),
        (
            "torchvision:resnet19",
            "--model: 'torchvision:resnet19': torchvision has no such classification network; did",
        ),
        ("resnet18", "--model: 'resnet18': needs --weights: a file, or imagenet for torchvision's own"),
        (f"{HERE}:always_dropping", f"--model: '{HERE}:always_dropping': computes something else when traced"),
        (f"{HERE}:changed_in_place", f"--model: '{HERE}:changed_in_place': computes something else when traced"),
        (
            f"{HERE}:broken",
            f"--model: '{HERE}:broken': raised ValueError: in_channels must be divisible by groups at te",
        ),
        (f"{HERE}:needs_argument", f"--model: '{HERE}:needs_argument': raised TypeError: needs_argument() missing 1"),
        (f"{HERE}:no_network", f"--model: '{HERE}:no_network': returns a str, not a torch.nn.Module"),
        (f"{HERE}:HERE", f"--model: '{HERE}:HERE': is not a function that returns a network"),
        (f"{HERE}:four_channels", f"--model: '{HERE}:four_channels': reads 4 channels: images have 3, or 1"),
    ],
)
def test_a_network_that_cannot_be_recorded(photos: Path, model: str, message: str) -> None:
    assert refused(replace(RECORDER, model=model), photos).startswith(message)


def test_the_place_of_an_error_in_the_users_module_is_told(
    tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_faulty.py").write_text("import math\n\ndef build():\n    return math.nothing\n")
    (tmp_path / "my_unfinished.py").write_text("def build(:\n")
    message = refused(replace(RECORDER, model="my_faulty:build"), photos)
    assert message.endswith("raised AttributeError: module 'math' has no attribute 'nothing' at my_faulty.py:4")
    message = refused(replace(RECORDER, model="my_unfinished:build"), photos)
    assert "raised SyntaxError: " in message
    assert "my_unfinished.py, line 1" in message
    for name in ("my_faulty", "my_unfinished"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (a_dictionary, "must hold a state dictionary: torch.save(model.state_dict(), FILE)"),
        (other_shapes, "wide.weight = (12, 8, 3, 3): holds the weights of another network: expected (12, 4, 3, 1)"),
        (one_missing, "pointwise.bias: holds the weights of another network: this one is not in both"),
        (lambda path: path.write_bytes(b"weights"), "is not a file of weights: torch.save("),
        (lambda path: torch.save(Code(), path), "is not a file of weights: torch.save("),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda _: None, "cannot be read: No such file or directory"),
    ],
)
def test_weights_that_are_not_the_networks(
    photos: Path, write: Callable[[Path], object], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = photos.parent / "weights.pt"
    write(path)
    assert refused(RECORDER, photos, str(path)).startswith(f"{path}: {message}")
    assert "executed" not in capfd.readouterr().out


def test_imagenet_weights_are_torchvisions_alone(photos: Path) -> None:
    assert refused(RECORDER, photos, "imagenet").startswith(f"--weights: 'imagenet': are torchvision's, not of {BUILD}")


def test_what_is_wrong_with_images(tmp_path: Path, photos: Path) -> None:
    weights = save_weights(tmp_path / "w.pt", Residual(4))
    assert refused(RECORDER, tmp_path / "nowhere", weights) == f"{tmp_path / 'nowhere'}: there is no such folder"
    many = replace(RECORDER, images=9)
    assert refused(many, photos, weights) == f"{photos}: images = 9: must be from 1 to 8, the images of this folder"
    fewer = save_weights(tmp_path / "fewer.pt", Residual(3))
    rule = "holds 4 folders, but the network tells 3 classes apart, so which is which?"
    assert refused(RECORDER, photos, fewer).startswith(f"{photos}: {rule}")
    recorded = replace(RECORDER, labels=False).record(tmp_path / "unlabelled", [OwnTask("photos", photos, fewer)])
    assert recorded.entry("photos").labels == ()
    for path in photos.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:100])
    message = refused(RECORDER, photos, weights)
    assert message.startswith(str(photos / "class"))
    assert ".png: is not a readable image (" in message


def test_a_network_that_makes_nan_names_the_image(photos: Path) -> None:
    message = refused(replace(RECORDER, model=f"{HERE}:not_a_number"), photos)
    assert message.startswith(str(photos / "class"))
    assert message.endswith(".png: the network makes NaN or infinity of this image")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, "--size: 0: must be at least 1"),
        ({"size": 2}, "model: size_px = 2: the network cannot take images of this size (Calculated padded"),
        ({"images": 0}, "--images: 0: must be at least 1"),
        ({"seed": -1}, "--seed: -1: must be at least 0"),
        ({"std": (0.2, 0.0, 0.2)}, "--std: (0.2, 0.0, 0.2): must be finite numbers, and a deviation larger than 0"),
        ({"mean": (float("nan"),)}, "--mean: (nan,): must be finite numbers"),
        ({"mean": (0.1, 0.2)}, "--mean: (0.1, 0.2): must be 3 numbers"),
        ({"scheme": "pruned"}, "task 'photos': no weight is 0, so nothing is pruned"),
    ],
)
def test_options_out_of_range(tmp_path: Path, photos: Path, change: dict[str, Any], message: str) -> None:
    weights = save_weights(tmp_path / "w.pt", Residual(4))
    assert refused(replace(RECORDER, **change), photos, weights).startswith(message)


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path, photos: Path) -> None:
    tasks = [OwnTask("photos", photos, save_weights(tmp_path / "w.pt", Residual(4)))]
    RECORDER.record(tmp_path / "out", tasks)
    with pytest.raises(InputError, match="holds a trace already"):
        RECORDER.record(tmp_path / "out", tasks)


@pytest.mark.parametrize(
    ("data", "weights", "message"),
    [
        ([], [], "--data: needs a folder of images"),
        (["./a=b"], [], "--data: 'a=b': cannot name a task (letters, digits, '_', '-', '.'): say --data NAME=FOLDER"),
        (["x/a", "y/A"], [], "--data: 'y/A': there are two tasks 'A': say --data NAME=FOLDER"),
        (["a=x"], ["b=w.pt"], "--weights: 'b': no --data names this task; there are a"),
        (["a=x"], ["v.pt", "w.pt"], "--weights: 'v.pt': is the second for all tasks: say TASK=FILE"),
        (["a=x"], ["a=v.pt", "a=w.pt"], "--weights: 'v.pt': is the second file for the same task"),
        (["a=x", "b=y"], ["a=v.pt"], "--weights: b: other tasks have some, this one has none"),
    ],
)
def test_tasks_that_cannot_be_told_apart(data: list[str], weights: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_tasks(data, weights)
    assert str(caught.value) == message


def test_the_head_takes_the_classes_of_the_weights(tmp_path: Path) -> None:
    state = save_weights(tmp_path / "w.pt", Residual(11))
    model = OwnModel(BUILD, SIZE, 0).load(state)
    assert model.head.weight.shape == (11, 12)
    assert torch.equal(model.head.weight, torch.load(state, weights_only=True)["head.weight"])
