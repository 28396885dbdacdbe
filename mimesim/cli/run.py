"""``mimesim run``: replay a workload and write its results."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mimesim.cli.options import FOLDER, RUN_MODE, engine_option, load, set_option, workload_argument
from mimesim.cli.timeline import chosen_timelines, tell_limit, timeline_options

if TYPE_CHECKING:
    from mimesim.config import Mode
    from mimesim.engine import Engine

__all__ = ["run"]


@click.command(short_help="Replay a workload and write its results.")
@workload_argument
@click.option(
    "--mode",
    type=RUN_MODE,
    default="pipelined",
    show_default=True,
    help="One task a batch, tasks mixed, or several tasks on one image.",
)
@click.option("--out", type=FOLDER, help="Folder for the results.  [default: out/<workload>-<mode>]")
@click.option("--task", help="Replay the images of this task only.")
@click.option("--images", type=int, help="Replay this many images of each task.  [default: enough to fill a batch]")
@set_option
@click.option("--jobs", type=int, help="Cases that run at a time, each in its own process.  [default: one per CPU]")
@click.option("--dram-trace", type=FOLDER, help="Folder for the DRAM requests of each case, for mimesim dram.")
@timeline_options
@engine_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def run(
    workload: str,
    mode: Mode,
    out: Path | None,
    task: str | None,
    images: int | None,
    settings: tuple[str, ...],
    jobs: int | None,
    dram_trace: Path | None,
    timeline: Path | None,
    engine: Engine,
    quiet: bool,
    **timeline_window: Any,
) -> None:
    """Replay WORKLOAD on the simulated accelerator and write what it counted.

    WORKLOAD is a YAML file, or the name of a workload that comes with mimesim (tiny, vgg16). The results are
    layers.csv, accesses.csv, summary.csv and run.json; an earlier run's folder is replaced, any other is refused.

    \b
    Examples:
      mimesim run tiny
      mimesim run --mode singular --task cifar10 tiny
      mimesim run tiny --out out/small --set hardware.grid.channels=16
      mimesim run tiny --timeline out/tiny.pftrace --timeline-layer conv2
      mimesim run --engine simpy vgg16
      mimesim run tiny --set hardware.dram.standard=HBM2 --dram-trace out/requests
      mimesim run tiny --set cases.case-2.skipping=gate --set schedule.set_order=outer
    """
    from mimesim.cli.progress import shown_progress

    with shown_progress(quiet) as progress:
        from mimesim.config import Override
        from mimesim.recordings import Recordings
        from mimesim.results import all_violations, check_destination, measure, write_results
        from mimesim.simulation import run_workload

        extra = () if images is None else (Override(("images_per_task",), images, f"--images {images}"),)
        chosen = load(workload, settings, extra)
        folder = out if out is not None else Path("out", f"{chosen.name}-{mode}")
        check_destination(folder)
        timelines = None if timeline is None else chosen_timelines(timeline, **timeline_window)
        began = time.perf_counter()
        recordings = Recordings(dram_trace, timelines, engine)
        results = run_workload(chosen, mode, task=task, jobs=jobs, progress=progress, recordings=recordings)
        seconds = time.perf_counter() - began
        written = write_results(results, chosen, folder, measure(results, seconds))
    if not quiet:
        from rich.console import Console

        from mimesim.results import render_summary

        # Wide enough for the table where there is no terminal to ask.
        Console(width=None if os.isatty(1) else 140).print(render_summary(results, chosen, written))
    for result in results:
        if result.timeline_end is not None:
            tell_limit(result.case, result.timeline_end)
    broken = all_violations(results, chosen)
    if broken:
        click.echo(f"error: {len(broken)} conservation laws do not hold, the first: {broken[0]}", err=True)
        click.get_current_context().exit(3)
