"""``mimesim paper``: everything the paper measured, beside what the machine counts."""

from __future__ import annotations

from pathlib import Path

import click

from mimesim.cli.options import FOLDER

__all__ = ["paper"]


@click.command(short_help="Check every claim of the MIME paper.")
@click.argument("workload", default="paper")
@click.option("--out", type=FOLDER, default=Path("out", "paper"), show_default=True, help="Folder for claims.csv.")
def paper(workload: str, out: Path) -> None:
    """Check the claims of the MIME paper (Figs. 4 to 9, Tables II and III) on WORKLOAD  [default: paper].

    \b
    Example:
      mimesim paper --out out/paper
    """
    from mimesim.paper import run_paper

    run_paper(workload, out)
