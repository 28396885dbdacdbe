"""The options of ``mimesim run`` that record a timeline."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mimesim.errors import InputError

if TYPE_CHECKING:
    from mimesim.timeline import Timelines

__all__ = ["chosen_timelines", "tell_limit", "timeline_options"]

_LIMIT = 250_000


def timeline_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--timeline`` and what chooses a part of a run to *command*."""
    options = [
        click.option(
            "--timeline",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File for what every part did when, for https://ui.perfetto.dev.",
        ),
        click.option("--timeline-case", "cases", multiple=True, help="Record this case only; may be repeated."),
        click.option("--timeline-layer", "layers", multiple=True, help="Record this layer only; may be repeated."),
        click.option("--timeline-cycles", "cycles", metavar="FROM:TO", help="Record what begins in these cycles."),
        click.option(
            "--timeline-limit",
            "limit",
            type=int,
            default=_LIMIT,
            show_default=True,
            help="Record at most so many events of a case.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def chosen_timelines(
    path: Path, cases: tuple[str, ...], layers: tuple[str, ...], cycles: str | None, limit: int
) -> Timelines:
    """Return what the options choose; raises :class:`InputError` for what cannot be."""
    from mimesim.timeline import Timelines, Window

    first, end = 0, None
    if cycles is not None:
        found = re.fullmatch(r"(\d*):(\d*)", cycles)
        if found is None:
            raise InputError("--timeline-cycles", "must be FROM:TO, two whole numbers", value=cycles)
        first, end = int(found[1] or 0), int(found[2]) if found[2] else None
    return Timelines(path, Window(first, end, frozenset(layers), limit), frozenset(cases))


def tell_limit(case: str, cycle: int) -> None:
    """Say that a timeline does not go to the end of its case."""
    click.echo(
        f"note: the timeline of {case!r} ends at cycle {cycle:,}: choose layers or cycles, or raise --timeline-limit",
        err=True,
    )
