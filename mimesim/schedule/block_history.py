"""When the blocks of a region left a cache and came back, many at a time: a run of VGG16 moves a million of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from mimesim.schedule.memory_map import ActivationRegion

__all__ = ["BlockHistory", "Moved"]

_HERE = -1


class Moved(NamedTuple):
    """What was counted in one row: blocks that left, their useful words, and those words that were fetched again."""

    row: int
    blocks: int
    words: int
    refetched_words: int


class BlockHistory:
    """The blocks of *region*: in which row their latest eviction was counted, until they are fetched again."""

    def __init__(self, region: ActivationRegion) -> None:
        self._address, self._slot = region.address, region.slot
        self._useful = region.stored.values + region.stored.bitmap
        self._gone = np.full(len(self._useful), _HERE, dtype=np.int64)
        self._rows: list[int] = []
        self._moves: list[list[int]] = []

    def left(self, row: int, addresses: list[int]) -> None:
        """Note that blocks were evicted, which is counted in *row*."""
        self._rows.append(row)
        self._moves.append(addresses)

    def came(self, addresses: list[int]) -> None:
        """Note that blocks were fetched."""
        self._rows.append(_HERE)
        self._moves.append(addresses)

    def settle(self) -> Iterator[Moved]:
        """Yield what moved since this was last asked, by row."""
        if not self._moves:
            return
        counts = [len(addresses) for addresses in self._moves]
        moves = np.fromiter(chain.from_iterable(self._moves), np.int64, sum(counts))
        blocks = (moves - self._address) // self._slot
        rows = np.repeat(np.array(self._rows), counts)
        self._rows, self._moves = [], []
        # Block by block, in the order in which they moved; before its first move a block is where it was.
        # NumPy sorts small integers by radix, several times faster than large ones.
        order = np.argsort(blocks.astype(np.uint16) if len(self._gone) <= 1 << 16 else blocks, kind="stable")
        blocks, rows = blocks[order], rows[order]
        first = np.concatenate(([True], blocks[1:] != blocks[:-1]))
        before = np.concatenate(([_HERE], rows[:-1]))
        before[first] = self._gone[blocks[first]]
        last = np.concatenate((first[1:], [True]))
        self._gone[blocks[last]] = rows[last]
        words = self._useful[blocks]
        leaving, back = rows != _HERE, (rows == _HERE) & (before != _HERE)
        left, returned = rows[leaving], before[back]
        most = 1 + max(left.max(initial=_HERE), returned.max(initial=_HERE))
        # Sums of whole numbers below 2^53, which doubles hold exactly.
        gone, lost, again = (
            np.bincount(where, what, minlength=most).astype(np.int64).tolist()
            for where, what in ((left, None), (left, words[leaving]), (returned, words[back]))
        )
        yield from (Moved(*row) for row in zip(range(most), gone, lost, again, strict=True) if row[1] or row[3])
