"""Parallel residual adapters (Rebuffi et al., CVPR 2018): y = conv3x3(x) + conv1x1(x), the latter the task's own."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from mimesim.network import Branch, Node
from mimesim.training.sharing.surgery import convolution_like
from mimesim.training.tracing.side import SidePath

__all__ = ["AdaptedConv2d"]


class AdaptedConv2d(nn.Conv2d, SidePath):
    """A 3 x 3 convolution and beside it a 1 x 1 one of the same stride, without bias, that starts at 0.

    From 0 the first step starts at exactly the parent's sums; how the authors start it is not known.
    """

    adapter: nn.Conv2d

    @classmethod
    def beside(cls, layer: nn.Module) -> AdaptedConv2d | None:
        """An adapter beside *layer*, whose weights stay the same tensor; None for what is no plain 3 x 3 convolution.

        Plain: padding 1, no groups, no dilation. Then both windows make the same number of positions.
        """
        if not isinstance(layer, nn.Conv2d) or layer.padding not in ((1, 1), "same"):
            return None
        if (layer.kernel_size, layer.dilation, layer.groups) != ((3, 3), (1, 1), 1):
            return None
        made, stride = convolution_like(cls, layer), cast("tuple[int, int]", layer.stride)
        made.adapter = nn.Conv2d(layer.in_channels, layer.out_channels, 1, stride, bias=False)
        nn.init.zeros_(made.adapter.weight)
        made.adapter.to(layer.weight.device)
        return made

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch
        """Sums of both windows."""
        return torch.add(super().forward(input), self.adapter(input))

    def graph(self, name: str, source: str, shape: tuple[int, int, int]) -> tuple[tuple[Node, ...], tuple[Branch, ...]]:
        """A branch ``adapter`` on the layer's own input."""
        stride = self.stride[0], self.stride[1]
        return (), (Branch(name="adapter", input=source, stride=stride),)

    def weights(self) -> tuple[nn.Parameter, ...]:
        """Those of the 1 x 1 convolution."""
        return (cast("nn.Parameter", self.adapter.weight),)
