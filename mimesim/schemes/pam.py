"""Pruning-aware merging: a part of the network for all tasks, and a part for each."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Node
from mimesim.schemes.base import SHARED, LayerParameters, Scheme, is_head

__all__ = ["Pam"]


class Pam(Scheme):
    """Nodes of the unit ``shared`` are everybody's, nodes of a unit that is called like a task are the task's.

    The merged network of He, Gao, Zhou, Tong and Thiele (Pruning-Aware Merging for Efficient Multitask Inference, KDD
    2021): shared neurons read shared ones, a task's own read both. What a task has is whole channels, so its weights
    are dense blocks without masks; biases and norms are those of the channels.
    """

    name: ClassVar[str] = "pam"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights in the shared part, else the task's."""
        shared = node.unit == "shared" or (node.unit is None and not is_head(node))
        return LayerParameters(weights_owner=SHARED if shared else task)
