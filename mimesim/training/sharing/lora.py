"""Low-rank updates (Hu et al., ICLR 2022) of convolutions: y = conv(x) + up(down(x)), down with the conv's window."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from mimesim.network import Branch, Node
from mimesim.training.sharing.surgery import convolution_like
from mimesim.training.tracing.side import SidePath

__all__ = ["LowRankConv2d"]


class LowRankConv2d(nn.Conv2d, SidePath):
    """A convolution whose weights, unrolled to (C_out, 9 C_in), get an update of low rank, kept as its two factors.

    ``down`` has the convolution's window and *rank* channels, ``up`` is 1 x 1; neither has a bias. ``up`` starts at 0.
    """

    down: nn.Conv2d
    up: nn.Conv2d

    @classmethod
    def beside(cls, layer: nn.Module, rank: int) -> LowRankConv2d | None:
        """An update of *layer*, whose weights stay the same tensor; None for anything but a plain convolution."""
        if not isinstance(layer, nn.Conv2d) or layer.groups != 1:
            return None
        made = convolution_like(cls, layer)
        window: Any = (layer.kernel_size, layer.stride, layer.padding, layer.dilation, 1, False)
        made.down = nn.Conv2d(layer.in_channels, rank, *window)
        made.up = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        # drawn by a seed of its own: the same for every task and rate
        nn.init.kaiming_uniform_(made.down.weight, a=5**0.5, generator=torch.Generator().manual_seed(0))
        nn.init.zeros_(made.up.weight)
        made.down.to(layer.weight.device)
        made.up.to(layer.weight.device)
        return made

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch
        """Sums of the weights and of their update."""
        return torch.add(super().forward(input), self.up(self.down(input)))

    def graph(self, name: str, source: str, shape: tuple[int, int, int]) -> tuple[tuple[Node, ...], tuple[Branch, ...]]:
        """A node ``NAME.down`` without activation, and a branch ``lora`` that reads it."""
        padding = self.padding if not isinstance(self.padding, str) else tuple(k // 2 for k in self.kernel_size)
        down = Node(
            name=f"{name}.down", kind="conv", inputs=(source,), shape=(self.down.out_channels, *shape[1:]),
            kernel=(self.kernel_size[0], self.kernel_size[1]), stride=(self.stride[0], self.stride[1]),
            padding=(padding[0], padding[1]),
        )  # fmt: skip
        return (down,), (Branch(name="lora", input=down.name),)

    def weights(self) -> tuple[nn.Parameter, ...]:
        """Those of both factors."""
        return cast("nn.Parameter", self.down.weight), cast("nn.Parameter", self.up.weight)
