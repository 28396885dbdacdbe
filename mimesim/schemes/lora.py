"""LoRA: frozen weights, and per task an update of low rank."""

from __future__ import annotations

from typing import ClassVar, Literal

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, is_head

__all__ = ["Lora"]


class Lora(Scheme):
    """Beside a layer runs a narrow one of the task's, ``<layer>.down``, which a 1 x 1 branch of the layer reads.

    Low-rank adaptation (Hu et al., LoRA, ICLR 2022) with the two factors kept apart: merged, they would be weights of
    the task's own. The first factor is the node ``.down``, without norm or activation; the second is the branch, which
    belongs to the task as in every scheme that does not say otherwise. The head is the task's, and so is batch norm
    where *norm* says ``task``.
    """

    name: ClassVar[str] = "lora"

    def __init__(self, norm: Literal["folded", "task"] = "folded") -> None:
        self.norm: Literal["folded", "task"] = norm

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights, or the task's own head or first factor."""
        if node.name.endswith(".down"):
            return LayerParameters(weights_owner=task, norm="none")
        if is_head(node):
            return LayerParameters(weights_owner=task)
        return LayerParameters(weights_owner=SHARED, norm=self.norm if node.has_weights else "folded")
