"""What a task costs in memory: the words that it does not share with the other tasks."""

from __future__ import annotations

from collections.abc import Collection
from math import prod

from mimesim.network import Network
from mimesim.training.config import (
    BatchNormMethod,
    HeadMethod,
    LoraMethod,
    MemtiMethod,
    Method,
    MimeMethod,
    PacknetMethod,
    PiggybackMethod,
    PrunedMethod,
)

__all__ = ["own_words"]

MASK_BITS = 16
"""Of Piggyback's mask in a word of memory."""


def own_words(network: Network, method: Method, classes: int, normed: Collection[str]) -> int:
    """Words that a task with *classes* classes adds to the memory: its head, and what *method* learns beside it.

    *normed* names the nodes of *network* that have a batch norm. Folded for inference, that is a scale and a bias per
    channel, two words, which are the task's wherever batch norm is not the parent's: trained along, or with statistics
    of the task's images. Every other layer whose weights are the task's adds one bias per output channel. The head
    has a weight per class and input and a bias per class, whatever the size of the head in *network*. Pruned weights
    count without the index that says which ones are left: tasks that start from one parent share it. Adapters,
    low-rank updates and masks (a bit for each weight) come with batch norm that is trained along. Of packed tasks only
    the head is counted: the weights of all of them, and the index that tells them apart, are one network.
    """
    *body, head = network.weight_layers
    head_words = classes * (prod(network.weight_shape(head)[1:]) + 1)
    norm_words = sum(2 * node.shape[0] for node in body if node.name in normed)
    if isinstance(method, HeadMethod | PacknetMethod):
        return head_words
    if isinstance(method, BatchNormMethod):
        return head_words + norm_words
    if isinstance(method, MimeMethod):
        per_channel = method.threshold_granularity == "channel"
        shapes = [node.shape for node in network.nodes if node.activation]
        thresholds = sum(shape[0] if per_channel else prod(shape) for shape in shapes)
        return head_words + thresholds + (0 if method.batch_norm == "frozen" else norm_words)
    if isinstance(method, MemtiMethod | LoraMethod | PiggybackMethod):
        return head_words + norm_words + _added_words(network, method)
    weights = [network.weight_words(node) for node in body]
    if isinstance(method, PrunedMethod):
        # rounded down layer by layer, as the weights are removed
        weights = [count - int(method.weight_sparsity * count) for count in weights]
    biases = sum(node.shape[0] for node in body if node.name not in normed)
    return head_words + sum(weights) + biases + norm_words


def _added_words(network: Network, method: MemtiMethod | LoraMethod | PiggybackMethod) -> int:
    """Words that a task has beside the shared weights: of adapters, of the factors of updates, or of mask bits."""
    *body, _ = network.weight_layers
    words = 0
    for node in body:
        outputs, inputs, *kernel = network.weight_shape(node)
        if isinstance(method, PiggybackMethod):
            words += -(-network.weight_words(node) // MASK_BITS)
        elif node.kind == "conv" and node.groups == 1:
            if isinstance(method, LoraMethod):
                words += method.rank * (inputs * prod(kernel) + outputs)
            elif (node.kernel, node.padding) == ((3, 3), (1, 1)):
                words += inputs * outputs
    return words
