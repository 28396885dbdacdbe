"""The progress of a run on stderr, where there is a terminal to see it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["shown_progress"]


@contextmanager
def shown_progress(quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """Show a bar for every case while the block runs; gives what ``run_workload`` is to call."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    # Before rich, which takes a tenth of a second to load: who waits wants to see that something happens.
    print("mimesim: reading the workload", end="\r", file=sys.stderr, flush=True)
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
        TextColumn("passes"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        rows: dict[str, object] = {}

        def report(case: str, done: int, total: int) -> None:
            if case not in rows:
                rows[case] = bars.add_task(case, total=total)
            bars.update(rows[case], completed=done)  # type: ignore[arg-type]

        yield report
