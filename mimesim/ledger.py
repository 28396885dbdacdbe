"""The ledger: what a run counted, before anything is priced, compared or printed.

Words are useful words; ``docs/machine.md``, section 8 says which access is booked where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from mimesim.schemes import SHARED

__all__ = [
    "SHARED_IMAGE",
    "STALLS",
    "Access",
    "CaseLedger",
    "EnvmUse",
    "Eviction",
    "EvictionCounts",
    "ImageRow",
    "PartCycles",
    "PeCycles",
    "PhaseRecord",
    "Residents",
]

#: (level, tensor, direction), e.g. ("dram", "weights", "read").
Access = tuple[str, str, str]

#: The blocks of parameters in each cache, the least recently used first: (address, words, kind, what the caches note).
Residents = tuple[tuple[tuple[int, int, int, Hashable], ...], ...]

#: What the PE grid can wait for, in the order in which waiting is attributed.
STALLS = ("cache", "dram", "noc", "drain")

#: Stands for "several images of the batch" where others hold the index of an image in the replay.
SHARED_IMAGE = -1


@dataclass(slots=True)
class PeCycles:
    """Where the PEs' cycles went while the grid was not stalled; the sum is PEs x busy cycles."""

    macs: int = 0
    gated: int = 0
    padding: int = 0
    imbalance: int = 0
    swap: int = 0
    unmapped: int = 0

    def total(self) -> int:
        """Return the sum of the parts."""
        return self.macs + self.gated + self.padding + self.imbalance + self.swap + self.unmapped


@dataclass(slots=True)
class PartCycles:
    """The cycles that each part needs for a phase if it never waits; none can be shorter (``docs/machine.md``, 7.1).

    *compute*: slowest rows of all passes, swaps included. *feed*: the activation network, likewise. *weights*: fills on
    the weight network, *drain*: drain jobs, *lookups*: tag lookups. What may run before the phase begins, its first
    weights, is left out of *weights* and *lookups*; *early_reads* and *early_writes* are the bursts that this takes.
    """

    compute: int = 0
    feed: int = 0
    weights: int = 0
    drain: int = 0
    lookups: int = 0
    early_reads: int = 0
    early_writes: int = 0


@dataclass(slots=True)
class ImageRow:
    """What one image (or :data:`SHARED_IMAGE`) did in one phase."""

    busy_cycles: int = 0
    stalls: Counter[str] = field(default_factory=Counter)
    macs: int = 0
    macs_dense: int = 0
    input_elements: int = 0
    input_set: int = 0
    output_elements: int = 0
    output_set: int = 0
    words: Counter[Access] = field(default_factory=Counter)
    bursts: Counter[Access] = field(default_factory=Counter)

    def book(self, level: str, tensor: str, direction: str, words: int) -> None:
        """Add *words* to one kind of access; zero leaves no trace."""
        if words:
            self.words[level, tensor, direction] += words


class Eviction(NamedTuple):
    """Who evicted whom: kinds of blocks, whose they are, and the layer that used the victim last.

    *from_task* and *to_task* are the tasks of the pass before and of the pass whose lookups evict.
    """

    by_kind: str
    by_task: str
    victim_kind: str
    victim_task: str
    victim_layer: str
    from_task: str
    to_task: str

    @property
    def at_task_switch(self) -> bool:
        """Whether the pass is of another task than the one before."""
        return self.from_task != self.to_task

    @property
    def across_tasks(self) -> bool:
        """Whether a block of one task took the place of a block of another; what tasks share is of none."""
        return self.by_task != self.victim_task and SHARED not in (self.by_task, self.victim_task)


@dataclass(slots=True)
class EvictionCounts:
    """Blocks evicted, the useful words in them, and those among them that were fetched again later."""

    blocks: int = 0
    words: int = 0
    refetched_words: int = 0


@dataclass(slots=True)
class PhaseRecord:
    """One operation for the images of one phase: times in accelerator cycles, and one row per image."""

    batch: int
    layer: str
    kind: str
    images: tuple[int, ...]
    start_cycle: int = 0
    end_cycle: int = 0
    passes: int = 0
    rows: dict[int, ImageRow] = field(default_factory=dict)
    pe: PeCycles = field(default_factory=PeCycles)
    parts: PartCycles = field(default_factory=PartCycles)
    evictions: dict[Eviction, EvictionCounts] = field(default_factory=dict)
    #: DRAM commands (``activates``, ``refreshes``) and clocks of ranks (``clocks``; ``active_clocks`` with a row open).
    commands: Counter[str] = field(default_factory=Counter)

    def row(self, image: int) -> ImageRow:
        """Return the row of *image*, made on first use."""
        found = self.rows.get(image)
        if found is None:
            found = self.rows[image] = ImageRow()
        return found


@dataclass(slots=True)
class EnvmUse:
    """What became of the on-chip non-volatile memory: the *words* that have a place there, and how it was written.

    *rewrites* counts the blocks written, *most_writes* how often the most written of the places was (and each of its
    cells), *write_cycles* the time of all. *warm* tells that the places held something at the beginning.
    """

    words: int = 0
    rewrites: int = 0
    most_writes: int = 0
    write_cycles: int = 0
    warm: bool = False


@dataclass(slots=True)
class CaseLedger:
    """Everything one case counted.

    *busy* holds, per part of the machine, the cycles it worked (``dram``: clocks of its data bus). *stored_words* are
    the words of parameters by (layer, owner, tensor), for the whole network and all tasks of the workload, *envm_words*
    those among them for good in on-chip non-volatile memory; the rest lies in DRAM. *envm* tells what became of that
    memory. *conflicts* are the cycles that a stream
    lost in the banks of a cache, by (cache, stream). *cache_blocks* counts the blocks that were inserted in the caches,
    evicted, dropped and resident at the end. *residents* are the blocks of parameters among these, and behind those of
    the caches what the places of non-volatile memory hold, where they are rewritten.
    """

    cycles: int = 0
    phases: list[PhaseRecord] = field(default_factory=list)
    busy: Counter[str] = field(default_factory=Counter)
    stored_words: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    envm_words: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    envm: EnvmUse = field(default_factory=EnvmUse)
    dram_events: Counter[str] = field(default_factory=Counter)
    cache_blocks: Counter[str] = field(default_factory=Counter)
    conflicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: int = field(default=0, compare=False)
    residents: Residents = ()

    @property
    def passes(self) -> int:
        """Passes of the PE grid."""
        return sum(phase.passes for phase in self.phases)

    def words(self) -> Counter[Access]:
        """Return words by access over all phases and images."""
        total: Counter[Access] = Counter()
        for phase in self.phases:
            for row in phase.rows.values():
                total.update(row.words)
        return total

    def bursts(self) -> Counter[Access]:
        """Return DRAM bursts by access over all phases and images."""
        total: Counter[Access] = Counter()
        for phase in self.phases:
            for row in phase.rows.values():
                total.update(row.bursts)
        return total
