"""Piggyback (Mallya et al., ECCV 2018; arXiv 1801.06519): a learnt bit for every weight of a frozen network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mimesim.training.sharing.surgery import convolution_like

__all__ = ["MaskedConv2d", "MaskedLinear", "binary"]


class _Binary(torch.autograd.Function):
    """1 where a score is above the threshold, else 0; the gradient passes straight through."""

    @staticmethod
    def forward(_context: Any, scores: Tensor, threshold: float) -> Tensor:
        return (scores > threshold).to(scores.dtype)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


def binary(scores: Tensor, threshold: float) -> Tensor:
    """The mask of *scores*, of the same shape: 1 above *threshold*, else 0. Its derivative is taken to be 1."""
    mask: Tensor = _Binary.apply(scores, threshold)
    return mask


class MaskedConv2d(nn.Conv2d):
    """A convolution with the weights that its mask leaves."""

    scores: nn.Parameter
    threshold: float

    @classmethod
    def over(cls, layer: nn.Module, start: float, threshold: float) -> MaskedConv2d | None:
        """A mask over *layer*, whose weights stay the same tensor; all scores begin at *start*."""
        if not isinstance(layer, nn.Conv2d):
            return None
        made = convolution_like(cls, layer)
        made.scores, made.threshold = nn.Parameter(torch.full_like(layer.weight, start)), threshold
        return made

    @property
    def kept(self) -> Tensor:
        """Which weights the task uses, bool, of the weights' shape."""
        return self.scores.detach() > self.threshold

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch
        """Sums over the weights that are left."""
        return self._conv_forward(input, self.weight * binary(self.scores, self.threshold), self.bias)


class MaskedLinear(nn.Linear):
    """A linear layer with the weights that its mask leaves."""

    scores: nn.Parameter
    threshold: float

    @classmethod
    def over(cls, layer: nn.Module, start: float, threshold: float) -> MaskedLinear | None:
        """A mask over *layer*, whose weights stay the same tensor; all scores begin at *start*."""
        if not isinstance(layer, nn.Linear):
            return None
        made = cls(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        made.weight, made.bias = layer.weight, layer.bias
        made.scores, made.threshold = nn.Parameter(torch.full_like(layer.weight, start)), threshold
        return made.train(layer.training)

    @property
    def kept(self) -> Tensor:
        """Which weights the task uses, bool, of the weights' shape."""
        return self.scores.detach() > self.threshold

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch
        """Sums over the weights that are left."""
        return nn.functional.linear(input, self.weight * binary(self.scores, self.threshold), self.bias)
