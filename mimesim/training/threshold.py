"""The threshold layer of MIME: what takes the place of every ReLU.

Source: Bhattacharjee et al., "MIME", arXiv 2204.05274, equations 1 to 4; the estimator of the step's gradient is the
piece-wise linear one of dynamic sparse training (Liu et al., ICLR 2020), which MIME cites as [31].
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn

__all__ = ["Granularity", "ThresholdLayer", "step_estimate", "threshold", "threshold_layers", "threshold_penalty"]

Granularity = Literal["neuron", "channel"]

LINEAR_FROM = 20.0
"""From this threshold on, exp(t) is continued by its tangent, so that the penalty and its gradient stay finite."""


def step_estimate(x: Tensor) -> Tensor:
    """Stand-in for the derivative of the unit step at *x* = y - t (any shape).

    2 - 4|x| for |x| <= 0.4; 0.4 for 0.4 < |x| <= 1; 0 beyond.
    """
    # the first two pieces meet at 0.4, so the larger of them is the right one everywhere below 1
    return _within_one(x.abs().mul_(-4.0).add_(2.0).clamp_(min=0.4), x)


# Thresholds touch every activation of every step. On a CPU ``where`` and ``masked_fill`` take twenty times as long as
# these two operators, which pick the same elements and are there on every device.


def _within_one(values: Tensor, x: Tensor) -> Tensor:
    """*values* where |x| <= 1, else 0."""
    bound = 1.0 + torch.finfo(x.dtype).eps
    result: Tensor = torch.ops.aten.hardtanh_backward(values, x, -bound, bound)
    return result


def _reached(values: Tensor, x: Tensor) -> Tensor:
    """*values* where x >= 0, else 0."""
    result: Tensor = torch.ops.aten.threshold_backward(values, x, -torch.finfo(x.dtype).tiny)
    return result


class _Threshold(torch.autograd.Function):
    """a = y where y >= t, else 0; y is (images, ...), t broadcasts against one image."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, t: Tensor) -> Tensor:
        ctx.save_for_backward(y, t)
        return _reached(y, y - t.to(y.dtype))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None]:
        (grad,) = grads
        y, t = ctx.saved_tensors
        x = y - t.to(y.dtype)
        # a = y * S(y - t): da/dt = -y * S', da/dy = S + y * S'. The second term of da/dy carries the gradient on to
        # the thresholds of earlier layers.
        slope = step_estimate(x).mul_(y).mul_(grad)
        grad_y = _reached(grad, x).add_(slope) if ctx.needs_input_grad[0] else None
        grad_t = None
        if ctx.needs_input_grad[1]:
            grad_t = -slope.sum(dim=0, dtype=t.dtype)
            shared = [axis for axis, length in enumerate(t.shape) if length == 1 and grad_t.shape[axis] != 1]
            if shared:
                grad_t = grad_t.sum(dim=shared, keepdim=True)
        return grad_y, grad_t


def threshold(y: Tensor, t: Tensor) -> Tensor:
    """Equations 1 and 2: keep y where y >= t, else 0, with the gradient that :func:`step_estimate` gives."""
    apply: Any = _Threshold.apply
    result: Tensor = apply(y, t)
    return result


class ThresholdLayer(nn.Module):
    """One learned threshold per output neuron, or one per channel (a control), for one task.

    *shape* is that of one image's output: (C, H, W) after a convolution, (features,) after a linear layer.
    The paper asks for t > 0 and does not say how that is kept: here :meth:`clamp`, called after every optimiser
    step, sets negative thresholds to 0, where the layer is a ReLU. In the place of a ReLU6, *ceiling* is 6: what
    reaches a threshold is min(y, ceiling).
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        granularity: Granularity = "neuron",
        start: float = 0.0,
        ceiling: float | None = None,
    ) -> None:
        """All thresholds at *start*."""
        super().__init__()
        self.granularity: Granularity = granularity
        self.ceiling = ceiling
        self.t = nn.Parameter(_channels_last(torch.full(self._stored_shape(shape), start)))

    def _stored_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape if self.granularity == "neuron" else (shape[0], *(1 for _ in shape[1:]))

    def forward(self, y: Tensor) -> Tensor:
        """Mask *y*, (images, *shape)."""
        return threshold(y if self.ceiling is None else y.clamp(max=self.ceiling), self.t)

    def clamp(self) -> None:
        """Keep t >= 0."""
        with torch.no_grad():
            self.t.clamp_(min=0.0)

    def resize(self, shape: tuple[int, ...]) -> None:
        """Carry the thresholds over to another input size: a map of thresholds is interpolated (bilinear)."""
        stored = self._stored_shape(shape)
        if tuple(self.t.shape) == stored:
            return
        if len(stored) != 3:
            raise ValueError(f"only maps can be resized, not {tuple(self.t.shape)} to {stored}")
        with torch.no_grad():
            maps = nn.functional.interpolate(self.t[None], size=stored[1:], mode="bilinear", align_corners=False)
        self.t = nn.Parameter(_channels_last(maps[0]))


def _channels_last(maps: Tensor) -> Tensor:
    """The same values in the order in memory that activations have: broadcasting against them is eight times faster."""
    return maps.permute(1, 2, 0).contiguous().permute(2, 0, 1) if maps.ndim == 3 else maps.contiguous()


def threshold_layers(model: nn.Module) -> Iterator[ThresholdLayer]:
    """The threshold layers of *model*, in the order of its modules."""
    return (module for module in model.modules() if isinstance(module, ThresholdLayer))


def threshold_penalty(model: nn.Module) -> Tensor:
    """Equation 4: the sum of exp(t) over all thresholds of all layers, a scalar.

    Beyond t = 20 the exponential is continued by its tangent; in float32 exp(t) itself overflows at t = 88.
    """
    total: Tensor | None = None
    for layer in threshold_layers(model):
        low = layer.t.clamp(max=LINEAR_FROM)
        term = (low.exp() + math.exp(LINEAR_FROM) * (layer.t - low)).sum()
        total = term if total is None else total + term
    return torch.zeros(()) if total is None else total
