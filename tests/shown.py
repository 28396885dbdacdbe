"""Command lines that pages and help texts show, run as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

__all__ = ["OFTEN_SHOWN", "WARNINGS", "Shown", "checkout", "execute"]

ROOT = Path(__file__).resolve().parents[1]

#: Take many seconds, need nothing but shipped files, and stand in more than one place: run once for all of them.
OFTEN_SHOWN = frozenset(
    {
        "mimesim compare tiny",
        "mimesim serve tiny",
        "mimesim serve tiny --arrivals bursty --load 0.5 --policy grouped --requests 100000 --images 1",
        "mimesim serve tiny --load 0.5:2:0.5 --shares 0.34,0.7,1 --images 1 --requests 2000",
    }
)

#: Warnings are errors, but for what pyparsing says of grammars where any are asked for: of those of matplotlib 3.8.
WARNINGS = "error,ignore:::pyparsing"


def checkout(folder: Path) -> Path:
    """Make *folder* look like a checkout, whose own files lie elsewhere."""
    (folder / "workloads").symlink_to(ROOT / "workloads")
    (folder / "traces").mkdir()
    for trace in (ROOT / "traces").iterdir():
        (folder / "traces" / trace.name).symlink_to(trace)
    return folder


def execute(command: list[str] | str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command, or a line of a shell, with this Python's own ``mimesim``; warnings are errors."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONWARNINGS": WARNINGS, "COLUMNS": "120", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        shell=isinstance(command, str),
        text=True,
        capture_output=True,
        check=False,
    )


class Shown:
    """Runs what is shown: a line of :data:`OFTEN_SHOWN` once, in a checkout of its own, whose results are copied."""

    def __init__(self, new_folder: Callable[[], Path]) -> None:
        self._new_folder = new_folder
        self._done: dict[str, tuple[subprocess.CompletedProcess[str], Path]] = {}

    def run(self, line: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Return what *line* printed, with its results in *folder*."""
        if line not in OFTEN_SHOWN:
            return execute(line, folder)
        if line not in self._done:
            alone = checkout(self._new_folder())
            self._done[line] = execute(line, alone), alone
        done, alone = self._done[line]
        assert {path.name for path in alone.iterdir()} <= {"workloads", "traces", "out"}
        if (alone / "out").exists():
            copytree(alone / "out", folder / "out", dirs_exist_ok=True)
        return done
