"""Piggyback: one frozen network, of which every task uses the weights that its mask leaves."""

from __future__ import annotations

from typing import ClassVar, Literal

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, is_head

__all__ = ["Piggyback"]


class Piggyback(Scheme):
    """Weights are the parent's; a task has one bit for each of them, and a head.

    Mallya, Davis and Lazebnik (Piggyback: Adapting a Single Network to Multiple Tasks by Learning to Mask Weights, ECCV
    2018). The masks are applied on the way into the scratchpads, so that a fill holds one task's weights; which ones
    are zero is in the trace. Batch norm is the parent's, or the task's where *norm* says so.
    """

    name: ClassVar[str] = "piggyback"

    def __init__(self, norm: Literal["folded", "task"] = "folded") -> None:
        self.norm: Literal["folded", "task"] = norm

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights with the task's masks, or the task's own head."""
        if is_head(node):
            return LayerParameters(weights_owner=task)
        if not node.has_weights:
            return LayerParameters(weights_owner=SHARED)
        return LayerParameters(weights_owner=SHARED, pruned=True, norm=self.norm, view=task, masks="task")
