"""Run a sweep: what is known is looked up, the rest is replayed, and every row is kept as soon as it is there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from mimesim.errors import InputError
from mimesim.machine.accelerator import no_cycle_collection
from mimesim.results import check_destination
from mimesim.results.csv_file import Row
from mimesim.sweeps.design import points_of
from mimesim.sweeps.executors import Executor
from mimesim.sweeps.journal import Journal
from mimesim.sweeps.points import Entry, Job, Shelf, resolve
from mimesim.sweeps.queue import alike_together
from mimesim.sweeps.replays import Outcome
from mimesim.sweeps.settings import Sweep
from mimesim.sweeps.store import Kept, Store

__all__ = ["Clock", "Progress", "Tally", "measured", "record", "run_sweep"]

#: Called with what is counted, how many of it are done, and how many there are.
Progress = Callable[[str, int, int], None]

_POINTS = "points"


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

    Replays that *store* knows are not run again; points are read while others are replayed. Raises
    :class:`InputError` where nothing can be replayed or written; what was found until then is in *store*, and the next
    run of the sweep goes on from there.
    """
    check_destination(out)
    clock, points = Clock(), points_of(sweep.design)
    journal, tally = Journal(sweep, out, {"points": len(points)}), Tally()
    record(_read(sweep, points), journal, store, executor, tally, _counted(len(points), progress))
    if not journal.begun:
        raise InputError(str(out), f"no point can be replayed; the first: {tally.first_errors[0]}")
    journal.finish(measured(tally, clock))
    return tally, list(journal.rows.values())


def record(
    points: Iterable[Sequence[Entry]],
    journal: Journal,
    store: Store,
    executor: Executor,
    tally: Tally,
    tell: Callable[[], None] = lambda: None,
) -> None:
    """Bring what *store* knows of the entries of *points*, and what *executor* finds, into *journal*.

    Each point is read when it is about to be handed out, and let go when it is done, which is when *tell* is called.
    """
    intake = _Intake(journal, store, tally, tell)
    for job, outcome in executor(alike_together(intake.jobs(points))):
        intake.settle(job, outcome)


class _Intake:
    """Entries on their way from being read to being written."""

    def __init__(self, journal: Journal, store: Store, tally: Tally, tell: Callable[[], None]) -> None:
        self._journal, self._store, self._tally, self._tell = journal, store, tally, tell
        #: Entries whose replay is handed out, by its key: several may ask for the same one.
        self._wanted: dict[str, list[Entry]] = {}
        #: Of points that are not done, how many entries are not.
        self._open: Counter[int] = Counter()
        #: What this run has replayed, with its error if it has one.
        self._settled: dict[str, str] = {}

    def jobs(self, points: Iterable[Sequence[Entry]]) -> Iterator[Job]:
        """Yield what is to be replayed; what is known, and what cannot be replayed, is recorded on the way."""
        for entries in points:
            self._tally.rows += len(entries)
            for entry in entries:
                self._journal.expect(entry)
                self._open[entry.point] += 1
            for entry in entries:
                yield from self._admit(entry)

    def _admit(self, entry: Entry) -> Iterator[Job]:
        job = entry.job
        if job is None:
            self._add(entry, None, entry.error)
            return
        if not self._journal.begun:
            self._journal.begin()
        if job.key in self._wanted:
            self._wanted[job.key].append(entry)
        elif error := self._settled.get(job.key):
            self._add(entry, None, error)
        elif (known := self._store.get(job)) is not None:
            self._add(entry, known)
        else:
            self._wanted[job.key] = [entry]
            yield job

    def settle(self, job: Job, outcome: Outcome) -> None:
        """Record what came of *job* for all entries that asked for it."""
        self._tally.note(outcome)
        kept = None
        if outcome.values is not None:
            kept = Kept(outcome.values, outcome.engine)
            # First the store, which the next run believes.
            self._store.put(job, kept)
        self._settled[job.key] = outcome.error
        for entry in self._wanted.pop(job.key):
            self._add(entry, kept, outcome.error)

    def _add(self, entry: Entry, kept: Kept | None, error: str = "") -> None:
        self._journal.add(entry, kept, error)
        if kept is None:
            self._tally.fail(error)
        else:
            new = entry.job is not None and entry.job.key in self._settled
            self._tally.replayed += new
            self._tally.known += not new
            self._tally.engines[kept.engine] += 1
        self._open[entry.point] -= 1
        if not self._open[entry.point]:
            del self._open[entry.point]
            self._tell()


def _read(sweep: Sweep, points: Sequence[Mapping[str, Any]]) -> Iterator[list[Entry]]:
    """Yield the entries of each point, which is read when it is asked for."""
    shelf = Shelf()
    for number, settings in enumerate(points):
        # The collector would walk all that waits, again and again, and find nothing to take.
        with no_cycle_collection():
            entries = resolve(sweep, number, settings, shelf)
        yield entries


def _counted(total: int, progress: Progress | None) -> Callable[[], None]:
    """Return what tells *progress* that one more point is done."""
    done = count(1)
    if progress is None:
        return lambda: None
    progress(_POINTS, 0, total)
    return lambda: progress(_POINTS, next(done), total)


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
