"""A command starts quickly, because it imports what it needs when it needs it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("torch", "pandas", "matplotlib", "rich", "numpy", "pydantic", "simpy", "yaml")


def imported(folder: Path, *arguments: str) -> set[str]:
    """Return the top-level packages that a command line imports."""
    script = (
        "import sys\nfrom mimesim.cli.main import _status\n"
        f"status = _status({list(arguments)!r})\nassert status == 0, status\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, text=True, capture_output=True, check=True)
    return set(done.stderr.split())


def test_help_imports_nothing_heavy(folder: Path) -> None:
    assert not imported(folder, "run", "--help") & set(HEAVY)


def test_a_run_imports_neither_torch_nor_pandas_nor_matplotlib(folder: Path) -> None:
    names = imported(folder, "run", "tiny")
    assert {"numpy", "simpy", "rich"} <= names
    assert not names & {"torch", "pandas", "matplotlib"}


def test_a_quiet_run_needs_no_rich(folder: Path) -> None:
    assert "rich" not in imported(folder, "run", "tiny", "--quiet")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_progress_at_once(folder: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    began = time.monotonic()
    run = subprocess.Popen(
        [sys.executable, "-m", "mimesim", "run", "tiny", "--mode", "singular"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = os.read(ours, 1000)
    seconds = time.monotonic() - began
    assert shown.startswith(b"mimesim: reading the workload")
    # Far less on an idle machine (see benchmarks/); this only keeps heavy imports out.
    assert seconds < 5
    while True:
        try:
            more = os.read(ours, 10_000)
        except OSError:
            break
        if not more:
            break
        shown += more
    os.close(ours)
    assert run.wait() == 0
    assert b"case-3" in shown
