"""Who evicted whom, and what of it had to be fetched again (``docs/machine.md``, section 8)."""

from __future__ import annotations

from collections.abc import Container, Iterable
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


class EvictionLog:
    """Counts evictions by phase, and remembers what is gone until it is fetched again or no longer can be.

    *from_task* and *to_task* are whose the pass before and the current pass are.
    """

    def __init__(self) -> None:
        self._table: dict[Eviction, EvictionCounts] = {}
        self._batch = -1
        #: By address, where what is gone was counted: parameters, and activations of this batch.
        self._parameters: dict[int, EvictionCounts] = {}
        self._activations: dict[int, EvictionCounts] = {}
        self.from_task = self.to_task = ""

    def begin(self, record: PhaseRecord) -> None:
        """Count in *record* from now on; activations of an earlier batch are not fetched again."""
        self._table = record.evictions
        if record.batch != self._batch:
            self._batch = record.batch
            self._activations.clear()

    def evicted(self, by: Use, left: Iterable[tuple[int, Use]], dirty: Container[int]) -> None:
        """Count blocks (address, what they were used for) that left for *by*; *dirty* holds addresses of dirty ones.

        A run of VGG16 evicts a million blocks, hence the plain form.
        """
        victim: Use | None = None
        counts, words, base, slot = EvictionCounts(), 0, 0, 1
        useful: list[int] | None = None
        gone = self._parameters
        for address, use in left:
            if use is not victim or dirty:
                # Most evictions follow one of the same tensor.
                victim, block = use, use.block
                counts = self._counts(by, "outputs" if address in dirty else use.kind, use)
                if isinstance(block, ParameterBlock):
                    gone, useful = self._parameters, None
                    words = block.values + block.index + block.norm
                else:
                    gone, useful, base, slot = self._activations, block.useful, block.address, block.slot
            counts.blocks += 1
            counts.words += words if useful is None else useful[(address - base) // slot]
            gone[address] = counts

    def fetched(self, use: Use, addresses: Iterable[int]) -> None:
        """Count what of these blocks would not have been fetched for *use*, had it not been evicted."""
        block = use.block
        if isinstance(block, ParameterBlock):
            counts = self._parameters.pop(block.address, None)
            if counts is not None:
                counts.refetched_words += block.values + block.index + block.norm
            return
        gone = self._activations
        if gone:
            for address in addresses:
                counts = gone.pop(address, None)
                if counts is not None:
                    counts.refetched_words += block.useful[(address - block.address) // block.slot]

    def _counts(self, by: Use, kind: str, victim: Use) -> EvictionCounts:
        key = Eviction(by.kind, by.task, kind, victim.task, victim.layer, self.from_task, self.to_task)
        counts = self._table.get(key)
        if counts is None:
            counts = self._table[key] = EvictionCounts()
        return counts
