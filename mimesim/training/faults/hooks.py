"""Wrong words in a running network: for all images, or exactly where the machine uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from mimesim.faults.fixed_point import FixedPoint
from mimesim.faults.landing import Landings
from mimesim.faults.stored import PositionTable
from mimesim.faults.upsets import Ints
from mimesim.schedule.geometry import Geometry
from mimesim.training.threshold import ThresholdLayer, threshold

__all__ = ["changed", "threshold_faults", "weight_faults"]

Hook = Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]

#: Rows of landings that are worked on at once; each is up to a tile of positions.
_PIECE = 1 << 16


@contextmanager
def changed(tensor: Tensor, elements: Ints, masks: Ints, fixed: FixedPoint) -> Iterator[None]:
    """Let words of *tensor* be wrong while the block runs: the faults of a memory that every use reads."""
    flat, index = tensor.data.view(-1), torch.from_numpy(elements)
    kept = flat[index].clone()
    flat[index] = torch.from_numpy(fixed.upset(kept.numpy(), masks)).to(flat.dtype)
    try:
        yield
    finally:
        flat[index] = kept


def weight_faults(geometry: Geometry, weight: Tensor, fixed: FixedPoint, landings: Landings) -> Hook:
    """Correct a layer's sums where a wrong copy of a weight was multiplied: y += (wrong - right) x input.

    *landings* count the images of the batch that runs, and *weight* is what the module computed with.
    """
    operation, table = geometry.operation, PositionTable(geometry)
    source = operation.sources[0]
    inputs = source.shape[0] // operation.groups
    outputs = operation.shape[0] // operation.groups
    _, height, width = source.shape
    columns = operation.shape[2]
    right = weight.detach().reshape(-1)[torch.from_numpy(landings.element)].double()
    wrong = torch.from_numpy(fixed.upset(right.numpy(), landings.mask))
    delta = (wrong - right).to(weight.dtype)

    def hook(_module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> Tensor:
        values = cast("Tensor", arguments[0]).reshape(-1)
        sums = output.contiguous().view(-1)
        for start in range(0, len(landings), _PIECE):
            piece = landings.take(slice(start, start + _PIECE))
            row, position = piece.expand(table)
            element, image = piece.element[row], piece.image[row]
            rest, tap = element // source.taps, element % source.taps
            channel = rest // inputs
            y = position // columns * source.stride[0] - source.padding[0] + tap // source.kernel[1]
            x = position % columns * source.stride[1] - source.padding[1] + tap % source.kernel[1]
            inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            read = image * source.shape[0] + channel // outputs * inputs + rest % inputs
            read = ((read * height + y) * width + x)[inside]
            # a task's head may have fewer outputs than the network that all tasks share
            written = ((image * output.shape[1] + channel) * operation.shape[1] * columns + position)[inside]
            product = values[torch.from_numpy(read)] * delta[torch.from_numpy(row[inside] + start)]
            sums.index_add_(0, torch.from_numpy(written), product)
        return sums.view(output.shape)

    return hook


def threshold_faults(geometry: Geometry, layer: ThresholdLayer, fixed: FixedPoint, landings: Landings) -> Hook:
    """Compare anew where a wrong copy of a threshold was compared with."""
    operation, table = geometry.operation, PositionTable(geometry)
    positions = operation.shape[1] * operation.shape[2]
    right = layer.t.detach().reshape(-1)[torch.from_numpy(landings.element)]
    wrong = torch.from_numpy(fixed.upset(right.numpy(), landings.mask)).to(right.dtype)

    def hook(_module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> Tensor:
        values = cast("Tensor", arguments[0]).reshape(-1)
        masked = output.contiguous().view(-1)
        for start in range(0, len(landings), _PIECE):
            piece = landings.take(slice(start, start + _PIECE))
            if layer.granularity == "neuron":
                # a threshold of its own: no other position is compared with it
                row = torch.arange(len(piece)).numpy()
                place = piece.element
            else:
                row, position = piece.expand(table)
                place = piece.element[row] * positions + position
            index = torch.from_numpy(piece.image[row] * operation.shape[0] * positions + place)
            y = values[index]
            y = y if layer.ceiling is None else y.clamp(max=layer.ceiling)
            masked[index] = threshold(y, wrong[torch.from_numpy(row + start)])
        return masked.view(output.shape)

    return hook
