"""Putting other layers in the place of a traced network's, with the same weights under the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from mimesim.training.tracing.model import TracedModel

__all__ = ["convolution_like", "is_added", "replace_layers"]

#: What is added to the state of a network's layers, beside the weights that they had.
ADDED = frozenset({"adapter", "down", "up", "scores", "owners"})

Convolution = TypeVar("Convolution", bound=nn.Conv2d)


def replace_layers(model: TracedModel, made: Callable[[nn.Module], nn.Module | None]) -> None:
    """Put ``made(layer)`` in the place of every layer but the head; None leaves it as it is."""
    for site in model.sites:
        if site.weights and site is not model.head_site:
            other = made(model.module.get_submodule(site.weights))
            if other is not None:
                model.module.add_submodule(site.weights, other)


def convolution_like(kind: type[Convolution], layer: nn.Conv2d) -> Convolution:
    """A convolution of *kind* with the window and the very weights of *layer*."""
    any_kind: Any = kind
    made: Convolution = any_kind(
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding, layer.dilation,
        layer.groups, layer.bias is not None, layer.padding_mode, device="meta",
    )  # fmt: skip
    made.weight, made.bias = layer.weight, layer.bias
    made.train(layer.training)
    return made


def is_added(name: str) -> bool:
    """Whether the tensor *name* of a state is one that a replaced layer added."""
    return not ADDED.isdisjoint(name.split("."))
