"""``mimesim report`` from the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Mimesim

for package in ("matplotlib", "jinja2"):
    pytest.importorskip(package)


def test_a_report_of_two_runs(mimesim: Mimesim, folder: Path) -> None:
    assert mimesim("run", "tiny", "--quiet").returncode == 0
    done = mimesim("report", "out/tiny-pipelined", "--png", "out/png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "report in out/report.html, 7 figures in out/png\n"
    assert (folder / "out" / "report.html").read_text().startswith("<!DOCTYPE html>")
    assert len(list((folder / "out" / "png").iterdir())) == 7
    # Another process, with other hashes, and what it finds beside the results is no result.
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    command = [sys.executable, "-m", "mimesim", "report", "out/tiny-pipelined", "--out", "out/again.html", "--quiet"]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / "out" / "again.html").read_bytes() == (folder / "out" / "report.html").read_bytes()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("report", "Missing argument 'OUT...' (see 'mimesim report --help')"),
        ("report nowhere", "nowhere: there is no such folder"),
        ("report workloads", "workloads: holds no results of mimesim run: no run.json, in it or one folder below"),
        ("report workloads/tiny.yaml", "workloads/tiny.yaml: is not a folder"),
        ("report traces --out x/y.html", "traces: holds no results of mimesim run"),
    ],
)
def test_a_mistake_gives_one_line_and_leaves_nothing(
    mimesim_here: Mimesim, folder: Path, command: str, message: str
) -> None:
    done = mimesim_here(*command.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["traces", "workloads"]
