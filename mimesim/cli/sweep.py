"""``mimesim sweep`` and ``mimesim pareto``: many points of a design space, and the best of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mimesim.cli.options import FOLDER, engine_option

if TYPE_CHECKING:
    from mimesim.engine import Engine
    from mimesim.results.csv_file import Row
    from mimesim.sweeps import Sweep, Tally

__all__ = ["pareto", "sweep"]

#: Rows of the front that are printed.
_SHOWN = 20


@click.command(short_help="Replay a workload at many points of a design space.")
@click.argument("file", metavar="SWEEP.yaml", type=FOLDER)
@click.option("--out", type=FOLDER, help="Folder for the results.  [default: out/<name>-sweep]")
@click.option(
    "--points",
    type=FOLDER,
    default=Path("out", "points"),
    show_default=True,
    help="Folder of all replays ever done, by hash; sweeps share it.",
)
@click.option("--jobs", type=int, help="Replays that run at a time, each in its own process.  [default: one per CPU]")
@click.option("--scheduler", metavar="ADDRESS", help="Replay on a Dask cluster instead, such as tcp://host:8786.")
@click.option("--search", is_flag=True, help="Let Optuna choose the points from the ranges of design.random.")
@click.option("--cache", metavar="FOLDER", help="Where counts of masks are kept; off: nowhere.  [env: MIMESIM_CACHE]")
@engine_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def sweep(
    file: Path,
    out: Path | None,
    points: Path,
    jobs: int | None,
    scheduler: str | None,
    search: bool,
    cache: str | None,
    engine: Engine,
    quiet: bool,
) -> None:
    """Replay a workload at the points that SWEEP.yaml describes: a grid, a list, or points drawn at random.

    Results are results.csv, a row for each point, mode and case, appended as they come; errors.csv, what went wrong
    with which point; and run.json. A replay is kept under the hash of all that decides it: the same command goes on
    after Ctrl-C or worse, and no replay is done twice, whichever engine did it: column engine says which.
    docs/sweep.md tells what SWEEP.yaml may say.

    \b
    Examples:
      mimesim sweep sweep.yaml
      mimesim sweep sweep.yaml --jobs 8 --out out/wide
      mimesim sweep sweep.yaml --scheduler tcp://10.0.0.1:8786
      mimesim sweep sweep.yaml --search
      mimesim sweep sweep.yaml --engine simpy --points out/simpy
      mimesim pareto out/<name>-sweep --plot front.png
    """
    from mimesim.cli.progress import shown_progress
    from mimesim.errors import InputError

    if jobs is not None and jobs < 1:
        raise InputError("--jobs", "must be at least 1", value=jobs)
    with shown_progress(quiet, "") as progress:
        from mimesim.results import check_destination
        from mimesim.sweeps import Store, executor_of, load_sweep, run_sweep, search_sweep

        chosen = load_sweep(file)
        folder = out if out is not None else chosen.folder
        check_destination(folder)
        where = executor_of(jobs, scheduler, cache, engine)
        work = search_sweep if search else run_sweep
        try:
            with where as executor:
                tally, rows = work(chosen, folder, Store(points), executor, progress)
        except KeyboardInterrupt:
            click.echo(f"what was replayed is kept in {points}; the same command goes on", err=True)
            raise
    if not quiet:
        _print(chosen, tally, rows, folder)
    if tally.failed:
        click.echo(f"error: {tally.failed} of {tally.rows} rows failed, the first: {tally.first_errors[0]}", err=True)
        click.get_current_context().exit(1)


def _print(sweep: Sweep, tally: Tally, rows: list[Row], folder: Path) -> None:
    from rich.console import Console

    from mimesim.sweeps.front import Aims, pick
    from mimesim.sweeps.report import render_front

    console = Console(width=None if os.isatty(1) else 140)
    found = pick(rows, Aims.of(sweep))
    if found.aims.names and rows:
        console.print(render_front(found, sweep.design.keys, _SHOWN))
    if len(tally.engines) > 1:
        counts = (f"{name or 'unknown'} {rows}" for name, rows in sorted(tally.engines.items()))
        console.print(f"rows by engine: {', '.join(counts)}", markup=False, highlight=False)
    console.print(
        f"{tally.rows} rows: {tally.replayed} replayed, {tally.known} known from before, {tally.failed} failed; "
        f"results in {folder}: results.csv, errors.csv, run.json",
        markup=False, highlight=False,
    )  # fmt: skip


@click.command(short_help="Pick and draw the best points of a sweep.")
@click.argument("results", metavar="OUT", type=FOLDER)
@click.option("--minimise", multiple=True, metavar="COLUMN", help="Less is better; may be repeated.")
@click.option("--maximise", multiple=True, metavar="COLUMN", help="More is better; may be repeated.")
@click.option("--case", "cases", multiple=True, help="This case only; may be repeated.  [default: all, one front]")
@click.option("--mode", "modes", multiple=True, help="This mode only; may be repeated.")
@click.option("--infeasible", is_flag=True, help="Also take rows that miss a constraint of the sweep.")
@click.option("--csv", type=FOLDER, help="Also write the rows on the front, all columns, to this file.")
@click.option("--plot", type=FOLDER, help="Also draw them among the others: a .png, .svg or .pdf file.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def pareto(
    results: Path,
    minimise: tuple[str, ...],
    maximise: tuple[str, ...],
    cases: tuple[str, ...],
    modes: tuple[str, ...],
    infeasible: bool,
    csv: Path | None,
    plot: Path | None,
    quiet: bool,
) -> None:
    """Pick the rows of a sweep's results that no other row beats in everything, and draw them.

    OUT is the folder of a sweep, finished or not. A COLUMN is one of results.csv's; cycles, energy and storage are
    short for cycles_per_image, energy_per_image and bytes_stored. If none is given, the sweep's objectives count. Rows
    of another mode or of other tasks did other work, and have a front of their own.

    \b
    Examples:
      mimesim pareto out/tiny-sweep
      mimesim pareto out/tiny-sweep --minimise cycles --minimise energy --plot out/front.png
      mimesim pareto out/tiny-sweep --maximise images_per_second --minimise storage --case case-3 --csv out/front.csv
    """
    from mimesim.results.pictures import check_picture, write_picture
    from mimesim.sweeps.front import Aims, pick
    from mimesim.sweeps.read import read_results

    if plot is not None:
        check_picture(plot)
    known = read_results(results)
    aims = Aims.chosen(minimise, maximise) if minimise or maximise else known.aims
    found = pick(known.rows, aims, cases=cases, modes=modes, infeasible=infeasible)
    if csv is not None:
        from mimesim.results.csv_file import render_csv

        write_picture(render_csv(known.columns, found.front).encode(), csv)
    if plot is not None:
        from mimesim.sweeps.picture import draw_front

        write_picture(draw_front(found, plot.suffix[1:]), plot)
    if not quiet:
        from rich.console import Console

        from mimesim.sweeps.report import render_front

        Console(width=None if os.isatty(1) else 140).print(render_front(found, known.keys, None))
