"""Where replays run: processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, cast

from mimesim.engine import Engine
from mimesim.errors import InputError, MimesimError
from mimesim.schedule.cache import cache_folder
from mimesim.sweeps.points import Job
from mimesim.sweeps.replays import Outcome, here, started
from mimesim.workers import crew

__all__ = ["Executor", "executor_of", "on_cluster", "on_processes"]

#: Yields each job with what came of it, in any order.
Executor = Callable[[Iterable[Job]], Iterator[tuple[Job, Outcome]]]

_PATIENCE = "10s"
#: Jobs that a cluster has at a time: enough for a thousand workers, and no more than is soon sent.
_IN_FLIGHT = 1000


def executor_of(
    jobs: int | None, scheduler: str | None, cache: str | None, engine: Engine = "auto"
) -> AbstractContextManager[Executor]:
    """Give what replays on the cluster at *scheduler*, or without one in *jobs* processes here: one per CPU, if None.

    *cache* is the folder of counted masks as a user names it (:func:`mimesim.schedule.cache.cache_folder`); *engine*
    replays.
    """
    counts = cache_folder(cache)
    if scheduler is not None:
        return on_cluster(scheduler, counts, engine)
    return on_processes(jobs or os.cpu_count() or 1, counts, engine)


@contextmanager
def on_processes(processes: int, cache: Path | None, engine: Engine = "auto") -> Iterator[Executor]:
    """Give what replays jobs in *processes* of this machine, which live as long as the block.

    Counts are kept in the folder *cache*, unless it is None.
    """
    with crew(partial(started, cache, engine), processes) as work:

        def replay(jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
            for job, found in work(jobs):
                yield job, Outcome(None, f"tried twice: {found}") if isinstance(found, MimesimError) else found

        yield replay


@contextmanager
def on_cluster(scheduler: str, cache: Path | None, engine: Engine = "auto") -> Iterator[Executor]:
    """Give what replays jobs on the workers of the Dask *scheduler*, which tries again what a dead worker had.

    *cache* is a folder of each worker's own machine. Raises :class:`InputError` if no scheduler answers,
    :class:`MimesimError` if it is lost later.
    """
    if find_spec("distributed") is None:
        raise MimesimError("--scheduler needs distributed: pip install 'mimesim[cluster]'")
    import distributed

    # It tells of every result that is lost with its worker; what it does about that is to have it made again.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        client = cast("Any", distributed).Client(scheduler, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        rule = f"no Dask scheduler answers there ({' '.join(str(error).split()) or type(error).__name__})"
        raise InputError("--scheduler", rule, value=scheduler) from None
    try:
        yield partial(_on_client, client, cache, engine)
    finally:
        with suppress(OSError, RuntimeError):
            client.close()


def _on_client(client: Any, cache: Path | None, engine: Engine, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
    import distributed

    # By its hash: a job that two sweeps of one cluster ask for at the same time runs once. Not so for another engine,
    # which may have an error for what this one replays.
    def submit(job: Job) -> Any:
        return client.submit(_replay, job, cache, engine, key=f"mimesim-{engine}-{job.key}", pure=True)

    stream = iter(jobs)
    tasks = {submit(job): job for job in islice(stream, _IN_FLIGHT)}
    completed = cast("Any", distributed).as_completed(list(tasks), loop=client.loop)

    def send(job: Job) -> None:
        task = submit(job)
        tasks[task] = job
        completed.add(task)

    for task in completed:
        if task.status == "finished":
            outcome = task.result()
        elif task.status == "lost" and client.status == "running":
            # It lay on a worker that died before it was fetched: somebody else does it again.
            send(tasks.pop(task))
            continue
        elif task.status == "lost":
            raise MimesimError("the Dask scheduler is lost; the same command goes on where it was")
        else:
            outcome = Outcome(None, _reason(task.exception()))
        yield tasks.pop(task), outcome
        # The cluster need not keep it.
        task.release()
        for job in islice(stream, 1):
            send(job)


def _replay(job: Job, cache: Path | None, engine: Engine) -> Outcome:
    return here(cache, engine)(job)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"on the cluster: {type(error).__name__}: {text}"
