"""How a tensor of activations is cut into blocks (``docs/machine.md``, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mimesim.config.hardware import ActivationBlock
from mimesim.schedule.shaping import Words

__all__ = ["BlockGrid", "StoredBlocks", "bursts_of", "ceil_div", "slot_bursts"]


def ceil_div(dividend: int, divisor: int) -> int:
    """Return *dividend* / *divisor*, rounded up."""
    return -(-dividend // divisor)


def bursts_of(words: int, hardware: Words) -> int:
    """Return the whole DRAM bursts that hold *words*."""
    return ceil_div(words, hardware.burst_words)


@dataclass(frozen=True)
class BlockGrid:
    """The blocks of one tensor (C, H, W), in row-major order of (channel block, block row, block column)."""

    shape: tuple[int, int, int]
    channels: int
    rows: int
    columns: int

    @classmethod
    def of(cls, shape: tuple[int, int, int], block: ActivationBlock) -> BlockGrid:
        """Cut a tensor of *shape* into blocks; where the tensor is smaller than a patch, blocks take more channels."""
        rows, columns = min(block.patch[0], shape[1]), min(block.patch[1], shape[2])
        fold = max(1, block.patch[0] * block.patch[1] // (rows * columns))
        return cls(shape, min(shape[0], block.channels * fold), rows, columns)

    @cached_property
    def counts(self) -> tuple[int, int, int]:
        """Blocks along channels, rows and columns."""
        return (
            ceil_div(self.shape[0], self.channels),
            ceil_div(self.shape[1], self.rows),
            ceil_div(self.shape[2], self.columns),
        )

    def reduce(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the set bits in each block of *mask* (C, H, W), by block index."""
        total: NDArray[np.int64] | NDArray[np.bool_] = mask
        for axis, side in enumerate((self.channels, self.rows, self.columns)):
            total = np.add.reduceat(total, np.arange(0, self.shape[axis], side), axis=axis, dtype=np.int64)
        return total.astype(np.int64, copy=False).ravel()

    @cached_property
    def elements(self) -> NDArray[np.int64]:
        """Elements of each block, clipped at the edges, by block index."""
        return self.reduce(np.ones(self.shape, dtype=np.bool_))

    def touched(self, channels: range, rows: range, columns: range) -> list[int]:
        """Return the indices of the blocks that hold any element of the given (clipped) ranges, ascending."""
        _, block_rows, block_columns = self.counts
        if not (channels and rows and columns):
            return []
        return [
            (c * block_rows + y) * block_columns + x
            for c in range(channels.start // self.channels, (channels.stop - 1) // self.channels + 1)
            for y in range(rows.start // self.rows, (rows.stop - 1) // self.rows + 1)
            for x in range(columns.start // self.columns, (columns.stop - 1) // self.columns + 1)
        ]


@dataclass(frozen=True)
class StoredBlocks:
    """What the blocks of one image's tensor hold in memory: words of values and of bitmap, bursts; and their slot."""

    values: NDArray[np.int64]
    bitmap: NDArray[np.int64]
    bursts: NDArray[np.int64]
    slot_bursts: int

    @classmethod
    def of(cls, grid: BlockGrid, mask: NDArray[np.bool_] | None, hardware: Words) -> StoredBlocks:
        """Store *mask* compressed (non-zeros and a bitmap), or every element where it is None."""
        if mask is None:
            values, bitmap = grid.elements, np.zeros_like(grid.elements)
        else:
            values, bitmap = grid.reduce(mask), -(-grid.elements // hardware.word_bits)
        bursts = -(-(values + bitmap) // hardware.burst_words)
        return cls(values, bitmap, bursts, slot_bursts(grid, mask is not None, hardware))

    @classmethod
    def absent(cls, grid: BlockGrid) -> StoredBlocks:
        """Store nothing: the image has no such tensor."""
        nothing = np.zeros_like(grid.elements)
        return cls(nothing, nothing, nothing, 0)


def slot_bursts(grid: BlockGrid, compressed: bool, hardware: Words) -> int:
    """Return the bursts reserved for each block of a tensor, full and unclipped, with its bitmap if compressed."""
    elements = grid.channels * grid.rows * grid.columns
    return bursts_of(elements + (ceil_div(elements, hardware.word_bits) if compressed else 0), hardware)
