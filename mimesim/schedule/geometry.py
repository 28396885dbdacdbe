"""Tiles and chunks: how one operation is cut to fit the grid and the scratchpads (``docs/machine.md``, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import prod

import numpy as np
from numpy.typing import NDArray

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.errors import InputError
from mimesim.schedule.blocks import BlockGrid, ceil_div
from mimesim.schedule.operations import Operation
from mimesim.schedule.windows import Windows

__all__ = ["Chunk", "Geometry", "PositionTile"]


@dataclass(frozen=True, slots=True)
class PositionTile:
    """A patch of output positions, before pooling: rows y0..y1, columns x0..x1 (ends excluded)."""

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def positions(self) -> int:
        """Positions in the patch."""
        return (self.y1 - self.y0) * (self.x1 - self.x0)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the reduction: channels c0..c1 of one source, with its taps t0..t1 (ends excluded)."""

    source: int
    c0: int
    c1: int
    t0: int
    t1: int

    @property
    def pairs(self) -> int:
        """(channel, tap) pairs: the cycles of a pass that skips nothing."""
        return (self.c1 - self.c0) * (self.t1 - self.t0)


class Geometry:
    """The tiles, chunks and blocks of one operation on one machine; depends on shapes only, never on masks.

    *chunks* lists all chunks of the operation; *chunks_of[i]* the indices of those that channel tile *i* runs (all of
    them, unless the operation is grouped).
    """

    def __init__(self, operation: Operation, hardware: Hardware) -> None:
        self.operation = operation
        self.hardware = hardware
        channels, height, width = operation.shape
        grid = hardware.grid
        self.tile_shape = (min(grid.positions[0], height), min(grid.positions[1], width))
        self.images_per_pass = max(1, grid.rows // (self.tile_shape[0] * self.tile_shape[1]))
        self.channel_tiles = [(c, min(c + grid.channels, channels)) for c in range(0, channels, grid.channels)]
        self.inputs = [BlockGrid.of(source.shape, hardware.activation_block) for source in operation.sources]
        self.output = BlockGrid.of(operation.output_shape, hardware.activation_block)
        self.position_tiles = self._position_tiles()
        self.chunks: list[Chunk] = []
        self.chunks_of: list[list[int]] = []
        self._cut_reduction()

    def _position_tiles(self) -> list[PositionTile]:
        (rows, columns), (_, height, width) = self.tile_shape, self.operation.shape
        pool, output = self.operation.pool, self.output

        def visited(tile: PositionTile) -> tuple[int, int, int, int]:
            y = min(tile.y0 // pool, output.shape[1] - 1) // output.rows
            x = min(tile.x0 // pool, output.shape[2] - 1) // output.columns
            return y, x, tile.y0, tile.x0

        tiles = [
            PositionTile(y, min(y + rows, height), x, min(x + columns, width))
            for y in range(0, height, rows)
            for x in range(0, width, columns)
        ]
        return sorted(tiles, key=visited)

    def _cut_reduction(self) -> None:
        bank, step = self.hardware.scratchpad.weight_bank_words, self.hardware.activation_block.channels
        operation = self.operation
        outputs = operation.shape[0] // operation.groups
        for first, last in self.channel_tiles:
            if operation.groups == 1 and self.chunks:
                self.chunks_of.append(self.chunks_of[0])
                continue
            start = len(self.chunks)
            for index, source in enumerate(operation.sources):
                inputs = source.shape[0] // operation.groups
                low, high = first // outputs * inputs, ((last - 1) // outputs + 1) * inputs
                if source.taps <= bank:
                    width = bank // source.taps
                    width -= width % step if width >= step else 0
                    ranges = [(c, min(c + width, high), 0, source.taps) for c in range(low, high, width)]
                else:
                    ranges = [
                        (c, c + 1, t, min(t + bank, source.taps))
                        for c in range(low, high)
                        for t in range(0, source.taps, bank)
                    ]
                self.chunks.extend(Chunk(index, *part) for part in ranges)
            self.chunks_of.append(list(range(start, len(self.chunks))))

    def columns(self, channel_tile: int, channel: int) -> int:
        """Return how many columns of a tile read input *channel*: all of them, or those of the channel's group."""
        first, last = self.channel_tiles[channel_tile]
        operation = self.operation
        if operation.groups == 1:
            return last - first
        outputs = operation.shape[0] // operation.groups
        inputs = operation.sources[0].shape[0] // operation.groups
        group = channel // inputs
        return max(0, min(last, (group + 1) * outputs) - max(first, group * outputs))

    def weights_in(self, channel_tile: int, chunk: Chunk) -> int:
        """Return the dense words of a weight block, without norm."""
        if self.operation.groups == 1:
            first, last = self.channel_tiles[channel_tile]
            return chunk.pairs * (last - first)
        return sum(self.columns(channel_tile, c) for c in range(chunk.c0, chunk.c1)) * (chunk.t1 - chunk.t0)

    @cached_property
    def windows(self) -> Windows:
        """The blocks touched by (position tile, chunk)."""
        return Windows.of(self.position_tiles, self.chunks, self.operation.sources, self.inputs)

    @cached_property
    def lookups(self) -> list[NDArray[np.int64]]:
        """By source, how many passes of an image look up each block."""
        times = np.bincount(list(chain.from_iterable(self.chunks_of)), minlength=len(self.chunks))
        sources = np.array([chunk.source for chunk in self.chunks])
        window = np.repeat(np.arange(len(self.windows.first) - 1), np.diff(self.windows.first))
        chunk = window % len(self.chunks)
        found = []
        for source, grid in enumerate(self.inputs):
            mine = sources[chunk] == source
            # Whole numbers below 2^53, which doubles hold exactly.
            sums = np.bincount(self.windows.blocks[mine], times[chunk[mine]], minlength=prod(grid.counts))
            found.append(sums.astype(np.int64))
        return found

    def kept(self, tile: PositionTile) -> tuple[range, range]:
        """Return the rows and columns of the output tensor that remain in a tile after pooling."""
        pool, (_, height, width) = self.operation.pool, self.operation.output_shape
        rows = range(tile.y0 // pool, min(tile.y1 // pool, height))
        return rows, range(tile.x0 // pool, min(tile.x1 // pool, width))

    @cached_property
    def completed(self) -> dict[tuple[int, int], list[int]]:
        """The output blocks that are complete once (channel tile, position tile) is drained; none are left out."""
        blocks, rows, columns = self.output.counts
        last: dict[int, int] = {}
        for number, tile in enumerate(self.position_tiles):
            kept = self.kept(tile)
            for place in self.output.touched(range(1), *kept):
                last[place] = max(last.get(place, 0), number)
        done: dict[tuple[int, int], list[int]] = {}
        for block in range(blocks):
            top = min((block + 1) * self.output.channels, self.output.shape[0]) - 1
            for place, tile_number in sorted(last.items()):
                key = (top // self.hardware.grid.channels, tile_number)
                done.setdefault(key, []).append(block * rows * columns + place)
        return done

    def slots(self, schedule: Schedule) -> int:
        """Return how many groups of images can accumulate at once in the scratchpads.

        Raises :class:`InputError` with the sum when not even one fits.
        """
        pad, tiles = self.hardware.scratchpad, min(schedule.position_tiles_per_pe, len(self.position_tiles))
        weights = pad.weight_banks * pad.weight_bank_words
        psums = tiles * pad.psum_banks * pad.psum_words
        fits = (self.hardware.spad_words - weights - pad.activation_fifo_words) // (psums + 1)
        if fits < 1:
            total = weights + pad.activation_fifo_words + psums + 1
            raise InputError(
                "hardware",
                f"one image needs {total} words of scratchpad in each PE: {pad.weight_banks} weight banks x "
                f"{pad.weight_bank_words} + activation FIFO {pad.activation_fifo_words} + {tiles} position tiles x "
                f"{pad.psum_banks} banks x {pad.psum_words} words of partial sum + 1 threshold; "
                f"there are {self.hardware.spad_words}",
                key="scratchpad.bytes",
                value=pad.bytes,
            )
        return fits

    @cached_property
    def passes(self) -> int:
        """Passes of one image group: (channel tile, position tile, chunk)."""
        return len(self.position_tiles) * sum(len(chunks) for chunks in self.chunks_of)

    def passes_with(self, present: Sequence[bool]) -> int:
        """Return the passes of one image group for which only some sources are *present*."""
        chunks = sum(present[self.chunks[k].source] for chunks in self.chunks_of for k in chunks)
        return len(self.position_tiles) * chunks

    def position_steps(self, schedule: Schedule) -> list[range]:
        """Return the numbers of the position tiles of each position step."""
        count, width = len(self.position_tiles), schedule.position_tiles_per_pe
        return [range(i * width, min((i + 1) * width, count)) for i in range(ceil_div(count, width))]
