"""``mimesim faults``: what flipped bits cost, through the trained network."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mimesim.cli.options import FOLDER, MODE, load, needs_pytorch, set_option, workload_argument

if TYPE_CHECKING:
    from mimesim.config import Mode
    from mimesim.faults.outcome import Place, Tensor

__all__ = ["faults"]

_REFUSAL = (
    "is needed: a trace says which neurons were zero, not by how much, so what a flipped bit changes cannot be told"
    " from it. Train with 'mimesim train CONFIG' and give the folder runs/NAME that it leaves"
)


def _cells(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers such as 1,2,3") from None


def _rates(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 1e-7,1e-6") from None


@click.command(short_help="Flip bits of stored weights or thresholds, with PyTorch.")
@workload_argument
@click.option("--checkpoint", type=FOLDER, metavar="RUN", help="Folder of the finished training: runs/NAME.")
@click.option("--case", "cases", multiple=True, required=True, metavar="NAME", help="May be repeated.")
@click.option(
    "--in",
    "places",
    type=click.Choice(["dram", "cache", "scratchpad", "envm"]),
    multiple=True,
    help="Where bits flip, or cells are misread; may be repeated.  [default: all but envm, one after the other]",
)
@click.option(
    "--of",
    "tensors",
    type=click.Choice(["weights", "thresholds"]),
    multiple=True,
    help="Which words; may be repeated.  [default: what the case stores, one after the other]",
)
@click.option(
    "--rate",
    "rates",
    callback=_rates,
    default="1e-7,1e-6,1e-5",
    show_default=True,
    metavar="P[,P...]",
    help="Probability that a bit of a copy is wrong.",
)
@click.option(
    "--bits-per-cell",
    "cells",
    callback=_cells,
    default="1,2,3",
    show_default=True,
    metavar="B[,B...]",
    help="Of envm, in the place of a rate: bits of a multi-level cell.",
)
@click.option("--mode", type=MODE, default="pipelined", show_default=True, help="One task a batch, or tasks mixed.")
@click.option("--task", help="Images of this task only.")
@click.option("--images", type=int, default=100, show_default=True, help="Test images of each task.")
@click.option("--seeds", type=int, default=3, show_default=True, help="Draws of each rate, numbered from 0.")
@set_option
@click.option("--out", type=FOLDER, help="Folder for the results.  [default: out/<workload>-faults]")
@click.option("--plot", is_flag=True, help="Also draw accuracy over rate (accuracy.png); needs matplotlib.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def faults(
    workload: str,
    checkpoint: Path | None,
    cases: tuple[str, ...],
    places: tuple[Place, ...],
    tensors: tuple[Tensor, ...],
    rates: tuple[float, ...],
    cells: tuple[int, ...],
    mode: Mode,
    task: str | None,
    images: int,
    seeds: int,
    settings: tuple[str, ...],
    out: Path | None,
    plot: bool,
    quiet: bool,
) -> None:
    """Flip bits of stored words and tell how many masks change, and what accuracy that costs.

    WORKLOAD names the case, the machine and its schedule; the weights come from the training that the case's trace
    was recorded by. In DRAM a flipped bit is wrong for every image; in a cache, from the fetch of its block to the
    eviction; in a scratchpad, in one PE until the next fill. In envm, embedded non-volatile memory, lie the weights
    that all tasks share, in cells whose neighbouring levels are mistaken for each other: those of
    hardware.envm.technology, or of RRAM. Results are accuracy.csv,
    faults.csv, stored.csv and run.json.

    Needs PyTorch: pip install 'mimesim[train]'.

    \b
    Example:
      mimesim faults workloads/vgg16.yaml --checkpoint runs/vgg16-64-reduced --case case-3 --in dram --rate 1e-7,1e-6
    """
    from mimesim.errors import InputError

    if checkpoint is None:
        raise InputError("--checkpoint", _REFUSAL)
    from mimesim.cli.progress import shown_progress

    with shown_progress(quiet, "images") as progress:
        from mimesim.faults.outcome import PLACES
        from mimesim.faults.report import render_faults
        from mimesim.faults.tables import render_files
        from mimesim.results import check_destination
        from mimesim.results.writer import write_files

        with needs_pytorch("the injection of faults"):
            from mimesim.training.faults.campaign import Request, inject
        if plot:
            _needs_matplotlib()
        chosen = load(workload, settings)
        folder = out if out is not None else Path("out", f"{chosen.name}-faults")
        check_destination(folder)
        where = tuple(dict.fromkeys(places)) or PLACES
        request = Request(where, tuple(dict.fromkeys(tensors)), rates, seeds, images, mode, task, cells)
        found = inject(chosen, list(dict.fromkeys(cases)), checkpoint, request, progress)
        pictures: dict[str, bytes] = {}
        if plot:
            from mimesim.faults.picture import render_picture

            pictures["accuracy.png"] = render_picture(found)
        decided = {"request": asdict(request), "workload": chosen.model_dump(mode="json")}
        files = render_files(found, decided, pictures)
        written = write_files(files, folder)
    if not quiet:
        from rich.console import Console

        Console(width=None if os.isatty(1) else 120).print(render_faults(found, str(written), list(files)))


def _needs_matplotlib() -> None:
    """Say how to install matplotlib where it is missing, before anything long begins."""
    from importlib.util import find_spec

    from mimesim.errors import MimesimError

    if find_spec("matplotlib") is None:
        raise MimesimError("--plot needs matplotlib: pip install 'mimesim[plot]'")
