"""Who evicted whom, and what of it had to be fetched again (``docs/machine.md``, section 8)."""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mimesim.ledger import Eviction, EvictionCounts, PhaseRecord
from mimesim.machine.cache import NOBODY, Cache
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock

__all__ = ["EvictionLog", "Use"]

_Ints = NDArray[np.int64]

#: The row of a move into a cache, and of a block that is in it.
_HERE = -1
#: Moves of a cache that are counted together.
_MANY = 1 << 14


class Use(NamedTuple):
    """What a block is looked up for: its kind, whose it is, the layer that uses it, and where its words are counted."""

    kind: str
    task: str
    layer: str
    block: ParameterBlock | ActivationRegion


class _Gone:
    """By address, ascending, the row in which a block's latest eviction was counted; no block that is back."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self._addresses, self._rows = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)

    def rows_of(self, addresses: _Ints) -> _Ints:
        """Return the row of each address, :data:`_HERE` where it is not gone."""
        known = np.append(self._addresses, -1)
        place = np.searchsorted(self._addresses, addresses)
        return np.where(known[place] == addresses, np.append(self._rows, _HERE)[place], _HERE)

    def update(self, addresses: _Ints, rows: _Ints) -> None:
        """Let *rows* be those of *addresses*, ascending and each once; :data:`_HERE` is of what has come back."""
        if not len(addresses):
            return
        known = np.append(addresses, -1)
        stays = known[np.searchsorted(addresses, self._addresses)] != self._addresses
        left = rows != _HERE
        merged = np.concatenate((self._addresses[stays], addresses[left]))
        order = np.argsort(merged, kind="stable")
        self._addresses, self._rows = merged[order], np.concatenate((self._rows[stays], rows[left]))[order]

    def number_rows(self) -> list[int]:
        """Number the rows anew, from 0 without gaps, and return what their numbers were."""
        before, self._rows = np.unique(self._rows, return_inverse=True)
        return [int(row) for row in before]


class EvictionLog:
    """Counts evictions by phase, and remembers what is gone until it is fetched again or no longer can be.

    A lookup only notes what moved (:meth:`moved`); it is counted many at a time, and when the phase is over
    (:meth:`settle`), for a run of VGG16 moves a million blocks. Uses have numbers, which the lines of a cache carry;
    the number after that of a region's use is that of its outputs, not yet written.
    """

    def __init__(self, caches: list[Cache]) -> None:
        self._caches = caches
        #: By cache, four numbers for each lookup that moved blocks: moves when all that had to leave had left, moves
        #: when all had come, what it was for, and the turn.
        self._marks: list[list[int]] = [[] for _ in caches]
        #: By number: the use, the number of its (kind, task, layer), its words, or -1 if they differ among its blocks.
        self._uses: list[Use] = []
        self._labels: dict[tuple[str, str, str], int] = {}
        self._label, self._words = array("q"), array("q")
        self._regions: set[int] = set()
        self.number(Use("", "", "", ParameterBlock(0, 0, 0, 0, 0, 0)))
        #: Turns of the phase: whose the pass before and the current pass are. By turn, its number.
        self._turns: dict[tuple[str, str], int] = {}
        self._turn, self._to_task = 0, ""
        self._counted: list[EvictionCounts] = []
        self._rows: dict[Eviction, int] = {}
        self._record: PhaseRecord | None = None
        #: Blocks that are gone: of parameters, of activations of the batch.
        self._gone = _Gone(), _Gone()

    def number(self, use: Use) -> int:
        """Return a number for a use that has none yet."""
        number, region = len(self._uses), isinstance(use.block, ActivationRegion)
        if region:
            self._regions |= {number, number + 1}
        for kind in (use.kind, "outputs") if region else (use.kind,):
            label = (kind, use.task, use.layer)
            self._uses.append(use)
            self._label.append(self._labels.setdefault(label, len(self._labels)))
            self._words.append(use.block.words if isinstance(use.block, ParameterBlock) else -1)
        return number

    def use(self, number: int) -> Use:
        """Return the use with this number."""
        return self._uses[number]

    def begin(self, record: PhaseRecord) -> None:
        """Count in *record* from now on; activations of an earlier batch are not fetched again."""
        if self._record is None or record.batch != self._record.batch:
            self._gone[1].clear()
            self._keep_rows_of_parameters()
            # What an earlier batch looked up and no cache holds any more is not kept for the rest of a long run.
            held = set().union(*(cache.uses() for cache in self._caches))
            # The first weights of a batch may still evict, dirty, what the batch before left unread.
            held |= {number + 1 for number in held}
            for number in self._regions - held:
                self._uses[number] = self._uses[NOBODY]
            self._regions &= held
        self._record = record
        self._rows.clear()
        self._turns.clear()

    def _keep_rows_of_parameters(self) -> None:
        """Drop the rows of batches that are over, but those of parameters that may still be fetched again."""
        self._counted = [self._counted[row] for row in self._gone[0].number_rows()]

    def turn(self, task: str) -> None:
        """Say whose the next pass is; the first pass of the run follows no other."""
        turn = (self._to_task or task, task)
        self._turn = self._turns.setdefault(turn, len(self._turns))
        self._to_task = task

    def noted(self, cache: int) -> int:
        """Return how many moves of *cache* are noted."""
        marks = self._marks[cache]
        return marks[-3] if marks else 0

    def moved(self, cache: int, by: int, missing: list[int]) -> None:
        """Note that blocks left *cache* (those since the last note), and that *missing* came, for use *by*."""
        moves = self._caches[cache].moved
        left = len(moves)
        if missing:
            moves.extend(missing)
            self._caches[cache].moved_uses.extend([by] * len(missing))
        if moves:
            self._marks[cache] += (left, len(moves), by, self._turn)
            if len(moves) > _MANY:
                self._settle(cache)

    def settle(self) -> None:
        """Count what moved in the phase that is over."""
        for number, marks in enumerate(self._marks):
            if marks:
                self._settle(number)

    def _settle(self, number: int) -> None:
        cache, marks = self._caches[number], self._marks[number]
        moved, uses = (np.frombuffer(numbers, dtype=np.int64) for numbers in (cache.moved, cache.moved_uses))
        self._count(moved, uses, np.array(marks).reshape(-1, 4))
        cache.moved, cache.moved_uses = array("q"), array("q")
        marks.clear()

    def _count(self, addresses: _Ints, uses: _Ints, marks: _Ints) -> None:
        """Count the moves of one cache, in the order in which they were made."""
        rows = self._rows_of(uses, marks)
        # Block by block, in the order in which they moved; before its first move a block is where it was.
        order = np.argsort(addresses, kind="stable")
        addresses, uses, rows = addresses[order], uses[order], rows[order]
        first = np.concatenate(([True], addresses[1:] != addresses[:-1]))
        last = np.concatenate((first[1:], [True]))
        words = np.array(self._words)[uses]
        region = words < 0
        before = np.concatenate(([_HERE], rows[:-1]))
        for gone, mine in zip(self._gone, (~region, region), strict=True):
            start, end = first & mine, last & mine
            before[start] = gone.rows_of(addresses[start])
            gone.update(addresses[end], rows[end])
        for number in np.flatnonzero(np.bincount(uses[region])).tolist():
            block = self._uses[number].block
            assert isinstance(block, ActivationRegion)  # noqa: S101 - there is no third kind
            start, end = np.searchsorted(addresses, (block.address, block.end))
            words[start:end] = block.useful[(addresses[start:end] - block.address) // block.slot]
        leaving, back = rows != _HERE, (rows == _HERE) & (before != _HERE)
        # Sums of whole numbers below 2^53, which doubles hold exactly.
        blocks, lost, again = (
            np.bincount(where, what, minlength=len(self._counted)).astype(np.int64)
            for where, what in ((rows[leaving], None), (rows[leaving], words[leaving]), (before[back], words[back]))
        )
        for row in np.flatnonzero(blocks + again).tolist():
            counts = self._counted[row]
            counts.blocks += int(blocks[row])
            counts.words += int(lost[row])
            counts.refetched_words += int(again[row])

    def _rows_of(self, uses: _Ints, marks: _Ints) -> _Ints:
        """Return the row in which each move is counted, :data:`_HERE` for what came."""
        left, moved, by, turns = marks.T
        lookup = np.repeat(np.arange(len(marks)), np.diff(moved, prepend=0))
        leaving = np.arange(len(uses)) < left[lookup]
        label = np.array(self._label)
        # A phase has few labels: a table of all their pairs is small, and far quicker than to sort the moves.
        found = np.zeros(len(self._labels), dtype=np.int64)
        found[label[uses]] = found[label[by]] = 1
        labels, place = np.flatnonzero(found).tolist(), np.cumsum(found) - 1
        key = ((turns * len(labels) + place[label[by]]) * len(labels))[lookup] + place[label[uses]]
        table = np.full(len(self._turns) * len(labels) ** 2, _HERE, dtype=np.int64)
        table[key[leaving]] = 0
        names, every = list(self._turns), list(self._labels)
        for one in np.flatnonzero(table == 0).tolist():
            rest, victim = divmod(one, len(labels))
            turn, evictor = divmod(rest, len(labels))
            by_whom, whom = every[labels[evictor]], every[labels[victim]]
            table[one] = self._row(Eviction(*by_whom[:2], *whom, *names[turn]))
        return np.where(leaving, table[key], _HERE)

    def _row(self, eviction: Eviction) -> int:
        """Return the place of a row of the current phase, made on first use."""
        if eviction not in self._rows:
            assert self._record is not None  # noqa: S101 - a phase has begun
            self._rows[eviction] = len(self._counted)
            self._counted.append(self._record.evictions.setdefault(eviction, EvictionCounts()))
        return self._rows[eviction]
