"""Counting mask bits: what each pass of an operation costs for one image (``docs/machine.md``, section 5).

Everything here depends on the mask and on shapes only, so one count serves every case, mode and batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mimesim.schedule.geometry import Chunk, Geometry
from mimesim.schedule.operations import Source

__all__ = ["Counts", "count", "kept_outputs", "lockstep_steps", "pairs_per_position", "weighted_macs"]

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Counts:
    """(channel, tap) pairs of one image by [position tile, chunk]: the largest over the tile's rows, and their sum."""

    largest: IntArray
    total: IntArray


def pairs_per_position(mask: NDArray[np.bool_], source: Source, chunk: Chunk, height: int, width: int) -> IntArray:
    """Return, for each output position (height, width), the chunk's pairs whose input is inside and set in *mask*."""
    counts = np.zeros((height, width), dtype=np.int64)
    summed = mask[chunk.c0 : chunk.c1].sum(axis=0, dtype=np.int64)
    for tap in range(chunk.t0, chunk.t1):
        outputs, inputs = _overlap(source, tap, height, width)
        counts[outputs] += summed[inputs]
    return counts


def _all_pairs(geometry: Geometry, index: int, mask: NDArray[np.bool_]) -> IntArray:
    """Return pairs by [chunk of source *index*, row, column]; chunks with all taps are counted together."""
    source = geometry.operation.sources[index]
    _, height, width = geometry.operation.shape
    chunks = [chunk for chunk in geometry.chunks if chunk.source == index]
    if any(chunk.t1 - chunk.t0 < source.taps for chunk in chunks):
        return np.stack([pairs_per_position(mask, source, chunk, height, width) for chunk in chunks])
    summed = np.stack([mask[c.c0 : c.c1].sum(axis=0, dtype=np.int32) for c in chunks])
    counts = np.zeros((len(chunks), height, width), dtype=np.int64)
    for tap in range(source.taps):
        outputs, inputs = _overlap(source, tap, height, width)
        counts[(slice(None), *outputs)] += summed[(slice(None), *inputs)]
    return counts


def _overlap(source: Source, tap: int, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the output positions at which a tap lies inside the tensor, and the input elements it meets there."""
    pairs = []
    taps = divmod(tap, source.kernel[1])
    for axis, outputs in enumerate((height, width)):
        stride, size = source.stride[axis], source.shape[axis + 1]
        offset = taps[axis] - source.padding[axis]
        first = max(0, -(offset // stride))
        last = min(outputs, (size - 1 - offset) // stride + 1)
        if last <= first:
            pairs.append((slice(0, 0), slice(0, 0)))
        else:
            begin = first * stride + offset
            pairs.append((slice(first, last), slice(begin, (last - 1) * stride + offset + 1, stride)))
    return (pairs[0][0], pairs[1][0]), (pairs[0][1], pairs[1][1])


def count(geometry: Geometry, masks: list[NDArray[np.bool_] | None]) -> tuple[Counts, IntArray]:
    """Count one image; *masks* holds one (C, H, W) mask per source, None where every element counts.

    Returns the counts by [position tile, chunk], and the pairs by [chunk, row, column] that they were made from.
    """
    operation = geometry.operation
    parts = [
        _all_pairs(geometry, i, np.ones(source.shape, dtype=np.bool_) if mask is None else mask)
        for i, (source, mask) in enumerate(zip(operation.sources, masks, strict=True))
    ]
    order = sorted(range(len(geometry.chunks)), key=lambda k: geometry.chunks[k].source)
    pairs = np.empty((len(order), *operation.shape[1:]), dtype=np.int64)
    pairs[order] = np.concatenate(parts)
    rows, columns = geometry.tile_shape
    _, height, width = operation.shape
    high, wide = -(-height // rows), -(-width // columns)
    padded = np.zeros((len(order), high * rows, wide * columns), dtype=np.int64)
    padded[:, :height, :width] = pairs
    tiles = padded.reshape(len(order), high, rows, wide, columns)
    visited = [(tile.y0 // rows) * wide + tile.x0 // columns for tile in geometry.position_tiles]

    def by_tile(reduced: IntArray) -> IntArray:
        return np.ascontiguousarray(reduced.reshape(len(order), high * wide)[:, visited].T)

    return Counts(by_tile(tiles.max(axis=(2, 4))), by_tile(tiles.sum(axis=(2, 4)))), pairs


def unfolded(geometry: Geometry, chunk: Chunk, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Return the im2col bits of one chunk: bool [pair, row, column], False outside the tensor."""
    source = geometry.operation.sources[chunk.source]
    _, height, width = geometry.operation.shape
    full = np.ones(source.shape, dtype=np.bool_) if mask is None else mask
    taps = chunk.t1 - chunk.t0
    bits = np.zeros((chunk.c1 - chunk.c0, taps, height, width), dtype=np.bool_)
    for i, tap in enumerate(range(chunk.t0, chunk.t1)):
        outputs, inputs = _overlap(source, tap, height, width)
        bits[(slice(None), i, *outputs)] = full[(slice(chunk.c0, chunk.c1), *inputs)]
    return bits.reshape(-1, height, width)


def lockstep_steps(geometry: Geometry, images: list[list[NDArray[np.bool_] | None]]) -> IntArray:
    """Return, by [position tile, chunk], the cycles of rows that share one stream of pairs (``skipping: lockstep``).

    For each pair that is set at any position of the tile in any of the *images*: its words over the network's width.
    """
    width = geometry.hardware.noc.activation_words_per_cycle
    steps = np.zeros((len(geometry.position_tiles), len(geometry.chunks)), dtype=np.int64)
    for k, chunk in enumerate(geometry.chunks):
        bits = np.stack([unfolded(geometry, chunk, masks[chunk.source]) for masks in images]).sum(axis=0)
        for number, tile in enumerate(geometry.position_tiles):
            rows = bits[:, tile.y0 : tile.y1, tile.x0 : tile.x1].sum(axis=(1, 2), dtype=np.int64)
            steps[number, k] = (-(-rows // width)).sum()
    return steps


def weighted_macs(
    geometry: Geometry, masks: list[NDArray[np.bool_] | None], weights: NDArray[np.bool_] | None
) -> IntArray:
    """Return the MACs of each [channel tile, chunk] summed over all positions, for grouped or pruned operations.

    *weights* (Co, Ci / groups, kh, kw) marks the non-zero weights, of all inputs as one tensor; None means that none is
    zero, as no weight of a branch is.
    """
    operation = geometry.operation
    macs = np.zeros((len(geometry.channel_tiles), len(geometry.chunks)), dtype=np.int64)
    hits: dict[int, IntArray] = {}
    for tile in range(len(geometry.channel_tiles)):
        for k in geometry.chunks_of[tile]:
            chunk = geometry.chunks[k]
            if k not in hits:
                # One number per pair is enough: a pair meets the same weights at every position.
                hits[k] = unfolded(geometry, chunk, masks[chunk.source]).sum(axis=(1, 2), dtype=np.int64)
            macs[tile, k] = int(hits[k] @ columns_per_pair(geometry, tile, chunk, weights))
    if not operation.has_weights:
        macs[:] = 0
    return macs


def columns_per_pair(geometry: Geometry, tile: int, chunk: Chunk, weights: NDArray[np.bool_] | None) -> IntArray:
    """Return, for each (channel, tap) pair of a chunk, the columns of a channel tile with a non-zero weight for it."""
    operation = geometry.operation
    first, last = geometry.channel_tiles[tile]
    taps = chunk.t1 - chunk.t0
    source = operation.sources[chunk.source]
    if weights is None or source.branch is not None:
        return np.repeat([geometry.columns(tile, c) for c in range(chunk.c0, chunk.c1)], taps)
    flat = weights.reshape(*weights.shape[:2], -1)[:, :, chunk.t0 : chunk.t1]
    if operation.groups == 1:
        channels = slice(source.offset + chunk.c0, source.offset + chunk.c1)
        left: IntArray = flat[first:last, channels].sum(axis=0, dtype=np.int64)
        return left.ravel()
    outputs = operation.shape[0] // operation.groups
    inputs = source.shape[0] // operation.groups
    columns = np.zeros((chunk.c1 - chunk.c0, taps), dtype=np.int64)
    for i, channel in enumerate(range(chunk.c0, chunk.c1)):
        group = channel // inputs
        low, high = max(first, group * outputs), min(last, (group + 1) * outputs)
        columns[i] = flat[low:high, channel % inputs].sum(axis=0)
    return columns.ravel()


def kept_outputs(geometry: Geometry, mask: NDArray[np.bool_] | None) -> IntArray:
    """Return, by [channel tile, position tile], the outputs that remain after pooling: set ones, or all if None."""
    shape = geometry.operation.output_shape
    full = np.ones(shape, dtype=np.bool_) if mask is None else mask
    tops = [first for first, _ in geometry.channel_tiles]
    sums = np.add.reduceat(full, tops, axis=0, dtype=np.int64)
    integral = np.zeros((len(tops), shape[1] + 1, shape[2] + 1), dtype=np.int64)
    integral[:, 1:, 1:] = sums.cumsum(axis=1).cumsum(axis=2)
    kept = np.empty((len(tops), len(geometry.position_tiles)), dtype=np.int64)
    for number, tile in enumerate(geometry.position_tiles):
        rows, columns = geometry.kept(tile)
        y0, y1, x0, x1 = rows.start, max(rows.start, rows.stop), columns.start, max(columns.start, columns.stop)
        y0, x0 = min(y0, y1, shape[1]), min(x0, x1, shape[2])
        kept[:, number] = (
            integral[:, y1, x1] - integral[:, y0, x1] - integral[:, y1, x0] + integral[:, y0, x0]
            if y1 > y0 and x1 > x0
            else 0
        )
    return kept
