"""``mimesim config``: what a workload says once everything is resolved."""

from __future__ import annotations

import click

from mimesim.cli.options import MODE, load, set_option, workload_argument

__all__ = ["config"]


@click.group()
def config() -> None:
    """Look at what decides a run."""


@config.command()
@workload_argument
@set_option
@click.option("--mode", type=MODE, help="Also resolve how many images of each task are replayed in this mode.")
def show(workload: str, settings: tuple[str, ...], mode: str | None) -> None:
    """Print WORKLOAD as YAML with every default written out, after checking it against its traces.

    WORKLOAD is a YAML file, or the name of a workload that comes with mimesim. The output is a workload itself.

    \b
    Examples:
      mimesim config show tiny
      mimesim config show tiny --set hardware.grid.channels=16 --mode pipelined > mine.yaml
    """
    from mimesim.config import Override, dump_workload
    from mimesim.inputs import build_schemes, load_traces, select

    chosen = load(workload, settings)
    build_schemes(chosen)
    selection = None
    if mode is not None:
        selection = select(chosen, "singular" if mode == "singular" else "pipelined")
        images = Override(("images_per_task",), selection.images_per_task, f"--mode {mode}")
        chosen = load(workload, settings, (images,))
    load_traces(chosen, selection)
    click.echo(dump_workload(chosen), nl=False)
