"""Who evicted whom, and what of it had to be fetched again (``docs/machine.md``, section 8)."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from mimesim.ledger import Eviction, EvictionCounts, PhaseRecord
from mimesim.schedule.block_history import BlockHistory
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock

__all__ = ["EvictionLog", "Use"]


class Use(NamedTuple):
    """What a block is looked up for: its kind, whose it is, the layer that uses it, and where its words are counted."""

    kind: str
    task: str
    layer: str
    block: ParameterBlock | ActivationRegion


class EvictionLog:
    """Counts evictions by phase, and remembers what is gone until it is fetched again or no longer can be.

    *from_task* and *to_task* are whose the pass before and the current pass are. Activations are counted when a phase
    is over (:meth:`settle`), for they are many.
    """

    def __init__(self) -> None:
        self._table: dict[Eviction, EvictionCounts] = {}
        #: By key, the place in *_counted* of a row of the current phase.
        self._rows: dict[tuple[str, ...], int] = {}
        self._counted: list[EvictionCounts] = []
        self._batch = -1
        #: By address, where parameters that are gone were counted.
        self._parameters: dict[int, EvictionCounts] = {}
        #: By address, the activation regions of this batch.
        self._regions: dict[int, BlockHistory] = {}
        self.from_task = self.to_task = ""

    def begin(self, record: PhaseRecord) -> None:
        """Count in *record* from now on; activations of an earlier batch are not fetched again."""
        self._table = record.evictions
        self._rows.clear()
        if record.batch != self._batch:
            self._batch = record.batch
            self._regions.clear()
            self._counted.clear()

    def evicted(self, by: Use, left: Iterable[tuple[Use, list[int]]], dirty: Container[int]) -> None:
        """Count blocks (what they were used for, addresses) that left for *by*; *dirty* holds those of dirty ones.

        This is done a hundred thousand times a second, hence its plain form.
        """
        by_kind, by_task = by[0], by[1]
        for use, addresses in left:
            kind, task, layer, _ = use
            if dirty and (written := [address for address in addresses if address in dirty]):
                self._gone(
                    self._row((by_kind, by_task, "outputs", task, layer, self.from_task, self.to_task)), use, written
                )
                addresses = [address for address in addresses if address not in dirty]
                if not addresses:
                    continue
            key = (by_kind, by_task, kind, task, layer, self.from_task, self.to_task)
            row = self._rows.get(key)
            self._gone(self._row(key) if row is None else row, use, addresses)

    def fetched(self, use: Use, addresses: list[int]) -> None:
        """Count what of these blocks would not have been fetched for *use*, had it not been evicted."""
        block = use[3]
        if type(block) is ParameterBlock:
            counts = self._parameters.pop(block.address, None)
            if counts is not None:
                counts.refetched_words += block.words
        elif (history := self._regions.get(block.address)) is not None:
            history.came(addresses)

    def settle(self) -> None:
        """Count the activations that moved in the phase that is over."""
        for history in self._regions.values():
            for row, blocks, words, refetched_words in history.settle():
                counts = self._counted[row]
                counts.blocks += blocks
                counts.words += words
                counts.refetched_words += refetched_words

    def _gone(self, row: int, use: Use, addresses: list[int]) -> None:
        """Count blocks of one use that left, and remember them."""
        block = use[3]
        if type(block) is ParameterBlock:
            counts = self._counted[row]
            counts.blocks += len(addresses)
            counts.words += block.words * len(addresses)
            for address in addresses:
                self._parameters[address] = counts
            return
        history = self._regions.get(block.address)
        if history is None:
            assert isinstance(block, ActivationRegion)  # noqa: S101 - there is no third kind
            history = self._regions[block.address] = BlockHistory(block)
        history.left(row, addresses)

    def _row(self, key: tuple[str, str, str, str, str, str, str]) -> int:
        """Return the place of a row of the current phase, made on first use."""
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = len(self._counted)
            self._counted.append(self._table.setdefault(Eviction(*key), EvictionCounts()))
        return row
