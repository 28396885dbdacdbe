"""How the points that a sweep does in a second grow with its workers, far beyond the cores of this machine.

A worker waits as long as a replay takes in the place of replaying, so that any number of them fit into any machine.
All else is a sweep's own: points are read, sent to processes, received, kept and written as ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mimesim.errors import MimesimError
from mimesim.sweeps import Store, load_sweep, run_sweep
from mimesim.sweeps.design import points_of
from mimesim.sweeps.points import Entry, Job, Shelf, resolve
from mimesim.sweeps.replays import Outcome, here
from mimesim.workers import crew

__all__ = ["Handed", "waiting_workers"]


@dataclass(frozen=True)
class Handed:
    """So many *points* by so many *workers*, which wait *seconds* for each, took the sweep *wall* seconds."""

    points: int
    workers: int
    seconds: float
    wall: float

    @property
    def rate(self) -> float:
        """Points per second."""
        return self.points / self.wall

    @property
    def linear(self) -> float:
        """The part of the time in which the workers were at work: 1 where they never waited for the sweep."""
        return self.rate * self.seconds / self.workers


def waiting_workers(file: Path, out: Path, workers: int, seconds: float) -> Handed:
    """Run the sweep in *file* with so many *workers* that wait *seconds* for each point; they are there before.

    Results go to the folder *out*. What every point is said to lead to is what the first one does.
    """
    sweep = load_sweep(file)
    entry, *_ = resolve(sweep, 0, points_of(sweep.design)[0], Shelf())
    given = here(None, "auto")(_job(entry))
    with crew(partial(_Waiting, given, seconds), workers) as work:
        # One each, so that all are there.
        for _ in work([_job(entry)] * workers):
            pass

        def hand_out(jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
            for job, found in work(jobs):
                if isinstance(found, MimesimError):
                    raise found
                yield job, found

        began = time.perf_counter()
        tally, _ = run_sweep(sweep, out / "results", Store(out / "points"), hand_out)
        wall = time.perf_counter() - began
    return Handed(tally.replayed, workers, seconds, wall)


class _Waiting:
    """Takes *seconds* for a job, and returns what another one led to."""

    def __init__(self, outcome: Outcome, seconds: float) -> None:
        self._outcome, self._seconds = outcome, seconds

    def __call__(self, job: Job) -> Outcome:
        time.sleep(self._seconds)
        return self._outcome


def _job(entry: Entry) -> Job:
    if entry.job is None:
        raise MimesimError(entry.error)
    return entry.job
