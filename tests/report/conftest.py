"""Results to report, replayed once: the tiny workload in two modes, on small caches, and under hostile names."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from mimesim.config import Mode, load_workload
from mimesim.results import write_results
from mimesim.simulation import run_workload
from tests.report.hostile import NAMES

ROOT = Path(__file__).resolve().parents[2]

SMALL = [f"hardware.caches.{name}_kib={size}" for name, size in (("weights", 5), ("activations", 4), ("thresholds", 2))]


def replay(out: Path, mode: Mode, *settings: str) -> Path:
    workload = load_workload(str(ROOT / "workloads" / "tiny.yaml"), settings)
    return write_results(run_workload(workload, mode, jobs=1), workload, out, {})


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of folders: do not change them."""
    folder = tmp_path_factory.mktemp("out")
    replay(folder / "tiny-pipelined", "pipelined")
    replay(folder / "tiny-singular", "singular")
    replay(folder / "tiny-small", "pipelined", *SMALL)
    return folder


@pytest.fixture
def pipelined(results: Path, tmp_path: Path) -> Path:
    """A copy of one of them, to be changed."""
    return Path(shutil.copytree(results / "tiny-small", tmp_path / "copy"))


@pytest.fixture(scope="session")
def hostile(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results whose names are markup, formulas, paths and mathematics, as no workload can have them but a hand can."""
    folder = tmp_path_factory.mktemp("hostile") / "run"
    shutil.copytree(results / "tiny-small", folder)
    for path in folder.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as stream:
            rows = [[NAMES.get(cell, cell) for cell in row] for row in csv.reader(stream)]
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
    document = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(_renamed(document)))
    return folder


def _renamed(value: object) -> object:
    if isinstance(value, dict):
        return {key: _renamed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_renamed(entry) for entry in value]
    return NAMES.get(value, value) if isinstance(value, str) else value
