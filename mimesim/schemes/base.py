"""What a scheme says: which parameters an image of a task needs at a layer, whose they are, how they are stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from mimesim.network import Branch, Network, Node

__all__ = ["SHARED", "LayerParameters", "Memory", "Norm", "Scheme", "Storage", "Thresholds", "is_head"]

#: Owner of what all tasks use.
SHARED = "shared"

Storage = Literal["dense", "bitmap"]
Thresholds = Literal["neuron", "channel"]
Norm = Literal["folded", "task", "none"]
Memory = Literal["dram", "envm"]


@dataclass(frozen=True, slots=True)
class LayerParameters:
    """The parameters that one task's images need at one layer.

    *weights_owner* is :data:`SHARED` or the task; weights of one owner are one region of DRAM, fetched once for all
    the images of a batch that use it. *storage* says how they lie there: all of them, or the non-zero ones and a
    bitmap. *pruned* tells that some weights are zero; the trace holds which. *thresholds* is what the comparators load,
    owned by the task, or None where a plain ReLU (a threshold of zero, stored nowhere) is enough. *norm* is where batch
    norm is: ``folded`` into a word a channel beside the weights (as a bias is), or the ``task``'s, a scale and a shift
    a channel that the comparators load, or nowhere (``none``); at one layer all tasks answer alike.

    *view* tells apart, of tasks with one owner, those that compute with different ones of its weights, the others being
    zero (*pruned*); *masks* adds a bit a weight and view that says which. *index_bits* are bits beside every weight
    that say the same for all views. *memory* is where the weights lie, with their masks and the task's norm.
    Raises :class:`ValueError` where these do not go together.
    """

    weights_owner: str
    storage: Storage = "dense"
    pruned: bool = False
    thresholds: Thresholds | None = None
    norm: Norm = "folded"
    view: str | None = None
    masks: Literal["task"] | None = None
    index_bits: int = 0
    memory: Memory = "dram"

    def __post_init__(self) -> None:
        """Check what goes together."""
        if self.masks is not None and self.view is None:
            raise ValueError("masks are those of a view")
        if self.view is not None and self.storage != "dense":
            raise ValueError("weights of which there are views are stored dense")


def is_head(node: Node) -> bool:
    """Return whether *node* ends the network: a linear layer without activation. Tasks differ in their classes."""
    return node.kind == "linear" and not node.activation


class Scheme(ABC):
    """A way for tasks to share one network's parameters."""

    #: The name that workloads and manifests use.
    name: ClassVar[str]
    #: How many tasks there is room for; None: any number.
    most_tasks: int | None = None

    @abstractmethod
    def parameters(self, node: Node, task: str) -> LayerParameters:
        """Return what an image of *task* needs at *node*, a conv, linear, pool or add."""

    def branch(self, node: Node, branch: Branch, task: str) -> LayerParameters:
        """Return what an image of *task* needs at a *branch* of *node*: dense weights, here the task's, and no more."""
        return LayerParameters(weights_owner=task)

    def weights_words(self, network: Network, node: Node) -> int:
        """Words of one owner's weights of all inputs, uncompressed, with one of folded batch norm a channel."""
        return network.weight_words(node) + node.shape[0] if node.has_weights else 0

    def thresholds_words(self, node: Node, parameters: LayerParameters) -> int:
        """Words of one task's thresholds at *node*."""
        if parameters.thresholds is None:
            return 0
        channels, height, width = node.shape
        return channels * height * width if parameters.thresholds == "neuron" else channels
