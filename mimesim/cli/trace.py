"""``mimesim trace``: record or draw masks, or look at what a trace holds."""

from __future__ import annotations

from pathlib import Path

import click

from mimesim.cli.options import FOLDER
from mimesim.cli.record import record

__all__ = ["trace"]


@click.group()
def trace() -> None:
    """Record activation masks, draw them, or look at what a trace holds."""


trace.add_command(record)


@trace.command()
@click.argument("directory", type=FOLDER)
def show(directory: Path) -> None:
    """Print what the trace in DIRECTORY holds: tasks, images, accuracy, sparsity of each layer.

    \b
    Example:
      mimesim trace show traces/tiny/mime
    """
    from mimesim.trace import Trace, show_trace

    click.echo(show_trace(Trace.load(directory)))


@trace.command()
@click.argument("directory", type=FOLDER)
@click.option("--network", default="vgg16", show_default=True, help="Name of the network: vgg16 or tiny.")
@click.option("--size", type=int, default=64, show_default=True, help="Height and width of the images in pixels.")
@click.option("--classes", type=int, default=10, show_default=True, help="Outputs of the network's head.")
@click.option("--scheme", default="mime", show_default=True, help="conventional, mime or pruned.")
@click.option("--table", type=FOLDER, help="CSV of sparsities.  [default: Tables II and III of the paper]")
@click.option("--task", "tasks", multiple=True, help="A task of the table; may be repeated.  [default: all of them]")
@click.option("--images", type=int, default=3, show_default=True, help="Images of each task.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed draws the same masks.")
@click.option(
    "--pool-density",
    type=click.Choice(["table", "or"]),
    default="table",
    show_default=True,
    help="What the next layer reads behind a pool: the table's density, or the OR of the drawn bits.",
)
@click.option("--density-weights", type=float, default=0.1, show_default=True, help="Weights kept (scheme pruned).")
@click.option("--overwrite", is_flag=True, help="Replace a trace that is there.")
def draw(
    directory: Path,
    network: str,
    size: int,
    classes: int,
    scheme: str,
    table: Path | None,
    tasks: tuple[str, ...],
    images: int,
    seed: int,
    pool_density: str,
    density_weights: float,
    overwrite: bool,
) -> None:
    """Write a trace of seeded random masks at given sparsities into DIRECTORY.

    Drawn bits are independent of each other, which hides load imbalance and correlation: show their results beside
    those of recorded masks.

    \b
    Examples:
      mimesim trace draw out/mime --network tiny --size 16
      mimesim trace draw out/conventional --size 32 --scheme conventional --task cifar10 --images 1
    """
    from mimesim.networks import build
    from mimesim.trace import SparsityTable, draw_trace, show_trace

    drawn = draw_trace(
        directory,
        network=build(network, size, classes),
        scheme=scheme,
        table=None if table is None else SparsityTable.load(table),
        tasks=tasks or None,
        images=images,
        seed=seed,
        pool_density="or" if pool_density == "or" else "table",
        density_weights=density_weights,
        overwrite=overwrite,
    )
    click.echo(show_trace(drawn))
