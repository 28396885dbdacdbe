"""``mimesim report``: results as one HTML file, and as figures for a paper."""

from __future__ import annotations

from pathlib import Path

import click

from mimesim.cli.options import FOLDER

__all__ = ["report"]


@click.command(short_help="Show results as one HTML file with figures.")
@click.argument("folders", metavar="OUT...", nargs=-1, required=True, type=FOLDER)
@click.option(
    "--out", type=FOLDER, default=Path("out", "report.html"), show_default=True, help="The HTML file to write."
)
@click.option("--png", type=FOLDER, metavar="DIR", help="Also write every figure to this folder, as PNG for a paper.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def report(folders: tuple[Path, ...], out: Path, png: Path | None, quiet: bool) -> None:
    """Write one HTML file about the results in OUT: folders that mimesim run wrote, or folders of such.

    It opens from disk, without a network, light or dark, on a screen, a phone or paper: summary, energy, throughput,
    storage, sparsity, stalls, roofline, traffic, evictions and the configuration, each figure with its numbers as a
    table and as CSV. What an older folder does not hold is left out, and the page says so.

    \b
    Examples:
      mimesim report out/tiny-pipelined
      mimesim report out/vgg16-singular out/vgg16-pipelined --out out/vgg16.html --png out/figures
      mimesim report out
    """
    from mimesim.cli.progress import shown_progress

    with shown_progress(quiet, "figures") as progress:
        from mimesim.report import write_report

        written = write_report(folders, out, png, progress)
    if not quiet:
        pictures = f", {len(written) - 1} figures in {png}" if png else ""
        click.echo(f"report in {out}{pictures}")
