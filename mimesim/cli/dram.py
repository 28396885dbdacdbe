"""``mimesim dram``: replay a plain request trace on a DRAM standard."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["dram"]

#: Shorter replays say nothing until they are over.
_PATIENCE_SECONDS = 2.0


@click.command(short_help="Replay a request trace on a DRAM standard.")
@click.argument("trace", metavar="TRACE")
@click.option(
    "--standard",
    default="DDR4-2400",
    show_default=True,
    help="DDR3-1600, DDR4-2400, LPDDR3-1600, LPDDR4-3200, HBM2, or a YAML file.",
)
@click.option("--ranks", type=int, help="Ranks of each channel.  [default: the standard's, 1]")
@click.option("--channels", type=int, help="Channels, each with a controller.  [default: the standard's, 1]")
@click.option("--map", "map_name", help="Address map, highest bits first, such as RoBaRaCoCh.  [default: RoRaBaCoBgCh]")
@click.option("--queue", type=int, default=32, show_default=True, help="Waiting reads of a channel; as many writes.")
@click.option(
    "--bank-queue",
    type=int,
    default=0,
    show_default=True,
    help="As many more in a queue of each bank; 0: no such queues.",
)
@click.option("--page", type=click.Choice(["open", "closed"]), default="open", show_default=True, help="Page policy.")
@click.option(
    "--scheduler",
    type=click.Choice(["fr-fcfs", "fcfs"]),
    default="fr-fcfs",
    show_default=True,
    help="First ready, first come first served; or strictly in order.",
)
@click.option(
    "--hit-limit",
    type=int,
    default=16,
    show_default=True,
    help="Accesses of an open row before an older request for another row goes first; 0: any number.",
)
@click.option("--write-high", type=int, help="Waiting writes at which serving them begins.  [default: 4/5 of --queue]")
@click.option("--write-low", type=int, help="Waiting writes at which it ends.  [default: 1/5 of --queue]")
@click.option("--refresh/--no-refresh", default=True, show_default=True, help="Refresh every rank when it is due.")
@click.option("--refresh-interval", type=int, metavar="CLOCKS", help="Clocks from refresh to refresh (t_refi).")
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one entry of the standard, such as timing.t_cl=16; may be repeated.",
)
@click.option("--closed-form", is_flag=True, help="Also serve the trace as the machine does, and show both.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def dram(
    trace: str,
    standard: str,
    ranks: int | None,
    channels: int | None,
    map_name: str | None,
    queue: int,
    bank_queue: int,
    page: str,
    scheduler: str,
    hit_limit: int,
    write_high: int | None,
    write_low: int | None,
    refresh: bool,
    refresh_interval: int | None,
    settings: tuple[str, ...],
    closed_form: bool,
    as_json: bool,
) -> None:
    """Replay the requests in TRACE (- for stdin) on a DRAM standard and print what they took.

    A line is one request of 64 bytes: 0x<address> READ|WRITE <arrival clock>. The controller keeps every timing of the
    standard; docs/dram.md describes it, its address maps and where each number of a standard comes from.

    \b
    Examples:
      mimesim dram --standard DDR3-1600 workloads/dram/example.trace
      mimesim dram --standard DDR3-1600 --closed-form workloads/dram/example.trace
      mimesim dram --standard HBM2 --channels 8 --map RoBaRaCoCh --json workloads/dram/example.trace
    """
    from mimesim.config import Override
    from mimesim.config.standard import DEFAULT_MAP
    from mimesim.dram import Settings, load_standard, read_requests, replay

    shorthands = (
        ("--ranks", ("organisation", "ranks"), ranks),
        ("--channels", ("organisation", "channels"), channels),
        ("--refresh-interval", ("timing", "t_refi"), refresh_interval),
    )
    overrides = [Override.parse(text) for text in settings]
    overrides += [Override(path, value, f"{name} {value}") for name, path, value in shorthands if value is not None]
    part = load_standard(standard, overrides)
    told = Settings(queue, page, scheduler, refresh, hit_limit, write_high, write_low, bank_queue)
    requests = read_requests(trace)
    with _progress(len(requests)) as progress:
        report = replay(requests, part, map_name or DEFAULT_MAP, told, progress)
    shown = None
    if closed_form:
        from mimesim.machine import replay_closed_form

        with _progress(len(requests)) as progress:
            shown = replay_closed_form(requests, part, map_name or DEFAULT_MAP, told, progress)
    if as_json:
        import json

        beside = {} if shown is None else {"closed_form": shown.against(report)}
        click.echo(json.dumps({**report.as_dict(), **beside}, indent=2))
    else:
        from mimesim.dram.show import show_report, show_side_by_side

        click.echo(show_report(report))
        if shown is not None:
            click.echo("\n" + show_side_by_side(report, shown.against(report)))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None] | None]:
    """Give what is to be told the requests served; after two seconds a terminal shows them."""
    if not sys.stderr.isatty():
        yield None
        return
    begun = time.monotonic()
    shown = ""

    def tell(served: int) -> None:
        nonlocal shown
        if time.monotonic() - begun > _PATIENCE_SECONDS:
            shown = f"{served:,} of {total:,} requests ({served / total:.0%})"
            print(shown, end="\r", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        if shown:
            print(" " * len(shown), end="\r", file=sys.stderr, flush=True)
