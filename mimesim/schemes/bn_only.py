"""One frozen network, and per task a scale and a shift for every channel."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, is_head

__all__ = ["BnOnly"]


class BnOnly(Scheme):
    """Weights are the parent's; batch norm and the head are the task's.

    As in Bilen and Vedaldi (Universal representations, 2017). The norm is not folded into what all share: the
    comparators load two words a channel before they compare.
    """

    name: ClassVar[str] = "bn_only"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights with the task's norm, or the task's own head."""
        if is_head(node):
            return LayerParameters(weights_owner=task)
        return LayerParameters(weights_owner=SHARED, norm="task" if node.has_weights else "folded")
