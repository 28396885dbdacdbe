"""MACs counted a second way: by *scatter* (how many outputs read this input?), where the machine counts by gather."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mimesim.network import Branch, Node

__all__ = ["fan_out", "recount_macs"]

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
