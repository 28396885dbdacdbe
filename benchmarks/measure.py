"""What a command costs: wall and CPU seconds, and memory, of it and all its processes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

__all__ = ["PYTHON", "Cost", "cost_of", "machine"]

PYTHON = sys.executable
#: Seconds between two looks at the memory.
_INTERVAL = 0.1


@dataclass(frozen=True)
class Cost:
    """Seconds, and mebibytes: *largest_mib* of the largest process, *together_mib* of all (0 if not looked at)."""

    wall_seconds: float
    cpu_seconds: float
    largest_mib: float
    together_mib: float


def cost_of(command: Sequence[str | Path], cwd: Path, *, memory: bool = False) -> Cost:
    """Run *command* in folder *cwd* and return what it cost; raises :class:`RuntimeError` with its output if it fails.

    What the processes share counts once in *together_mib*, which is looked at only if *memory* is wanted.
    """
    began = time.perf_counter()
    with (cwd / "output.log").open("w+b") as log:
        process = subprocess.Popen([str(part) for part in command], cwd=cwd, stdout=log, stderr=subprocess.STDOUT)
        together = 0
        while True:
            # Not process.wait(): the usage of this child and of those it waited for, but of no other.
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if memory:
                together = max(together, sum(_proportional_kib(child) for child in _tree(process.pid)))
            time.sleep(_INTERVAL)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{command} ended with {process.returncode}:\n{log.read().decode(errors='replace')}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20, together / 1024)


def machine() -> str:
    """Return a line on what was measured on, as far as it matters to a comparison."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("simpy", "numpy", "pydantic"))
    return (
        f"{os.cpu_count()} CPU cores ({platform.machine()}, {platform.system()}), "
        f"Python {platform.python_version()}, {packages}"
    )


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _proportional_kib(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return int(text.split("Pss:")[1].split()[0])
    return 0
