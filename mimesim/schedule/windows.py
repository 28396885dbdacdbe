"""The blocks of activations that each pass of an operation looks up (``docs/machine.md``, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mimesim.schedule.blocks import BlockGrid
from mimesim.schedule.operations import Source

if TYPE_CHECKING:
    from mimesim.schedule.geometry import Chunk, PositionTile

__all__ = ["Windows"]

_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Blocks of the chunk's source that the windows of a position tile touch, ascending, without gaps between windows.

    Window *position tile x chunks + chunk* is *blocks[first[window]:first[window + 1]]*: a large network has more than
    a hundred thousand, and lists of them would weigh as much as all the rest.
    """

    first: _Ints
    blocks: NDArray[np.int32]
    chunks: int

    @classmethod
    def of(
        cls,
        tiles: Sequence[PositionTile],
        chunks: Sequence[Chunk],
        sources: Sequence[Source],
        grids: Sequence[BlockGrid],
    ) -> Windows:
        """Find the windows of *tiles* in every chunk; *grids* are the blocks of each source."""
        source = np.array([chunk.source for chunk in chunks])
        shapes = np.array([grid.counts for grid in grids])[source]
        deep = np.array([grids[chunk.source].channels for chunk in chunks])
        low = np.array([chunk.c0 for chunk in chunks]) // deep
        depth = (np.array([chunk.c1 for chunk in chunks]) - 1) // deep + 1 - low
        tops, heights = _touched([(tile.y0, tile.y1) for tile in tiles], 0, sources, grids)
        lefts, widths = _touched([(tile.x0, tile.x1) for tile in tiles], 1, sources, grids)
        first = np.zeros(len(tiles) * len(chunks) + 1, dtype=np.int64)
        np.cumsum((depth * (heights * widths)[:, source]).ravel(), out=first[1:])
        window = np.repeat(np.arange(len(first) - 1), np.diff(first))
        tile, chunk = np.divmod(window, len(chunks))
        rest = np.arange(first[-1]) - first[window]
        place = (tile, source[chunk])
        rest, x = np.divmod(rest, widths[place])
        c, y = np.divmod(rest, heights[place])
        rows = (low[chunk] + c) * shapes[chunk, 1] + tops[place] + y
        return cls(first, (rows * shapes[chunk, 2] + lefts[place] + x).astype(np.int32), len(chunks))

    @property
    def counts(self) -> _Ints:
        """How many blocks each window touches, by [position tile, chunk]."""
        return np.diff(self.first).reshape(-1, self.chunks)

    def lists(self) -> list[list[list[int]]]:
        """Return the blocks of each window, by [position tile][chunk]."""
        blocks, first = self.blocks.tolist(), self.first.tolist()
        windows = [blocks[begin:end] for begin, end in pairwise(first)]
        return [windows[place : place + self.chunks] for place in range(0, len(windows), self.chunks)]


def _touched(
    spans: Sequence[tuple[int, int]], axis: int, sources: Sequence[Source], grids: Sequence[BlockGrid]
) -> tuple[_Ints, _Ints]:
    """Return the first block and how many, by [tile, source], along *axis* (rows, columns) of output *spans*."""
    low, high = np.array(spans).T[:, :, np.newaxis]
    stride, padding, kernel = (
        np.array([getattr(source, name)[axis] for source in sources]) for name in ("stride", "padding", "kernel")
    )
    sides = np.array([(grid.rows, grid.columns)[axis] for grid in grids])
    begin = np.maximum(0, low * stride - padding)
    end = np.minimum([source.shape[axis + 1] for source in sources], (high - 1) * stride - padding + kernel)
    first = begin // sides
    # A window may lie in the padding alone.
    return first, np.where(end > begin, (end - 1) // sides + 1 - first, 0)
