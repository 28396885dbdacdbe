"""``mimesim compare``: what it writes and prints, what it refuses, and what an interrupted one leaves."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.conftest import Mimesim

SMALL = ("--images", "1", "--jobs", "1")


def test_it_writes_tables_and_prints_advice(mimesim: Mimesim, folder: Path) -> None:
    done = mimesim("compare", "tiny", *SMALL, "--out", "compared")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pipelined: 3 tasks, tasks mixed, 3 images; by image" in done.stdout
    assert "- Least energy, tasks mixed: case-2. " in done.stdout
    assert "results in compared: compare.csv, storage_by_tasks.csv, compare.md, run.json;" in done.stdout
    written = {path.name: path for path in (folder / "compared").iterdir()}
    replays = [name for name, path in written.items() if path.is_dir()]
    singles = [f"singular-{task}-single" for task in ("cifar10", "cifar100", "fashion_mnist")]
    assert sorted(replays) == sorted(["pipelined", "singular", *singles])
    assert ("compare.png" in written) == (find_spec("matplotlib") is not None)
    table = pd.read_csv(written["compare.csv"]).query("replay == 'pipelined'").set_index("case")
    summary = pd.read_csv(written["pipelined"] / "summary.csv").set_index("case")
    assert (table.energy * 3).tolist() == pytest.approx(summary.energy_total.tolist())
    assert json.loads((written["pipelined"] / "run.json").read_text())["balanced"]
    first = {path: path.read_bytes() for path in (folder / "compared").rglob("*.[cm]*")}
    assert mimesim("compare", "tiny", *SMALL, "--out", "compared", "--quiet").stdout == ""
    assert {path: path.read_bytes() for path in (folder / "compared").rglob("*.[cm]*")} == first


def test_what_is_there_of_an_interrupted_one_is_written_over(mimesim: Mimesim, folder: Path) -> None:
    options = ("compare", "tiny", *SMALL, "--mode", "pipelined", "--quiet")
    assert mimesim(*options).returncode == 0
    out = folder / "out" / "tiny-compare"
    kept = out / "pipelined" / "notes.txt"
    kept.write_text("mine")
    for path in out.iterdir():
        if path.is_file():
            path.unlink()
    assert mimesim(*options).returncode == 0
    assert kept.read_text() == "mine"
    assert (out / "compare.csv").exists()


def test_a_picture_elsewhere(mimesim: Mimesim, folder: Path) -> None:
    pytest.importorskip("matplotlib")
    done = mimesim("compare", "tiny", *SMALL, "--mode", "pipelined", "--plot", "front.svg", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "front.svg").read_bytes().startswith(b"<?xml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--max-loss -1", "--max-loss: -1.0: must be from 0 to 100"),
        ("--max-loss nan", "--max-loss: nan: must be from 0 to 100"),
        ("--floor 101", "--floor: 101.0: must be from 0 to 100"),
        ("--storage 0", "--storage: 0.0: must be a number of KiB, more than 0"),
        ("--storage inf", "--storage: inf: must be a number of KiB, more than 0"),
        ("--tasks-ahead 0", "--tasks-ahead: 0: must be from 1 to 1000"),
        ("--images 0", "--images: 0: must be at least 1"),
        ("--images 9", "tiny.yaml: images_per_task = 9: must be at most 3"),
        ("--mode both", "Invalid value for '--mode': 'both' is not one of 'singular', 'pipelined', 'multitask'"),
        ("--mode multitask", "--mode: 'multitask': is for tasks that recorded images of one data set in common; these"),
        ("--jobs 0", "run: jobs = 0: must be at least 1"),
        ("--plot front.bmp", "--plot: 'front.bmp': must end in .png, .svg, .pdf"),
        ("--out taken", "taken: holds 'diary.txt' and no run.json of mimesim's"),
        ("--out half", "half/pipelined: holds 'diary.txt' and no run.json of mimesim's"),
        ("--set cases.case-3.tasks.cifar10=mine", "cases.2.tasks.cifar10 = 'mine': trace 'mime'"),
        ("--set cases.1.hardware.grid.channels=8", "cases.1.hardware: case 'case-2': schemes are compared on one"),
        ("--set hardware.caches.weights_kib=0.5", "--set hardware.caches.weights_kib=0.5: hardware.caches.weights_k"),
        ("--set cases.0.scheme=mine", "cases.0.scheme = 'mine': there is no such scheme; did you mean 'mime'?"),
    ],
)
def test_bad_input_is_one_line(mimesim_here: Mimesim, folder: Path, options: str, message: str) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "diary.txt").write_text("dear diary")
    (folder / "half" / "pipelined").mkdir(parents=True)
    (folder / "half" / "pipelined" / "diary.txt").write_text("dear diary")
    (folder / "half" / "run.json").write_text('{"format": "mimesim-run"}')
    done = mimesim_here("compare", "tiny", *options.split())
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not (folder / "out").exists()
