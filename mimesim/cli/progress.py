"""The progress of a run on stderr, where there is a terminal to see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["shown_progress"]

_READING = "mimesim: reading the workload"


@contextmanager
def shown_progress(quiet: bool, unit: str = "passes") -> Iterator[Callable[[str, int, int], None] | None]:
    """Show a bar for every case while the block runs; gives what ``run_workload`` is to call.

    *unit* is what the bars count.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    # Before rich, which takes a tenth of a second to load: who waits wants to see that something happens.
    print(_READING, end="\r", file=sys.stderr, flush=True)
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    print(" " * len(_READING), end="\r", file=sys.stderr, flush=True)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        reading = bars.add_task(_READING, total=None)
        rows: dict[str, TaskID] = {}

        def report(case: str, done: int, total: int) -> None:
            if case not in rows:
                bars.update(reading, visible=False)
                rows[case] = bars.add_task(case, total=total, start=False)
            if done and not bars.tasks[bars.task_ids.index(rows[case])].started:
                bars.start_task(rows[case])
            bars.update(rows[case], completed=done)

        yield report
