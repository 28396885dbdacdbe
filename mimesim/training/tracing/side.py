"""Layers with a path beside their own window, whose sums are added to theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn

from mimesim.network import Branch, Node

__all__ = ["SidePath"]


class SidePath(ABC):
    """What the graph and the words of memory need to know of such a layer, whatever it computes."""

    @abstractmethod
    def graph(self, name: str, source: str, shape: tuple[int, int, int]) -> tuple[tuple[Node, ...], tuple[Branch, ...]]:
        """Nodes that must come before node *name*, which reads *source* and writes *shape*, and its branches."""

    @abstractmethod
    def weights(self) -> tuple[nn.Parameter, ...]:
        """The weights of the path, which are the task's own."""
