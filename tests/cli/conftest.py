from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mimesim.cli.main import _status
from tests.shown import WARNINGS

ROOT = Path(__file__).resolve().parents[2]

Mimesim = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that sees the source tree's workloads and traces, as the help texts name them."""
    for name in ("workloads", "traces"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mimesim(folder: Path) -> Mimesim:
    """Run ``python -m mimesim`` in a process of its own."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mimesim", *arguments]
        environment = os.environ | {"COLUMNS": "120", "PYTHONWARNINGS": WARNINGS}
        return subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)

    return run


@pytest.fixture
def mimesim_here(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mimesim:
    """Run it in this process, where warnings are errors too: for what is quicker than a process begins."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        status = _status(arguments)
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, printed.out, printed.err)

    return run
