"""Small sweeps, and executors that need no processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from mimesim.engine import Engine
from mimesim.sweeps import Sweep, load_sweep
from mimesim.sweeps.points import Job
from mimesim.sweeps.replays import Outcome, Replays

GRID = {"grid": {"hardware.dram.channels": [1, 2], "schedule.set_order": ["inner", "outer"]}}
RANGES = {
    "hardware.dram.channels": {"choice": [1, 2, 4]},
    "hardware.grid.channels": {"integers": [8, 64]},
    "hardware.clock_mhz": {"uniform": [100, 400]},
    "hardware.caches.weights_kib": {"log": [8, 64]},
}


def described(design: Mapping[str, Any] = GRID, **rest: Any) -> dict[str, Any]:
    """Return what a file of a sweep says."""
    return {"name": "s", "workload": "tiny", "cases": ["case-3"], "images": 1, "design": design} | rest


def write(folder: Path, content: object) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return path


def made(folder: Path, design: Mapping[str, Any] = GRID, **rest: Any) -> Sweep:
    return load_sweep(write(folder, described(design, **rest)))


class Here:
    """Replays in this process and counts; *until* so many, then Ctrl-C."""

    def __init__(self, until: int = 1000, engine: Engine = "auto") -> None:
        self.replays = Replays(None, engine)
        self.done: list[str] = []
        self.until = until

    def __call__(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
        for job in jobs:
            if len(self.done) == self.until:
                raise KeyboardInterrupt
            self.done.append(job.key)
            yield job, self.replays(job)
