"""What the tables of a phase take from an operation's geometry, worked out once for all phases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mimesim.engine.tables import Ints
from mimesim.schedule.geometry import Geometry

__all__ = ["Shape", "csr", "shape_of"]


class Shape(NamedTuple):
    """Lists of an operation in arrays; *x_first[i]* says where list *i* of *x* begins.

    *chunks* by channel tile, *source* of each chunk, *windows*: blocks by position tile x chunks + chunk, *completed*:
    output blocks by channel tile x places + place.
    """

    chunk_first: Ints
    chunks: Ints
    source: Ints
    branch: Ints
    widths: Ints
    positions: Ints
    window_first: Ints
    windows: NDArray[np.int32]
    completed_first: Ints
    completed: Ints


def csr(lists: Iterable[Sequence[int]]) -> tuple[Ints, Ints]:
    """Return where each list begins (and the last one ends), and all lists behind each other."""
    kept = list(lists)
    first = np.zeros(len(kept) + 1, dtype=np.int64)
    np.cumsum([len(one) for one in kept], out=first[1:])
    return first, np.array([item for one in kept for item in one], dtype=np.int64)


def shape_of(geometry: Geometry) -> Shape:
    """Return the lists of *geometry* in arrays."""
    tiles, places = len(geometry.channel_tiles), len(geometry.position_tiles)
    completed = geometry.completed
    return Shape(
        *csr(geometry.chunks_of),
        np.array([chunk.source for chunk in geometry.chunks]),
        np.array([int(source.branch is not None) for source in geometry.operation.sources]),
        np.array([last - first for first, last in geometry.channel_tiles]),
        np.array([tile.positions for tile in geometry.position_tiles]),
        geometry.windows.first,
        geometry.windows.blocks,
        *csr(completed.get((tile, place), ()) for tile in range(tiles) for place in range(places)),
    )
