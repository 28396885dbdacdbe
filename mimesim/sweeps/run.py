"""Run a sweep: what is known is looked up, the rest is replayed, and every row is kept as soon as it is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mimesim.errors import InputError
from mimesim.machine.accelerator import no_cycle_collection
from mimesim.results import check_destination
from mimesim.results.csv_file import Row
from mimesim.schedule.shaping import Shaping
from mimesim.sweeps.design import points_of
from mimesim.sweeps.executors import Executor
from mimesim.sweeps.journal import Journal
from mimesim.sweeps.points import Entry, Job, Shelf, resolve
from mimesim.sweeps.replays import Outcome
from mimesim.sweeps.settings import Sweep
from mimesim.sweeps.store import Kept, Store

__all__ = ["Clock", "Progress", "Tally", "measured", "record", "run_sweep"]

#: Called with what is counted, how many of it are done, and how many there are.
Progress = Callable[[str, int, int], None]

_READING = "points read"
_REPLAYS = "replays"


@dataclass
class Tally:
    """What became of the rows of a sweep: *known* from before, *replayed* now, *failed*; rows by who replayed them.

    Of CPU time, *start_seconds* is that of all *workers* until their first replay, *first_seconds* that of these, which
    read traces and count masks, *cpu_seconds* that of all replays. Workers of a cluster were there before.
    """

    rows: int = 0
    known: int = 0
    replayed: int = 0
    failed: int = 0
    cpu_seconds: float = 0.0
    workers: int = 0
    start_seconds: float = 0.0
    first_seconds: float = 0.0
    engines: Counter[str] = field(default_factory=Counter)
    first_errors: list[str] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        """Count one replay."""
        self.cpu_seconds += outcome.cpu_seconds
        if outcome.start_seconds:
            self.workers += 1
            self.start_seconds += outcome.start_seconds
            self.first_seconds += outcome.cpu_seconds

    def fail(self, error: str) -> None:
        """Count one row that has none."""
        self.failed += 1
        if error not in self.first_errors and len(self.first_errors) < 3:
            self.first_errors.append(error)


def run_sweep(
    sweep: Sweep, out: Path, store: Store, executor: Executor, progress: Progress | None = None
) -> tuple[Tally, list[Row]]:
    """Write the results of *sweep* to folder *out*; return what became of it, and the rows in their order.

    Replays that *store* knows are not run again. Raises :class:`InputError` where nothing can be replayed or written;
    what was found until then is in *store*, and the next run of the sweep goes on from there.
    """
    check_destination(out)
    clock, shelf, tell = Clock(), Shelf(), progress or (lambda *_: None)
    points = points_of(sweep.design)
    entries: list[Entry] = []
    for number, settings in enumerate(points):
        # The collector would walk all points so far, again and again, and find none to take.
        with no_cycle_collection():
            entries += resolve(sweep, number, settings, shelf)
        tell(_READING, number + 1, len(points))
    if not any(entry.job for entry in entries):
        raise InputError(str(out), f"no point can be replayed; the first: {entries[0].error}")
    journal, tally = Journal(sweep, out, {"points": len(points)}), Tally(rows=len(entries))
    record(entries, journal, store, executor, tally, tell)
    journal.finish(entries, measured(tally, clock))
    return tally, list(journal.rows.values())


def record(
    entries: Sequence[Entry], journal: Journal, store: Store, executor: Executor, tally: Tally, tell: Progress
) -> None:
    """Bring what *store* knows of *entries*, and what *executor* finds, into *journal*."""
    wanted: dict[str, list[Entry]] = {}
    jobs: list[Job] = []
    for entry in entries:
        if entry.job is None:
            journal.add(entry, None, entry.error)
            tally.fail(entry.error)
        elif (known := store.get(entry.job)) is not None:
            journal.add(entry, known)
            tally.known += 1
            tally.engines[known.engine] += 1
        else:
            if entry.job.key not in wanted:
                jobs.append(entry.job)
            wanted.setdefault(entry.job.key, []).append(entry)
    if not journal.begun:
        journal.begin()
    done = len(entries) - sum(map(len, wanted.values()))
    tell(_REPLAYS, done, len(entries))
    if not jobs:
        return
    for job, outcome in executor(_alike(jobs)):
        # First the store, which the next run believes.
        kept = None if outcome.values is None else Kept(outcome.values, outcome.engine)
        if kept is not None:
            store.put(job, kept)
        tally.note(outcome)
        for entry in wanted[job.key]:
            journal.add(entry, kept, outcome.error)
            if kept is None:
                tally.fail(outcome.error)
            else:
                tally.replayed += 1
                tally.engines[kept.engine] += 1
        done += len(wanted[job.key])
        tell(_REPLAYS, done, len(entries))


class Clock:
    """The time since it was made: on the wall, and of this process's CPU."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def seconds(self) -> dict[str, float]:
        """Return both, rounded; *own* is what this process did, which hands out replays and keeps what comes back."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {"own_cpu_seconds": round(cpu, 3), "wall_seconds": round(wall, 3)}


def measured(tally: Tally, clock: Clock) -> dict[str, object]:
    """Return what differs from run to run."""
    return {"known": tally.known, "replayed": tally.replayed, "failed": tally.failed,
            "engines": {name or "unknown": rows for name, rows in sorted(tally.engines.items())},
            "workers": tally.workers, "start_cpu_seconds": round(tally.start_seconds, 3),
            "first_cpu_seconds": round(tally.first_seconds, 3), "cpu_seconds": round(tally.cpu_seconds, 3),
            **clock.seconds()}  # fmt: skip


def _alike(jobs: Iterable[Job]) -> list[Job]:
    """Return *jobs* with those that share shapes and counts next to each other: these are then made once."""
    machines: dict[Shaping, int] = {}
    return sorted(jobs, key=lambda job: machines.setdefault(job.shaping, len(machines)))
