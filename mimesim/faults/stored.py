"""Which number every stored word is: from the words of blocks to elements of weights and thresholds.

The order of words is that of ``docs/machine.md``, section 3.
"""

from __future__ import annotations

from functools import cached_property
from math import prod

import numpy as np

from mimesim.faults.upsets import Ints
from mimesim.schedule.geometry import Geometry
from mimesim.schemes import Thresholds

__all__ = ["PositionTable", "ThresholdWords", "WeightWords", "ragged"]


def ragged(starts: Ints, lengths: Ints) -> Ints:
    """Return ``start, start + 1, ...`` of every (start, length), one after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - lengths - starts, lengths)


class _Words:
    """Blocks of words, numbered in the order in which they lie; *sizes* are their dense words, without norm."""

    sizes: Ints

    @cached_property
    def starts(self) -> Ints:
        """Where each block starts if all follow each other."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def total(self) -> int:
        """Words of all blocks."""
        return int(self.sizes.sum())


class WeightWords(_Words):
    """The weight blocks of one operation, in (channel tile, chunk) order, without norm and uncompressed.

    A block holds, for each channel of its chunk, the chunk's taps x the columns of the tile that read the channel.
    The weights of all inputs are one tensor, channel after channel; those of each branch follow, tensor after tensor.
    """

    def __init__(self, geometry: Geometry) -> None:
        operation = geometry.operation
        outputs = operation.shape[0] // operation.groups
        wide = sum(source.shape[0] for source in operation.sources if source.branch is None) // operation.groups
        # By source: where its tensor begins, the input channels and the taps of a filter in it.
        tensors: list[tuple[int, int, int]] = []
        begin = operation.shape[0] * wide * operation.sources[0].taps
        for source in operation.sources:
            if source.branch is None:
                tensors.append((0, wide, source.taps))
            else:
                tensors.append((begin, source.shape[0], source.taps))
                begin += operation.shape[0] * source.shape[0] * source.taps
        sizes: list[int] = []
        rows: list[tuple[int, ...]] = []
        for tile, (first, _) in enumerate(geometry.channel_tiles):
            for k in geometry.chunks_of[tile]:
                chunk = geometry.chunks[k]
                source, tensor = operation.sources[chunk.source], tensors[chunk.source]
                sizes.append(geometry.weights_in(tile, chunk))
                for channel in range(chunk.c0, chunk.c1):
                    low = first if operation.groups == 1 else max(first, channel // wide * outputs)
                    columns = geometry.columns(tile, channel)
                    inside = source.offset + channel % tensor[1]
                    if columns:
                        rows.append((*tensor, inside, chunk.t0, columns, low, columns * (chunk.t1 - chunk.t0)))
        self.sizes = np.array(sizes, np.int64)
        # One row of this table: the words of one channel of one block, which follow each other.
        table = np.array(rows, np.int64).T
        self._begin, self._inputs, self._taps, self._channel, self._tap, self._columns, self._low, lengths = table
        self._row_starts = np.cumsum(lengths) - lengths

    def elements(self, words: Ints) -> Ints:
        """Return the index of each word's weight in the flat (C_out, C_in / groups, taps) tensors.

        *words* count through the blocks of one owner.
        """
        row = np.searchsorted(self._row_starts, words, "right") - 1
        inside = words - self._row_starts[row]
        output = self._low[row] + inside % self._columns[row]
        tap = self._tap[row] + inside // self._columns[row]
        filters: Ints = output * self._inputs[row] + self._channel[row]
        found: Ints = self._begin[row] + filters * self._taps[row] + tap
        return found


class ThresholdWords(_Words):
    """The threshold blocks of one operation: width x positions words a (channel tile, position tile), or width words a
    channel tile with one threshold per *granularity* ``channel``; channel by channel, positions row-major."""

    def __init__(self, geometry: Geometry, granularity: Thresholds) -> None:
        self._whole = prod(geometry.operation.shape[1:])
        self._per_channel = granularity == "channel"
        # One row: the first channel of a block, its channels, their words, and its position tile.
        rows = [
            (low, high - low, 1 if self._per_channel else patch.positions, place)
            for low, high in geometry.channel_tiles
            for place, patch in enumerate(geometry.position_tiles)
            if place == 0 or not self._per_channel
        ]
        self._first, width, self._positions, self._place = np.array(rows, np.int64).T
        self.sizes = width * self._positions
        self._patches = PositionTable(geometry)

    def elements(self, words: Ints) -> Ints:
        """Return the index of each word's threshold in the flat (C, H, W) map, or its channel."""
        block = np.searchsorted(self.starts, words, "right") - 1
        inside = words - self.starts[block]
        count = self._positions[block]
        channel: Ints = self._first[block] + inside // count
        if self._per_channel:
            return channel
        return channel * self._whole + self._patches.at(self._place[block], inside % count)


class PositionTable:
    """The output positions of each position tile, row-major: y * W + x."""

    def __init__(self, geometry: Geometry) -> None:
        width = geometry.operation.shape[2]
        tiles = geometry.position_tiles
        self.counts = np.array([tile.positions for tile in tiles], np.int64)
        self._starts = np.cumsum(self.counts) - self.counts
        self._positions = np.array(
            [y * width + x for tile in tiles for y in range(tile.y0, tile.y1) for x in range(tile.x0, tile.x1)],
            np.int64,
        )

    def at(self, tiles: Ints, places: Ints) -> Ints:
        """Return position number *places* of each of *tiles*."""
        found: Ints = self._positions[self._starts[tiles] + places]
        return found

    def all_of(self, tiles: Ints) -> Ints:
        """Return all positions of each of *tiles*, one tile after the other."""
        return self.at(np.repeat(tiles, self.counts[tiles]), ragged(np.zeros_like(tiles), self.counts[tiles]))
