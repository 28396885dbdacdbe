"""Who evicted whom, and what of it had to be fetched again (``docs/machine.md``, section 8)."""

from __future__ import annotations

from typing import NamedTuple

from mimesim.ledger import Eviction, EvictionCounts, PhaseRecord
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock

__all__ = ["EvictionLog", "Use"]


class Use(NamedTuple):
    """What a block is looked up for: its kind, whose it is, the layer that uses it, and where its words are counted."""

    kind: str
    task: str
    layer: str
    block: ParameterBlock | ActivationRegion

    def words(self, address: int) -> int:
        """Return the useful words of the block at *address*."""
        block = self.block
        if isinstance(block, ParameterBlock):
            return block.values + block.index + block.norm
        return sum(block.words(address))


class EvictionLog:
    """Counts evictions by phase, and remembers what is gone until it is fetched again or no longer can be.

    *by* is what the current lookup is for, *from_task* and *to_task* whose the pass before and the current pass are.
    """

    def __init__(self) -> None:
        self._table: dict[Eviction, EvictionCounts] = {}
        self._batch = -1
        #: Parameters, and activations: counts of the eviction and words, by address.
        self._parameters: dict[int, tuple[EvictionCounts, int]] = {}
        self._activations: dict[int, tuple[EvictionCounts, int]] = {}
        self.by: Use | None = None
        self.from_task = self.to_task = ""

    def begin(self, record: PhaseRecord) -> None:
        """Count in *record* from now on; activations of an earlier batch are not fetched again."""
        self._table = record.evictions
        if record.batch != self._batch:
            self._batch = record.batch
            self._activations.clear()

    def next_pass(self, task: str) -> None:
        """Say whose the next pass is; the first one is not after a switch."""
        self.from_task, self.to_task = self.to_task or task, task

    def evicted(self, address: int, victim: Use, dirty: bool) -> None:
        """Count one block that leaves for :attr:`by`."""
        by = self.by
        assert by is not None  # noqa: S101 - whoever looks up says so
        kind = "outputs" if dirty else victim.kind
        key = Eviction(by.kind, by.task, kind, victim.task, victim.layer, self.from_task, self.to_task)
        counts = self._table.get(key)
        if counts is None:
            counts = self._table[key] = EvictionCounts()
        words = victim.words(address)
        counts.blocks += 1
        counts.words += words
        gone = self._parameters if isinstance(victim.block, ParameterBlock) else self._activations
        gone[address] = counts, words

    def fetched(self, addresses: list[int]) -> None:
        """Count what of these blocks would not have been fetched, had it not been evicted."""
        parameters, activations = self._parameters, self._activations
        if not parameters and not activations:
            return
        for address in addresses:
            found = activations.pop(address, None) or parameters.pop(address, None)
            if found is not None:
                counts, words = found
                counts.refetched_words += words
