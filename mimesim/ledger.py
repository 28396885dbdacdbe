"""The ledger: what a run counted, before anything is priced, compared or printed.

Words are useful words; ``docs/machine.md``, section 8 says which access is booked where.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["SHARED_IMAGE", "STALLS", "Access", "CaseLedger", "ImageRow", "PeCycles", "PhaseRecord", "Residents"]

#: (level, tensor, direction), e.g. ("dram", "weights", "read").
Access = tuple[str, str, str]

#: The blocks of parameters in each cache, the least recently used first: (address, words, kind).
Residents = tuple[tuple[tuple[int, int, int], ...], ...]

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

    def row(self, image: int) -> ImageRow:
        """Return the row of *image*, made on first use."""
        found = self.rows.get(image)
        if found is None:
            found = self.rows[image] = ImageRow()
        return found


@dataclass(slots=True)
class CaseLedger:
    """Everything one case counted.

    *busy* holds, per part of the machine, the cycles it worked (``dram``: clocks of its data bus). *stored_words* are
    the words of parameters in DRAM by (layer, owner, tensor), for the whole network and all tasks of the workload.
    *residents* are the blocks of parameters that the caches held at the end.
    """

    cycles: int = 0
    phases: list[PhaseRecord] = field(default_factory=list)
    busy: Counter[str] = field(default_factory=Counter)
    stored_words: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    dram_events: Counter[str] = field(default_factory=Counter)
    events: int = 0
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
