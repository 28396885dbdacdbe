"""``mimesim serve``: requests over time, on every case of a workload."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mimesim.cli.options import FOLDER, engine_option, load, set_option, workload_argument

if TYPE_CHECKING:
    from mimesim.engine import Engine
    from mimesim.serving import CacheState, Outcome

__all__ = ["serve"]

_POLICIES = ("fifo", "grouped", "deadline")
#: The default deadline, in mean batches of the reference.
_DEADLINE_BATCHES = 10


@click.command(short_help="Serve a stream of requests: latency, throughput, energy.")
@workload_argument
@click.option(
    "--arrivals",
    default="poisson",
    show_default=True,
    metavar="poisson|bursty|FILE",
    help="How requests come; FILE is a CSV with columns arrival_s or arrival_ms, task and, if wanted, image.",
)
@click.option("--rate", metavar="LIST", help="Requests per second of all tasks together, such as 100 or 100,200.")
@click.option(
    "--load",
    "loads",
    metavar="LIST",
    help="The rate over the capacity of the reference case: 0.8, 0.5,1 or 0.2:2:0.2.  [default: 0.8]",
)
@click.option("--reference", metavar="CASE", help="Whose capacity load 1 is.  [default: the first case]")
@click.option("--mix", "mixes", multiple=True, metavar="TASK=SHARE,...", help="Share of each task; may be repeated.")
@click.option("--shares", metavar="LIST", help="Instead: shares of the first task; the others share the rest evenly.")
@click.option("--requests", type=int, help="Requests to serve.  [default: 10000]")
@click.option("--seconds", type=float, help="Instead: serve what arrives within this time.")
@click.option("--seed", type=int, help="Seed of times and tasks.  [default: 0]")
@click.option("--burst-factor", type=float, help="Rate in a burst over the mean rate.  [default: 5]")
@click.option("--burst-share", type=float, help="Part of the time that is burst.  [default: 0.1]")
@click.option("--burst-requests", type=float, help="Mean requests of a burst.  [default: 20]")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    type=click.Choice(_POLICIES),
    help="fifo: batches in arrival order, tasks mixed. grouped: one task a batch, the oldest request's. deadline: the "
    "task that fills the batch best, until a request has waited --deadline-ms. May be repeated.  [default: all]",
)
@click.option("--deadline-ms", type=float, help="For --policy deadline.  [default: ten batches of the reference]")
@click.option(
    "--wait-ms",
    type=float,
    default=0.0,
    show_default=True,
    help="How long a request may wait on an idle accelerator for others that fill its batch.",
)
@click.option(
    "--queue", type=int, default=1000, show_default=True, help="Waiting requests before one is rejected; 0: any number."
)
@click.option("--sort", is_flag=True, help="Sort each batch by task and image: fewer different batches to replay.")
@click.option(
    "--caches",
    type=click.Choice(["cold", "warm"]),
    default="cold",
    show_default=True,
    help="What a batch finds in the caches: nothing, or the parameters that the batch before left there.",
)
@click.option(
    "--memo", type=int, default=10_000, show_default=True, help="Different batches that are looked up, not replayed."
)
@click.option("--images", type=int, help="Images of each task, which take turns.  [default: as many as fill a batch]")
@click.option("--case", "cases", multiple=True, help="Serve this case only; may be repeated.  [default: all]")
@set_option
@click.option("--out", type=FOLDER, help="Folder for the results.  [default: out/<workload>-serve]")
@click.option("--requests-csv", type=FOLDER, help="Also write every request to this file, as it is served.")
@click.option("--plot", type=FOLDER, help="Also draw who wins where, and latency over load: a .png, .svg or .pdf file.")
@click.option("--jobs", type=int, help="Cases that run at a time, each in its own process.  [default: one per CPU]")
@engine_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def serve(
    workload: str,
    arrivals: str,
    rate: str | None,
    loads: str | None,
    reference: str | None,
    mixes: tuple[str, ...],
    shares: str | None,
    requests: int | None,
    seconds: float | None,
    seed: int | None,
    burst_factor: float | None,
    burst_share: float | None,
    burst_requests: float | None,
    policies: tuple[str, ...],
    deadline_ms: float | None,
    wait_ms: float,
    queue: int,
    sort: bool,
    caches: CacheState,
    memo: int,
    images: int | None,
    cases: tuple[str, ...],
    settings: tuple[str, ...],
    out: Path | None,
    requests_csv: Path | None,
    plot: Path | None,
    jobs: int | None,
    engine: Engine,
    quiet: bool,
) -> None:
    """Serve a stream of requests on every case of WORKLOAD and write latencies, throughput, energy and switches.

    One accelerator runs one batch at a time; every case meets the same requests at the same times. Several rates or
    mixes make a sweep, which shows where shared weights beat weights of each task's own (crossover.csv).

    What a batch costs is replayed once, then looked up for the same images in the same order. That is exact, for with
    --caches cold every batch begins with empty caches, closed DRAM rows and a refresh clock at 0; with --caches warm
    the parameters stay in the caches, and a batch is looked up only where they hold the same ones in the same order
    of use. docs/serving.md tells the rest.

    \b
    Examples:
      mimesim serve tiny
      mimesim serve tiny --engine simpy --images 1 --requests 2000
      mimesim serve tiny --arrivals bursty --load 0.5 --policy grouped --requests 100000 --images 1
      mimesim serve tiny --load 0.5:2:0.5 --shares 0.34,0.7,1 --images 1 --requests 2000
      mimesim serve tiny --rate 20000 --mix cifar10=0.7,cifar100=0.2,fashion_mnist=0.1 --images 1 --requests-csv all.csv
    """
    from mimesim.cli.progress import shown_progress

    with shown_progress(quiet, "requests") as progress:
        from mimesim.inputs import select
        from mimesim.results import check_destination
        from mimesim.results.pictures import check_picture
        from mimesim.results.writer import write_files
        from mimesim.serving import Settings, measure_reference, render_files, serve_workload
        from mimesim.serving.plan import Wanted, parse_numbers, plan_streams

        chosen = load(workload, settings)
        folder = out if out is not None else Path("out", f"{chosen.name}-serve")
        check_destination(folder)
        if plot is not None:
            check_picture(plot)
        began = time.perf_counter()
        selection = select(chosen, "singular", images=images)
        measured = measure_reference(chosen, selection, reference, engine)
        wanted = Wanted(
            arrivals,
            rates=parse_numbers(rate, "--rate"),
            loads=parse_numbers(loads, "--load"),
            mixes=mixes,
            shares=parse_numbers(shares, "--shares"),
            requests=requests,
            seconds=seconds,
            seed=seed,
            burst_factor=burst_factor,
            burst_share=burst_share,
            burst_requests=burst_requests,
        )
        streams = plan_streams(chosen, selection, wanted, measured)
        deadline = _DEADLINE_BATCHES * measured.batch_ms if deadline_ms is None else deadline_ms
        told = Settings(policies or _POLICIES, deadline, wait_ms, queue, sort, caches, memo)
        outcomes = serve_workload(
            chosen, selection, streams, told, cases=cases, jobs=jobs, log=requests_csv, progress=progress, engine=engine
        )
        wall = {"wall_seconds": round(time.perf_counter() - began, 3)}
        write_files(render_files(outcomes, chosen, selection, told, measured, wall), folder)
    if plot is not None:
        _draw(outcomes, plot)
    from mimesim.serving import all_violations, render_report

    if not quiet:
        from rich.console import Console

        # Wide enough for the table where there is no terminal to ask.
        console = Console(width=None if os.isatty(1) else 140)
        console.print(render_report(outcomes, chosen.name, told, measured, folder))
    if broken := all_violations(outcomes):
        click.echo(f"error: {len(broken)} conservation laws do not hold, the first: {broken[0]}", err=True)
        click.get_current_context().exit(3)


def _draw(outcomes: list[Outcome], plot: Path) -> None:
    from mimesim.results.pictures import write_picture
    from mimesim.serving.picture import draw_sweep

    write_picture(draw_sweep(outcomes, plot.suffix[1:]), plot)
