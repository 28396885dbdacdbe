"""The costs of one image at all operations of a network as a few arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from mimesim.schedule.blocks import BlockGrid, StoredBlocks
from mimesim.schedule.counting import Counts
from mimesim.schedule.geometry import Geometry

__all__ = ["Counted", "narrow", "pack", "unpack"]

Array = NDArray[np.generic]
IntArray = NDArray[np.int64]

#: What is counted of one operation: counts, pairs, kept outputs, blocks of inputs, blocks and set bits of the output.
Counted = tuple[Counts, NDArray[np.integer], IntArray, list[StoredBlocks], StoredBlocks, int]

#: Of blocks that are stored.
_PARTS = ("values", "bitmap", "bursts")


def pack(counted: Sequence[Counted]) -> dict[str, Array]:
    """Return *counted*, an entry for each operation, as arrays that a file can hold."""
    small: list[IntArray] = []
    for counts, _, kept, inputs, output, _ in counted:
        small += [counts.largest, counts.total, kept]
        small += [getattr(blocks, part) for blocks in (*inputs, output) for part in _PARTS]
    scalars: list[int] = []
    for *_, inputs, output, output_set in counted:
        scalars += [output_set, output.slot_bursts, *(blocks.slot_bursts for blocks in inputs)]
    return {
        "small": narrow(np.concatenate([array.ravel() for array in small])),
        "pairs": narrow(np.concatenate([pairs.ravel() for _, pairs, *_ in counted])),
        "scalars": np.array(scalars, dtype=np.int64),
    }


def unpack(arrays: Mapping[str, Array], geometries: Sequence[Geometry]) -> list[Counted] | None:
    """Return what :func:`pack` was given for *geometries*; None where *arrays* are not of their sizes."""
    try:
        small, pairs = _Reader(arrays["small"]), _Reader(arrays["pairs"])
        scalars = _Reader(arrays["scalars"])
        found = [_read(geometry, small, pairs, scalars) for geometry in geometries]
    except (KeyError, ValueError, TypeError):
        return None
    return found if small.done and pairs.done and scalars.done else None


def _read(geometry: Geometry, small: _Reader, pairs: _Reader, scalars: _Reader) -> Counted:
    tiles, chunks = len(geometry.position_tiles), len(geometry.chunks)
    counts = Counts(small.take(tiles, chunks), small.take(tiles, chunks))
    kept = small.take(len(geometry.channel_tiles), tiles)
    read = narrow(pairs.take(chunks, *geometry.operation.shape[1:]))
    output_set, output_slot, *slots = scalars.take(2 + len(geometry.inputs)).tolist()
    inputs = [_blocks(grid, small, slot) for grid, slot in zip(geometry.inputs, slots, strict=True)]
    return counts, read, kept, inputs, _blocks(geometry.output, small, int(output_slot)), int(output_set)


def _blocks(grid: BlockGrid, small: _Reader, slot: int) -> StoredBlocks:
    values, bitmap, bursts = (small.take(prod(grid.counts)) for _ in _PARTS)
    return StoredBlocks(values, bitmap, bursts, slot)


def narrow(array: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return *array*, of whole numbers from 0 on, in the fewest bytes: counts are many, and mostly small."""
    return array.astype(np.min_scalar_type(int(array.max(initial=0))))


class _Reader:
    """Takes arrays off a flat one, in the order in which they were put there."""

    def __init__(self, array: Array) -> None:
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ValueError("not a flat array of whole numbers")
        self._rest: NDArray[np.int64] = array.astype(np.int64)

    def take(self, *shape: int) -> IntArray:
        """Return the next numbers, in *shape*; raises :class:`ValueError` where too few are left."""
        taken, self._rest = self._rest[: prod(shape)], self._rest[prod(shape) :]
        return taken.reshape(shape)

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self._rest.size == 0
