"""MEMTI: frozen weights, and small parallel adapters per task."""

from __future__ import annotations

from typing import ClassVar

from mimesim.network import Branch, Node
from mimesim.schemes.base import SHARED, LayerParameters, Memory, Scheme, is_head

__all__ = ["Memti"]


class Memti(Scheme):
    """Every layer has a branch, a 1 x 1 convolution on its own input; branch, batch norm and head are the task's.

    The parallel residual adapters of Rebuffi, Bilen and Vedaldi (Efficient parametrization of multi-domain deep neural
    networks, CVPR 2018), which is how MEMTI (Donato et al., IEEE Micro 39(6), 2019) is read here: about a tenth of all
    parameters differ between tasks. With *memory* ``envm`` all parameters, batch norm too, lie in on-chip non-volatile
    memory: those of every task, and a switch of tasks writes nothing, or those of one (``hardware.envm.switch``).
    """

    name: ClassVar[str] = "memti"

    def __init__(self, memory: Memory = "envm") -> None:
        self.memory: Memory = memory

    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return shared weights with the task's norm, or the task's own head."""
        if is_head(node):
            return LayerParameters(weights_owner=task, memory=self.memory)
        return LayerParameters(weights_owner=SHARED, norm="task" if node.has_weights else "folded", memory=self.memory)

    def branch(self, node: Node, branch: Branch, task: str) -> LayerParameters:
        """Return the task's own adapter."""
        return LayerParameters(weights_owner=task, memory=self.memory)
