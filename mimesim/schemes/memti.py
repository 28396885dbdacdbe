"""MEMTI: one frozen network for all tasks, and small adapters, batch norm and a head for each."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme

__all__ = ["Memti"]


class Memti(Scheme):
    """Weights are shared and never change; the layers without an activation that end the network are the task's.

    Adapters are branches of the shared layers, and branches are the task's.
    """

    name: ClassVar[str] = "memti"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights, or the task's own head."""
        head = node.kind == "linear" and not node.activation
        return LayerParameters(weights_owner=task if head else SHARED)
