"""``mimesim trace record``: a network beside the user, its images, a trace that replays."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Mimesim

torch_needed = pytest.mark.skipif(find_spec("torch") is None, reason="needs PyTorch")

MODULE = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2),
    )
"""
WORKLOAD = """
name: own
tasks: [cats, dogs]
batch_images: 2
traces: {own: out/own}
cases:
  - {name: one, scheme: conventional, trace: own}
"""


@pytest.fixture
def photos(folder: Path) -> Path:
    from PIL import Image

    (folder / "my_module.py").write_text(MODULE)
    (folder / "own.yaml").write_text(WORKLOAD)
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            image = Image.fromarray(rng.integers(0, 256, (20, 16, 3), dtype=np.uint8))
            image.save(folder / "photos" / name / f"{number}.png")
    return folder


@torch_needed
@pytest.mark.usefixtures("photos")
def test_a_module_beside_the_user_is_recorded_and_replayed(mimesim: Mimesim) -> None:
    model = ("--model", "my_module:build", "--size", "16")
    done = mimesim("trace", "record", "out/own", *model, "--data", "photos/cats", "--data", "dogs=photos/dogs")
    assert (done.returncode, done.stderr) == (0, "")
    assert "cats: 3 images of cats, 2 classes\ndogs: 3 images of dogs, 2 classes\n" in done.stdout
    assert done.stdout == mimesim("trace", "show", "out/own").stdout
    ran = mimesim("run", "own.yaml", "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "")
    labelled = mimesim("trace", "record", "out/all", *model, "--data", "photos", "--images", "6")
    assert "photos: 6 images of photos, 2 classes, test accuracy " in labelled.stdout


@torch_needed
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--data nowhere", "nowhere: there is no such folder"),
        ("--data photos --mean red", "Invalid value for '--mean': 'red' is not a list of numbers such as 0.485,0.456"),
        ("", "Missing option '--data'"),
    ],
)
def test_a_mistake_gives_one_line_and_no_trace(mimesim: Mimesim, photos: Path, options: str, message: str) -> None:
    done = mimesim("trace", "record", "out/own", "--model", "my_module:build", "--size", "16", *options.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert not (photos / "out").exists()


@torch_needed
def test_a_damaged_image_is_named(mimesim: Mimesim, photos: Path) -> None:
    (photos / "photos" / "cats" / "1.png").write_bytes(b"\x89PNG")
    done = mimesim("trace", "record", "out/own", "--model", "my_module:build", "--size", "16", "--data", "photos/cats")
    assert done.returncode == 2
    assert done.stderr.startswith("error: photos/cats/1.png: is not a readable image (")
    assert done.stderr.count("\n") == 1
    assert not list((photos / "out").iterdir())


@pytest.mark.parametrize("missing", ["torch", "torchvision", "PIL"])
@pytest.mark.skipif(find_spec("torch") is None, reason="shown by any test where it is not installed")
def test_what_is_not_installed_is_named(photos: Path, missing: str) -> None:
    script = (
        "import importlib.abc, importlib.util, sys\n"
        "class Missing(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name.partition('.')[0] == {missing!r}:\n"
        f"            raise ModuleNotFoundError(name, name={missing!r})\n"
        "sys.meta_path.insert(0, Missing())\n"
        "found = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name: None if name == {missing!r} else found(name)\n"
        "from mimesim.cli.main import main\n"
        "main(['trace', 'record', 'out/own', '--model', 'my_module:build', '--data', 'photos'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=photos, text=True, capture_output=True, check=False)
    expected = "mimesim.training: needs PyTorch" if missing == "torch" else f"recording needs {missing}"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {expected}")
    assert "pip install 'mimesim[train]'" in done.stderr
    assert done.stderr.count("\n") == 1
