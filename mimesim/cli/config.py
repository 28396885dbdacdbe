"""``mimesim config``: what a workload says once everything is resolved, and what any file may say."""

from __future__ import annotations

from pathlib import Path

import click

from mimesim.cli.options import FILE, MODE, load, set_option, workload_argument

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


@config.command()
@click.argument(
    "kind", type=click.Choice(["workload", "hardware", "schedule", "dram", "envm", "training"]), default="workload"
)
@click.option("--out", type=FILE, help="File to write instead of printing.")
def schema(kind: str, out: Path | None) -> None:
    """Print the JSON schema of a KIND of YAML file, with which editors complete and check: by default of a workload.

    In the first line of a YAML file of your own, name the schema:
      # yaml-language-server: $schema=workload.json

    \b
    Examples:
      mimesim config schema
      mimesim config schema training --out training.json
    """
    from mimesim.schema import shipped_schema

    text = shipped_schema(kind).read_text(encoding="utf-8")
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
