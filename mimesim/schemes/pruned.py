"""One pruned network per task: few weights are left, none are shared."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import LayerParameters, Scheme, Storage

__all__ = ["Pruned"]


class Pruned(Scheme):
    """Every task has its own pruned weights (the paper's Fig. 8), stored dense or as non-zeros with a bitmap.

    The paper does not say which; its numbers fit dense storage. The zeros save MAC energy in both, and traffic in the
    second; they save no cycles, for the columns of a row share one broadcast and run in lockstep.
    """

    name: ClassVar[str] = "pruned"

    def __init__(self, storage: Storage = "dense") -> None:
        self.storage = storage

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """All weights belong to the task."""
        return LayerParameters(weights_owner=task, storage=self.storage, pruned=node.has_weights)
