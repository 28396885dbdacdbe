"""A trained network as the machine stores it: batch norm folded, every parameter a fixed-point word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from mimesim.faults.fixed_point import FixedPoint
from mimesim.training.threshold import ThresholdLayer
from mimesim.training.tracing.model import TracedModel
from mimesim.training.tracing.side import SidePath

__all__ = ["StoredTensors", "fold_norms", "quantise"]


@dataclass(frozen=True)
class StoredTensors:
    """The formats of one network's weights and thresholds, by layer."""

    weights: dict[str, FixedPoint]
    thresholds: dict[str, FixedPoint]


def fold_norms(models: Mapping[str, TracedModel], shared: Collection[str], parent: TracedModel) -> None:
    """Fold each batch norm of the tasks' *models* into the layer before it, as a machine that multiplies and adds does.

    A layer in *shared* has one copy of its weights for all tasks: where a task's norm is not the *parent*'s, it stays.
    """
    theirs = _affine(parent)
    found = {task: _affine(model) for task, model in models.items()}
    for name in theirs:
        if name in shared and not all(_same(one[name], theirs[name]) for one in found.values()):
            continue
        for task, model in models.items():
            scale, shift = found[task][name]
            layer = model.layers[name]
            bias = shift if layer.bias is None else layer.bias.detach() * scale + shift
            with torch.no_grad():
                layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.ndim - 1)))
            layer.bias = nn.Parameter(bias, requires_grad=False)
            site = next(site for site in model.sites if site.name == name)
            model.module.add_submodule(site.norm or "", nn.Identity())


def quantise(model: TracedModel, bits: int) -> StoredTensors:
    """Round every weight, bias (the word of folded batch norm) and threshold of *model* to a word of *bits*, in place.

    Each tensor of each layer has a unit of its own (:meth:`FixedPoint.of`).
    """
    weights, thresholds = {}, {}
    for name, layer in model.layers.items():
        weights[name] = _round(layer.weight, bits)
        for own in layer.weights() if isinstance(layer, SidePath) else ():
            _round(own, bits)
        if layer.bias is not None:
            _round(layer.bias, bits)
    for name, activation in model.activations.items():
        if isinstance(activation, ThresholdLayer):
            # in the order of (channel, row, column), in which words are counted
            activation.t = nn.Parameter(activation.t.detach().contiguous(), requires_grad=False)
            thresholds[name] = _round(activation.t, bits)
    return StoredTensors(weights, thresholds)


def _round(tensor: Tensor, bits: int) -> FixedPoint:
    tensor.data = tensor.detach().contiguous()
    flat = tensor.data.view(-1)
    fixed = FixedPoint.of(flat.abs().max().item(), bits)
    for part in torch.split(flat, 1 << 20):  # in float64 a large layer would be a large copy
        part.copy_(torch.from_numpy(fixed.decode(fixed.encode(part.numpy()))))
    return fixed


def _affine(model: TracedModel) -> dict[str, tuple[Tensor, Tensor]]:
    """Scale and shift per channel that each batch norm amounts to in inference."""
    found = {}
    for name, module in model.norms.items():
        norm: Any = cast("nn.BatchNorm2d", module)
        scale = (norm.running_var.detach() + norm.eps).rsqrt()
        shift = -norm.running_mean.detach() * scale
        if norm.weight is not None:
            gain, offset = norm.weight.detach(), norm.bias.detach()
            scale, shift = scale * gain, shift * gain + offset
        if name in model.layers:
            found[name] = scale, shift
    return found


def _same(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> bool:
    return torch.equal(one[0], other[0]) and torch.equal(one[1], other[1])
