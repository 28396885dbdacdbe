"""What all measurements are made of: where they work, what they found, and how they run mimesim."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import PYTHON, Cost, cost_of

__all__ = ["ENGINES", "Check", "Options", "Section", "child", "run"]

_PIPELINE = Path(__file__).with_name("pipeline.py")
#: Both yield the same results to the last bit: the reference, and the one for exploration.
ENGINES = ("simpy", "compiled")


@dataclass(frozen=True)
class Options:
    """Where to work, how often to repeat, which sizes, and the Python that has SCALE-Sim (None: leave it out)."""

    folder: Path
    repeats: int
    sizes: tuple[int, ...]
    scale_sim: Path | None

    def place(self, name: str) -> Path:
        """Return a new folder for one run."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return folder


@dataclass(frozen=True)
class Check:
    """One number beside its target."""

    what: str
    measured: str
    target: str
    met: bool


@dataclass(frozen=True)
class Section:
    """What one measurement found: its checks, and the numbers behind them as lines of Markdown."""

    title: str
    checks: Sequence[Check]
    details: Sequence[str] = field(default=())


def run(place: Path, workload: Path, *options: str) -> Cost:
    """Return what one ``mimesim run`` costs, as a user starts it."""
    return cost_of(
        [PYTHON, "-m", "mimesim", "run", workload, "--quiet", "--out", place / "out", *options], place, memory=True
    )


def child(what: str, argument: Path | int, *rest: str) -> list[float]:
    """Return the numbers that one side of the pipeline comparison prints."""
    done = subprocess.run([PYTHON, _PIPELINE, what, str(argument), *rest], capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]
