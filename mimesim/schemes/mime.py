"""MIME: one frozen parent network, and per task a threshold for every neuron."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, Thresholds, is_head

__all__ = ["Mime"]


class Mime(Scheme):
    """Weights are the parent's; thresholds and the head are the task's (the paper's Case-3, section III).

    A head per task is unavoidable, as tasks differ in their classes: the layers without an activation that end the
    network belong to the task. *granularity* ``channel`` is the cheaper control: one threshold for a whole channel.
    """

    name: ClassVar[str] = "mime"

    def __init__(self, granularity: Thresholds = "neuron") -> None:
        self.granularity = granularity

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights with the task's thresholds, or the task's own head."""
        if is_head(node):
            return LayerParameters(weights_owner=task)
        return LayerParameters(weights_owner=SHARED, thresholds=self.granularity if node.activation else None)
