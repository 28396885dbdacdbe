"""Processes that share work: they report as they go, and none outlives an error or a Ctrl-C."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

from mimesim.errors import MimesimError

__all__ = ["crew", "run_parallel"]

Item = TypeVar("Item")
Result = TypeVar("Result")
#: Does one item, telling how far it is.
Work = Callable[[str, Callable[[int], None]], Result]


def run_parallel(
    setup: Callable[[], Work[Result]],
    items: Sequence[str],
    processes: int,
    likeness: Mapping[str, Hashable],
    report: Callable[[str, int], None],
) -> list[Result]:
    """Return the result of every item, in the order of *items*.

    Each of the *processes* calls *setup* once and then what it returned, item by item; next comes an item of the same
    *likeness* as its last one, if there is one left. *setup* and the results travel by pickle. The first error ends
    everything and is raised here, as is :class:`MimesimError` if a process dies.
    """
    pending = list(items)
    results: dict[str, Result] = {}
    busy: dict[Connection, str] = {}
    with _started(setup, processes) as pool:
        for connection in pool:
            busy[connection] = _next(pending, None, likeness)
            _send(connection, pool[connection], busy[connection])
        while busy:
            for ready in wait(list(busy)):
                connection = cast("Connection", ready)
                kind, value = _receive(connection, pool[connection])
                if kind == "error":
                    raise value
                if kind == "progress":
                    report(busy[connection], value)
                    continue
                done = busy.pop(connection)
                results[done] = value
                if pending:
                    busy[connection] = _next(pending, done, likeness)
                    _send(connection, pool[connection], busy[connection])
    return [results[item] for item in items]


@contextmanager
def crew(
    setup: Callable[[], Callable[[Item], Result]], processes: int, attempts: int = 2
) -> Iterator[Callable[[Iterable[Item]], Iterator[tuple[Item, Result | MimesimError]]]]:
    """Give a function that yields every one of some items with its result, as they come; it may be called again.

    Each of the *processes* calls *setup* once and then what it returned, item by item; all travel by pickle. A process
    that dies is replaced and its item tried again; after so many *attempts* the item has an error in the place of a
    result. Work that raises ends everything: what may go wrong with an item is for the work to return.
    """
    adapted = partial(_adapted, setup)
    with _started(adapted, processes) as pool:
        yield lambda items: _each(pool, adapted, items, attempts)


def _each(
    pool: dict[Connection, BaseProcess], setup: Callable[[], Callable[..., object]], items: Iterable[Any], attempts: int
) -> Iterator[tuple[Any, Any]]:
    pending = ((item, 1) for item in items)
    again: list[tuple[Any, int]] = []
    busy: dict[Connection, tuple[Any, int]] = {}
    idle = list(pool)
    while True:
        while idle and (task := again.pop() if again else next(pending, None)) is not None:
            connection = idle.pop()
            busy[connection] = task
            # One that died before it got anything is found out when it is waited for.
            with suppress(OSError):
                connection.send(task[0])
        if not busy:
            return
        for ready in wait(list(busy)):
            connection = cast("Connection", ready)
            item, tried = busy.pop(connection)
            try:
                kind, value = _receive(connection, pool[connection])
            except MimesimError as error:
                idle.append(_replaced(pool, connection, setup))
                if tried < attempts:
                    again.append((item, tried + 1))
                else:
                    yield item, error
                continue
            if kind == "error":
                raise value
            idle.append(connection)
            yield item, value


def _adapted(setup: Callable[[], Callable[[Item], Result]]) -> Callable[[Item, object], Result]:
    work = setup()
    return lambda item, _: work(item)


def _replaced(
    pool: dict[Connection, BaseProcess], connection: Connection, setup: Callable[[], Callable[..., object]]
) -> Connection:
    """Start a process in the place of a dead one and return the connection to it."""
    pool.pop(connection).join()
    connection.close()
    with _interrupts_blocked():
        here, process = _start(setup)
    pool[here] = process
    return here


def _next(pending: list[str], last: str | None, likeness: Mapping[str, Hashable]) -> str:
    alike = (item for item in pending if last is not None and likeness[item] == likeness[last])
    item = next(alike, pending[0])
    pending.remove(item)
    return item


@contextmanager
def _started(setup: Callable[[], Callable[..., object]], count: int) -> Iterator[dict[Connection, BaseProcess]]:
    """Start processes and end them at the end, whatever they are doing."""
    pool: dict[Connection, BaseProcess] = {}
    try:
        with _interrupts_blocked():
            for _ in range(count):
                here, process = _start(setup)
                pool[here] = process
        yield pool
    finally:
        for process in pool.values():
            process.kill()
        for connection, process in pool.items():
            process.join()
            connection.close()


def _start(setup: Callable[[], Callable[..., object]]) -> tuple[Connection, BaseProcess]:
    # Not forked: a fork would copy the locks of whatever threads the caller has.
    context = get_context("spawn")
    here, there = context.Pipe()
    process: BaseProcess = context.Process(target=_serve, args=(there, setup), daemon=True)
    process.start()
    there.close()
    return here, process


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Hold back Ctrl-C; processes started meanwhile never see it, so that the caller alone decides what ends."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Starting a process starts this one first, if it is not there, and that lets signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _send(connection: Connection, process: BaseProcess, item: str) -> None:
    try:
        connection.send(item)
    except OSError:
        raise _died(process) from None


def _receive(connection: Connection, process: BaseProcess) -> tuple[str, Any]:
    try:
        message: tuple[str, Any] = connection.recv()
    except (EOFError, OSError):
        raise _died(process) from None
    return message


def _died(process: BaseProcess) -> MimesimError:
    process.join(1)
    return MimesimError(
        f"a worker process ended early (exit code {process.exitcode}): out of memory? In a script, keep what runs "
        'under if __name__ == "__main__":, or use one job'
    )


def _serve(connection: Connection, setup: Callable[[], Callable[..., object]]) -> None:
    """Do items until the other end of *connection* is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        work = setup()
        while True:
            item = connection.recv()
            connection.send(("result", work(item, lambda done: connection.send(("progress", done)))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        connection.send(("error", _portable(error)))


def _portable(error: Exception) -> Exception:
    """Return an error that survives the way to another process and tells where it came from."""
    if isinstance(error, MimesimError):
        return error
    copy = RuntimeError(repr(error))
    copy.add_note(f"in a worker process:\n{traceback.format_exc()}")
    return copy
