"""``mimesim train``: learn the networks and record their masks, with PyTorch."""

from __future__ import annotations

from pathlib import Path

import click

from mimesim.cli.options import FOLDER, needs_pytorch

__all__ = ["train"]


@click.command(short_help="Learn the networks and record their masks, with PyTorch.")
@click.argument("config", type=FOLDER)
@click.option("--quick", is_flag=True, help="A few steps on a few images only, into folders of its own: does it run?")
def train(config: Path, quick: bool) -> None:
    """Train as CONFIG says (parent, child tasks, methods) and record traces; goes on where it was interrupted.

    With 'system: dvn' CONFIG is of virtual networks (docs/dvn.md), which have no parent; tables come with them.

    Needs PyTorch: pip install 'mimesim[train]'.

    \b
    Example:
      mimesim train workloads/training/vgg16-reduced.yaml --quick
    """
    with needs_pytorch("training"):
        from mimesim.training.run import train_from_file
    for directory in train_from_file(config, quick=quick):
        click.echo(directory)
