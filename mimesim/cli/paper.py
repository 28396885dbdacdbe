"""``mimesim paper``: everything the paper measured, beside what the machine counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mimesim.cli.options import FOLDER, engine_option, load, set_option

if TYPE_CHECKING:
    from mimesim.engine import Engine

__all__ = ["paper"]


@click.command(short_help="Check every claim of the MIME paper.")
@click.argument("workload", default="vgg16")
@click.option("--out", type=FOLDER, default=Path("out", "paper"), show_default=True, help="Folder for the tables.")
@set_option
@click.option("--jobs", type=int, help="Replays that run at a time, each in a process.  [default: one per CPU]")
@engine_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def paper(workload: str, out: Path, settings: tuple[str, ...], jobs: int | None, engine: Engine, quiet: bool) -> None:
    """Check the claims of the MIME paper (Figs. 4 to 9, Tables II and III) on WORKLOAD  [default: vgg16].

    Replays the paper's cases on drawn and on the workload's recorded masks. Writes claims.csv (each claim, its band and
    our value), reviewer.csv (what the paper leaves open: memory, batch, schedules, prices), systems.csv (what the
    papers of PAM, MEMTI and DVN claim, beside the shipped traces of these systems) and run.json.

    \b
    Example:
      mimesim paper --out out/paper
      mimesim paper --engine simpy
    """
    from mimesim.cli.progress import shown_progress

    with shown_progress(quiet, "replays") as progress:
        from mimesim.paper import run_paper

        report = run_paper(load(workload, settings), out, jobs=jobs, progress=progress, engine=engine)
    if not quiet:
        from rich.console import Console

        # Wide enough for the tables where there is no terminal to ask.
        Console(width=None if os.isatty(1) else 200).print(report)
    if report.violations:
        click.echo(f"error: {len(report.violations)} conservation laws do not hold: {report.violations[0]}", err=True)
        click.get_current_context().exit(1)
