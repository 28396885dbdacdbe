"""MACs counted a second way: by *scatter* (how many outputs read this input?), where the machine counts by gather.

And words rewritten, from whose turn it is, where the machine follows every block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from math import prod

import numpy as np
from numpy.typing import NDArray

from mimesim.ledger import CaseLedger
from mimesim.network import Branch, Node
from mimesim.schedule.images import Image
from mimesim.schedule.program import CasePlan

__all__ = ["fan_out", "recount_macs", "rewriting_laws"]

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def fan_out(size: int, outputs: int, kernel: int, stride: int, padding: int) -> IntArray:
    """Return, for each of *size* elements along an axis, how many (output, tap) pairs read it."""
    reads = np.arange(outputs)[:, None] * stride - padding + np.arange(kernel)[None, :]
    counts: IntArray = np.bincount(reads[(reads >= 0) & (reads < size)], minlength=size)
    return counts


def recount_macs(
    node: Node,
    shape: tuple[int, int, int],
    mask: BoolArray | None,
    weights: BoolArray | None = None,
    branch: Branch | None = None,
) -> int:
    """Return the MACs of a conv or linear *node* on one tensor of *shape* with the set elements of *mask*.

    Every set element is multiplied once for each output that reads it, through the node's window or that of a *branch*.
    *weights* (Co, Ci / groups, kh, kw) marks the non-zero ones of a pruned layer. None stands for all.
    """
    channels, *extents = shape
    window = node if branch is None else branch
    kernel = extents if node.kind == "linear" and branch is None else window.kernel
    axes = list(zip(extents, node.shape[1:], kernel, window.stride, window.padding, strict=True))
    if weights is None:
        reads = [fan_out(*axis) for axis in axes]
        planes = np.full(extents, channels) if mask is None else mask.sum(axis=0, dtype=np.int64)
        return int(reads[0] @ planes @ reads[1]) * (node.shape[0] // node.groups)
    full = np.ones(shape, dtype=np.bool_) if mask is None else mask
    rows, columns = (_readers(*axis) for axis in axes)
    # [channel, tap row, tap column]: at how many positions the tap meets a set element. Exact in double precision.
    hits = rows @ full.astype(np.float64) @ columns.T
    return int((hits * _columns(weights, channels, node.groups)).sum())


def _readers(size: int, outputs: int, kernel: int, stride: int, padding: int) -> NDArray[np.float64]:
    """Return 1 at [tap, element] where some output reads the element through the tap, else 0."""
    taps, elements = np.arange(kernel)[:, None], np.arange(size)[None, :]
    position, rest = np.divmod(elements + padding - taps, stride)
    reads: NDArray[np.float64] = ((rest == 0) & (position >= 0) & (position < outputs)).astype(np.float64)
    return reads


def _columns(weights: BoolArray, channels: int, groups: int) -> IntArray:
    """Return, by [input channel, tap row, tap column], the outputs with a non-zero weight for it."""
    grouped = weights.reshape(groups, -1, *weights.shape[1:]).sum(axis=1, dtype=np.int64)
    return np.asarray(grouped.reshape(channels, *weights.shape[2:]))


def rewriting_laws(plan: CasePlan, ledger: CaseLedger) -> Iterator[str]:
    """What is rewritten in non-volatile memory is what turns of tasks ask for, and is read right after."""
    words: Counter[tuple[str, str, str]] = Counter()
    for phase in ledger.phases:
        for row in phase.rows.values():
            for (level, tensor, way), count in row.words.items():
                words[phase.layer, tensor, way] += count * (level == "envm")
    for layer in dict.fromkeys(phase.layer for phase in ledger.phases):
        written = sum(words[layer, tensor, "write"] for tensor in ("weights", "norm"))
        least, exact = _rewritten(plan, plan.network.node(layer))
        if not ledger.envm.warm and (written < least or (exact and written > least)):
            yield f"layer {layer}: words rewritten, recounted: {written} is not {'' if exact else 'at least '}{least}"
        for tensor in ("weights", "index", "norm"):
            read, count = words[layer, tensor, "read"], words[layer, tensor, "write"]
            if count > read:
                yield f"layer {layer}: {count} words of {tensor} were rewritten, {read} were read from there"


def _rewritten(plan: CasePlan, node: Node) -> tuple[int, bool]:
    """Return how many words of weights and norm are rewritten at a layer, the places being empty first.

    Each time that the turn of a task comes, all that it alone has there is written, once. The second value tells
    whether that is all: where a phase mixes tasks they may take turns more often, so that it is the least.
    """
    envm = plan.hardware.envm
    if envm is None or envm.switch == "resident" or not node.has_weights:
        return 0, True
    alone = plan.schedule.batch_order == "image_major"
    phases = [[image] for batch in plan.batches for image in batch] if alone else plan.batches
    turns = [[image for image in images if image.runs(node.unit)] for images in phases]
    if any(len(image.tasks) > 1 for images in turns for image in images):
        # A request has the inputs of all its tasks, and the parameters of one.
        return 0, False
    if any(len({image.task for image in images}) > 1 for images in turns):
        each = {image.task: image for images in turns for image in images}
        return sum(_own_words(plan, node, image) for image in each.values()), False
    firsts = (next(images) for _, images in groupby((images[0] for images in turns if images), lambda one: one.task))
    return sum(_own_words(plan, node, image) for image in firsts), True


def _own_words(plan: CasePlan, node: Node, image: Image) -> int:
    """Return the words of weights and norm that an image's task alone has there, and the image uses."""
    scheme, network, words, offset = plan.scheme, plan.network, 0, 0
    own, shape = scheme.parameters(node, image.task), network.weight_shape(node)
    if own.memory == "envm":
        mine = own.weights_owner == image.task
        bitmap = own.pruned and own.storage == "bitmap"
        kept = image.trace.weight_mask(image.task, node.name) if mine and bitmap else None
        for tensor in node.inputs if mine else ():
            read = network.node(tensor)
            wide = read.shape[0] // node.groups
            if image.runs(read.unit):
                dense = shape[0] * wide * prod(shape[2:])
                words += dense if kept is None else int(kept[:, offset : offset + wide].sum())
            offset += wide
        words += node.shape[0] * (mine and own.norm == "folded") + 2 * node.shape[0] * (own.norm == "task")
    for branch in node.branches:
        each = scheme.branch(node, branch, image.task)
        if each.memory == "envm" and each.weights_owner == image.task and image.runs(network.node(branch.input).unit):
            words += prod(network.branch_shape(node, branch))
    return words
