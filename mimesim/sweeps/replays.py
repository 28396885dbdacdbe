"""What a worker does: replay one job and tell what came of it."""

from __future__ import annotations

import threading
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mimesim import __version__
from mimesim.engine import Engine, prepare
from mimesim.errors import MimesimError
from mimesim.machine.accelerator import no_cycle_collection
from mimesim.recordings import Recordings
from mimesim.results import all_violations
from mimesim.results.csv_file import Cell
from mimesim.results.summary import summary_rows
from mimesim.schedule.cache import CountCache
from mimesim.schedule.costs import CostBook
from mimesim.schedule.shaping import Shaping
from mimesim.simulation import CaseResult, Runner
from mimesim.sweeps.columns import VALUES
from mimesim.sweeps.points import Job, Shelf

__all__ = ["Outcome", "Replays", "here", "started"]

#: Of how many cases the placement is kept: points take turns over the modes and cases of a sweep.
_PLACEMENTS = 4


@dataclass(frozen=True)
class Outcome:
    """What came of a job: the cells of its row, or an *error*.

    *engine* is who replayed it, empty where nobody did. *cpu_seconds* are those of all that a worker did for the job.
    *start_seconds* are not 0 in the first outcome of a process: the CPU time that its start took, before the job.
    """

    values: dict[str, Cell] | None
    error: str = ""
    engine: str = ""
    cpu_seconds: float = 0.0
    start_seconds: float = 0.0


class Replays:
    """Replays job after job; what several of them need is read and counted once."""

    def __init__(self, cache: Path | None, engine: Engine = "auto") -> None:
        """Keep counts in the folder *cache*, unless it is None; *engine* replays.

        What is compiled counts the same, and a sweep is what it was made for.
        """
        self._recordings = Recordings(engine=engine)
        #: CPU time before the first job, told with its outcome; 0 where it was not this one's alone.
        self.start_seconds = 0.0
        self._shelf = Shelf()
        self._cache = None if cache is None else CountCache(cache)
        self._book: tuple[Shaping, CostBook] | None = None

    def __call__(self, job: Job) -> Outcome:
        """Replay *job*; nothing that goes wrong with it is raised."""
        began = time.thread_time()
        outcome = self._tried(job)
        start, self.start_seconds = self.start_seconds, 0.0
        return replace(outcome, cpu_seconds=time.thread_time() - began, start_seconds=start)

    def _tried(self, job: Job) -> Outcome:
        try:
            # The collector would walk what points share after every one of them.
            with no_cycle_collection():
                return self._replay(job)
        except MimesimError as error:
            return Outcome(None, str(error))
        except MemoryError:
            return Outcome(None, "out of memory")
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            return Outcome(None, f"{error!r} in {Path(where.filename).name}:{where.lineno}: a fault of mimesim")

    def _replay(self, job: Job) -> Outcome:
        if job.configuration["mimesim"] != __version__:
            # On a cluster: what this worker counts is not what was asked for.
            raise MimesimError(f"the worker has mimesim {__version__}, not {job.configuration['mimesim']}")
        traces = self._shelf.load(job.workload, job.selection)
        runner = Runner(job.workload, job.selection, traces, self._recordings, book=self._book_for(job))
        if traces[job.case].digest() != job.configuration["trace"]:
            raise MimesimError(f"the trace of case {job.case!r} is another one here")
        result = runner.run(job.case, lambda _: None)
        if broken := all_violations([result], job.workload):
            return Outcome(None, f"a conservation law does not hold: {broken[0]}")
        return Outcome(_values(result, job), "", result.engine)

    def _book_for(self, job: Job) -> CostBook:
        """Return the book of the last job if its machine cuts alike; the shapes of many would fill the memory."""
        if self._book is None or self._book[0] != job.shaping:
            self._book = (job.shaping, CostBook(self._cache, _PLACEMENTS))
        return self._book[1]


def _values(result: CaseResult, job: Job) -> dict[str, Cell]:
    row: dict[str, Any] = dict(summary_rows([result], job.workload.energy)[0])
    shown = result.images
    # Several tasks on one picture are one image of the user's, however the scheme computes it.
    images = len({image.image_id for image in shown}) if result.mode == "multitask" else len(shown)
    row["cycles_per_image"] = row["cycles"] / images
    row["energy_per_image"] = row["energy_total"] / images
    row["dram_words_per_image"] = row["dram_words"] / images
    return {name: row[name] for name in VALUES}


def started(cache: Path | None, engine: Engine) -> Replays:
    """Return the replays of a process of its own; all that the first job would load is loaded now."""
    prepare(engine)
    replays = Replays(cache, engine)
    replays.start_seconds = time.process_time()
    return replays


_thread = threading.local()


def here(cache: Path | None, engine: Engine) -> Replays:
    """Return the replays of this thread, made once: workers of a cluster keep what they have read and counted."""
    known: dict[tuple[Path | None, Engine], Replays] = _thread.__dict__.setdefault("replays", {})
    if (cache, engine) not in known:
        prepare(engine)
        known[cache, engine] = Replays(cache, engine)
    return known[cache, engine]
