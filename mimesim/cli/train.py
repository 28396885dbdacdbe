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

    A CONFIG with the key "system" is of another way to share a network: "pam" merges the networks of several tasks on
    the same images (docs/pam.md), "dvn" learns virtual networks with levels (docs/dvn.md).

    Needs PyTorch: pip install 'mimesim[train]'.

    \b
    Example:
      mimesim train workloads/training/vgg16-reduced.yaml --quick
    """
    with needs_pytorch("training"):
        from mimesim.training.run import train_from_file
    for directory in train_from_file(config, quick=quick):
        click.echo(directory)
