"""Showing on stderr how far a loop is, once it has taken long enough for someone to wonder."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["patiently"]

T = TypeVar("T")

#: Seconds without a word, and between two lines where there is no terminal to draw a bar on.
SILENCE, BETWEEN = 2.0, 10.0


def patiently(items: Sequence[T], what: str, console: Console | None = None) -> Iterator[T]:
    """Hand on *items*; from two seconds on, stderr says how many of them are done and how long the rest may take.

    On a terminal that is a bar, which goes when the loop ends; elsewhere a line every ten seconds.
    """
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
    task = bar.add_task(what, total=len(items))
    began = time.monotonic()
    due = began + SILENCE
    try:
        for done, item in enumerate(items):
            now = time.monotonic()
            if now >= due and console.is_terminal:
                bar.start()
                due = float("inf")
            elif now >= due:
                left = (now - began) / max(done, 1) * (len(items) - done)
                print(f"{what}: {done}/{len(items)}, {left:.0f} s left", file=sys.stderr, flush=True)
                due = now + BETWEEN
            yield item
            bar.update(task, completed=done + 1)
    finally:
        if bar.live.is_started:  # stopping what never started would print an empty line
            bar.stop()
