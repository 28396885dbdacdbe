"""``mimesim compare``: all schemes of a workload side by side, and which to take when."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mimesim.cli.options import FOLDER, RUN_MODE, engine_option, load, set_option, workload_argument

if TYPE_CHECKING:
    from mimesim.compare import Comparison, Constraints
    from mimesim.compare.suite import Replay
    from mimesim.config import Mode, Workload
    from mimesim.engine import Engine
    from mimesim.simulation import CaseResult

__all__ = ["compare"]

#: Further than this no line holds.
_MOST_AHEAD = 1000


@click.command(short_help="Compare all schemes of a workload: accuracy, storage, energy, time.")
@workload_argument
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=RUN_MODE,
    help="Replay in this mode; may be repeated.  [default: singular and pipelined; multitask and singular where the "
    "tasks recorded the same images]",
)
@click.option("--images", type=int, help="Replay this many images of each task.  [default: a batch full]")
@click.option(
    "--max-loss",
    type=float,
    default=2.0,
    show_default=True,
    metavar="POINTS",
    help="Advise schemes at most so far below the best mean accuracy.",
)
@click.option("--storage", type=float, metavar="KIB", help="Also advise what fits in so much memory with all tasks.")
@click.option("--floor", type=float, metavar="PERCENT", help="Also advise what has at least this mean accuracy.")
@click.option(
    "--tasks-ahead", type=int, default=10, show_default=True, help="Extrapolate storage to this number of tasks."
)
@set_option
@click.option("--out", type=FOLDER, help="Folder for the results.  [default: out/<workload>-compare]")
@click.option("--plot", type=FOLDER, help="Also draw the picture to this .png, .svg or .pdf file.")
@click.option("--jobs", type=int, help="Cases that run at a time, each in its own process.  [default: one per CPU]")
@engine_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def compare(
    workload: str,
    modes: tuple[Mode, ...],
    images: int | None,
    max_loss: float,
    storage: float | None,
    floor: float | None,
    tasks_ahead: int,
    settings: tuple[str, ...],
    out: Path | None,
    plot: Path | None,
    jobs: int | None,
    engine: Engine,
    quiet: bool,
) -> None:
    """Replay every case of WORKLOAD in several modes and set their schemes side by side.

    Accuracy (as the traces say), bytes stored over the number of tasks, energy, DRAM words and cycles per image; the
    Pareto front, which takes the accuracies' intervals into account; and which scheme to take under which constraint.
    All cases must run on the same hardware and on the same images.

    Writes compare.csv, storage_by_tasks.csv, compare.md, run.json and, where matplotlib is installed, compare.png;
    beside them a folder for every replay, as mimesim run writes it. docs/compare.md tells the rest.

    \b
    Examples:
      mimesim compare tiny
      mimesim compare vgg16 --max-loss 1 --storage 65536 --plot out/front.pdf
      mimesim compare tiny --mode singular --images 2 --set hardware.dram.channels=2
    """
    from mimesim.cli.progress import shown_progress

    with shown_progress(quiet) as progress:
        from mimesim.compare import compare_workload, plan_suite, render_files
        from mimesim.inputs import build_schemes, load_traces
        from mimesim.results import check_destination, write_results
        from mimesim.results.pictures import check_picture
        from mimesim.results.writer import write_files

        asked = _constraints(max_loss, storage, floor, tasks_ahead)
        chosen = load(workload, settings)
        folder = out if out is not None else Path("out", f"{chosen.name}-compare")
        check_destination(folder)
        if plot is not None:
            check_picture(plot)
        began = time.perf_counter()
        build_schemes(chosen)
        suite = plan_suite(chosen, load_traces(chosen), modes, images)
        for replay in suite.replays:
            check_destination(folder / replay.name)

        def keep(replay: Replay, part: Workload, results: list[CaseResult]) -> None:
            write_results(results, part, folder / replay.name, {})

        found = compare_workload(chosen, suite, asked, jobs=jobs, progress=progress, done=keep, engine=engine)
        picture = _draw(found, plot)
        measured = {"wall_seconds": round(time.perf_counter() - began, 3)}
        write_files(render_files(found, measured, picture), folder)
    if not quiet:
        from rich.console import Console

        from mimesim.compare import render_report

        # Wide enough for the tables where there is no terminal to ask.
        Console(width=None if os.isatty(1) else 140).print(render_report(found, folder))
    if found.violations:
        click.echo(f"error: {len(found.violations)} conservation laws do not hold: {found.violations[0]}", err=True)
        click.get_current_context().exit(3)


def _constraints(max_loss: float, storage: float | None, floor: float | None, ahead: int) -> Constraints:
    """Return what the options ask for, as fractions and bytes."""
    from mimesim.compare import Constraints
    from mimesim.errors import InputError

    for option, value, highest in (("--max-loss", max_loss, 100), ("--floor", floor, 100)):
        if value is not None and not 0 <= value <= highest:
            raise InputError(option, f"must be from 0 to {highest}", value=value)
    if storage is not None and not 0 < storage < float("inf"):
        raise InputError("--storage", "must be a number of KiB, more than 0", value=storage)
    if not 1 <= ahead <= _MOST_AHEAD:
        raise InputError("--tasks-ahead", f"must be from 1 to {_MOST_AHEAD}", value=ahead)
    return Constraints(
        max_loss / 100,
        None if storage is None else int(storage * 1024),
        None if floor is None else floor / 100,
        ahead,
    )


def _draw(found: Comparison, plot: Path | None) -> bytes | None:
    """Write the picture that was asked for, and return the one for the results, where there can be one."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        return None
    from mimesim.compare.picture import draw_comparison
    from mimesim.results.pictures import write_picture

    if plot is not None:
        write_picture(draw_comparison(found, plot.suffix[1:]), plot)
    return draw_comparison(found, "png")
