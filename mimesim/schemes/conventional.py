"""One fine-tuned network per task: nothing is shared."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import LayerParameters, Scheme

__all__ = ["Conventional"]


class Conventional(Scheme):
    """Every task has weights of its own (the paper's Case-1 and Case-2, section V-B)."""

    name: ClassVar[str] = "conventional"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """All weights belong to the task; a ReLU needs no stored thresholds."""
        return LayerParameters(weights_owner=task)
