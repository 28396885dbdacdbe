"""``mimesim trace record``: the masks of a user's own network, with PyTorch."""

from __future__ import annotations

from pathlib import Path

import click

from mimesim.cli.options import FOLDER, needs_pytorch

__all__ = ["record"]


def _numbers(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[float, ...]:
    """Read ``0.485,0.456,0.406``."""
    try:
        return tuple(float(part) for part in value.split(",")) if value else ()
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers such as 0.485,0.456,0.406") from None


@click.command(short_help="Record the masks of a network of your own, with PyTorch.")
@click.argument("directory", type=FOLDER)
@click.option(
    "--model",
    required=True,
    metavar="NAME",
    help="MODULE:FUNCTION that returns the network, torchvision:NAME, or vgg16, resnet18, mobilenet_v2.",
)
@click.option(
    "--weights",
    multiple=True,
    metavar="[TASK=]FILE",
    help="State dictionary, as torch.save(model.state_dict(), FILE) writes it; imagenet for torchvision's.",
)
@click.option(
    "--data",
    multiple=True,
    required=True,
    metavar="[TASK=]FOLDER",
    help="Images, flat or in a folder for each class; may be repeated.  [default TASK: the folder's name]",
)
@click.option("--size", type=int, default=64, show_default=True, help="Height and width of the images in pixels.")
@click.option("--images", type=int, default=3, show_default=True, help="Images of each task.")
@click.option(
    "--scheme",
    type=click.Choice(["conventional", "mime", "pruned"]),
    default="conventional",
    show_default=True,
    help="pruned also records which weights are 0.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the images.")
@click.option("--mean", callback=_numbers, metavar="R,G,B", help="Of values from 0 to 1.  [default: ImageNet's]")
@click.option("--std", callback=_numbers, metavar="R,G,B", help="Of values from 0 to 1.  [default: ImageNet's]")
@click.option("--no-labels", is_flag=True, help="Folders in FOLDER are no classes.")
@click.option("--no-accuracy", is_flag=True, help="Do not run the whole of a labelled FOLDER for its accuracy.")
@click.option("--overwrite", is_flag=True, help="Replace a trace that is there.")
def record(
    directory: Path,
    model: str,
    weights: tuple[str, ...],
    data: tuple[str, ...],
    size: int,
    images: int,
    scheme: str,
    seed: int,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    no_labels: bool,
    no_accuracy: bool,
    overwrite: bool,
) -> None:
    """Run a network on some images of each folder and write its masks into DIRECTORY, a trace to be replayed.

    The network may be made of conv, linear, batch norm, ReLU, pooling and residual additions. Several tasks of one
    network are several --data TASK=FOLDER, with --weights TASK=FILE for each, or one file for all.

    Needs PyTorch: pip install 'mimesim[train]'.

    \b
    Examples:
      mimesim trace record out/mine --model my_module:build --weights mine.pt --data photos
      mimesim trace record out/two --model resnet18 --weights a.pt --data cats=photos/cats --data dogs=photos/dogs
      mimesim trace record out/known --model torchvision:mnasnet0_5 --weights imagenet --data photos --size 224
    """
    with needs_pytorch("recording"):
        from mimesim.training.recording.own import Recorder, parse_tasks
    from mimesim.trace import show_trace

    recorder = Recorder(
        model=model,
        size=size,
        images=images,
        scheme=scheme,
        seed=seed,
        mean=mean,
        std=std,
        labels=not no_labels,
        accuracy=not no_accuracy,
    )
    click.echo(show_trace(recorder.record(directory, parse_tasks(data, weights), overwrite=overwrite)))
