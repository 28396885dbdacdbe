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


class _Masked:
    """What a layer has besides its frozen *weight*: a score for every one, and where a score is enough."""

    weight: Tensor
    scores: nn.Parameter
    threshold: float

    def begin(self, start: float, threshold: float) -> None:
        """Let all scores be *start*."""
        self.scores, self.threshold = nn.Parameter(torch.full_like(self.weight, start)), threshold

    @property
    def kept(self) -> Tensor:
        """Which weights the task uses, bool, of the weights' shape."""
        return self.scores.detach() > self.threshold

    def left(self) -> Tensor:
        """The weights that are left."""
        return self.weight * binary(self.scores, self.threshold)


class MaskedConv2d(_Masked, nn.Conv2d):
    """A convolution with the weights that its mask leaves."""

    @classmethod
    def over(cls, layer: nn.Module, start: float, threshold: float) -> MaskedConv2d | None:
        """A mask over *layer*, whose weights stay the same tensor; all scores begin at *start*."""
        if not isinstance(layer, nn.Conv2d):
            return None
        made = convolution_like(cls, layer)
        made.begin(start, threshold)
        return made

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch
        """Sums over the weights that are left."""
        return self._conv_forward(input, self.left(), self.bias)


class MaskedLinear(_Masked, nn.Linear):
    """A linear layer with the weights that its mask leaves."""

    @classmethod
    def over(cls, layer: nn.Module, start: float, threshold: float) -> MaskedLinear | None:
        """A mask over *layer*, whose weights stay the same tensor; all scores begin at *start*."""
        if not isinstance(layer, nn.Linear):
            return None
        made = cls(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        made.weight, made.bias = layer.weight, layer.bias
        made.begin(start, threshold)
        return made.train(layer.training)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch
        """Sums over the weights that are left."""
        return nn.functional.linear(input, self.left(), self.bias)
