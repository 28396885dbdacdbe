"""PackNet: one network, whose every weight belongs to the task that it was trained for."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, is_head

__all__ = ["Packnet"]


class Packnet(Scheme):
    """Beside every weight lies the number of its task; task k computes with the weights of tasks 1 to k.

    Mallya and Lazebnik (PackNet: Adding Multiple Tasks to a Single Network by Iterative Pruning, CVPR 2018). The index
    has ceil(log2(tasks + 1)) bits, for a weight may be nobody's yet, and is everybody's: a switch fetches nothing. What
    a task leaves out is zero in its trace. The head is the task's. *tasks* are as many as the index has room for.
    """

    name: ClassVar[str] = "packnet"

    def __init__(self, tasks: int = 3) -> None:
        if tasks < 1:
            raise ValueError(f"tasks must be at least 1, not {tasks}")
        self.tasks = self.most_tasks = tasks

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights with their index, as the task sees them, or the task's own head."""
        if is_head(node):
            return LayerParameters(weights_owner=task)
        if not node.has_weights:
            return LayerParameters(weights_owner=SHARED)
        bits = self.tasks.bit_length()
        return LayerParameters(weights_owner=SHARED, pruned=True, view=task, index_bits=bits)
