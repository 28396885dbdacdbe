"""Deep virtual networks: every task runs some units of one network."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, is_head

__all__ = ["Dvn"]


class Dvn(Scheme):
    """A layer is several nodes, one a unit; weights between two units are everybody's and run where both are active.

    Kim, Ahn, Torr and Oh (Deep Virtual Networks for Memory Efficient Inference of Multiple Tasks, CVPR 2019). A (task,
    level) pair is a task of the trace, ``<task>.<level>``, with the units of that level. Batch norm and head are its
    own, since statistics differ with what is active (Yu et al., Slimmable Neural Networks, ICLR 2019).
    """

    name: ClassVar[str] = "dvn"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights with the task's norm, or the task's own head."""
        if is_head(node):
            return LayerParameters(weights_owner=task)
        return LayerParameters(weights_owner=SHARED, norm="task" if node.has_weights else "folded")
