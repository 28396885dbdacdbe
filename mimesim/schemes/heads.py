"""One frozen network, and a head per task."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, is_head

__all__ = ["Heads"]


class Heads(Scheme):
    """All weights are the parent's but those of the last layer: feature extraction, the least that tasks can differ in.

    The linear probe of Yosinski et al. (How transferable are features in deep neural networks?, NIPS 2014).
    """

    name: ClassVar[str] = "heads"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights, or the task's own head."""
        return LayerParameters(weights_owner=task if is_head(node) else SHARED)
