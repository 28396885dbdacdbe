"""Numbers for the blocks of a case, given out as a phase first uses them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from mimesim.engine import columns as at
from mimesim.engine.tables import Blocks, Ints
from mimesim.machine.evictions import Use
from mimesim.machine.kinds import READS
from mimesim.schedule.blocks import StoredBlocks
from mimesim.schedule.memory_map import ParameterBlock
from mimesim.schedule.program import CasePlan

__all__ = ["Label", "Numbers"]


class Label(NamedTuple):
    """What a block is used for, as rows of evictions say it."""

    kind: str
    task: str
    layer: str


class Numbers:
    """Blocks and labels of one case by number.

    The label of activations is even; the one after it is that of the same as outputs, not yet written.
    """

    def __init__(self, plan: CasePlan) -> None:
        self._plan = plan
        self._words = plan.hardware.burst_words
        self._facts = np.empty((1024, at.FACTS), dtype=np.int64)
        self._lines = np.empty((1024, at.LINES), dtype=np.int64)
        self._count = 0
        self._labels: dict[Label, int] = {}
        self.names: list[Label] = []
        self._tables: dict[tuple[str, int, str], Ints] = {}
        #: By parameter block's number, whose it is.
        self._uses: dict[int, Use] = {}
        self._regions: dict[tuple[str, int], tuple[int, StoredBlocks]] = {}
        #: First number, last number + 1 and image of each region, in the order of their numbers.
        self._spans: list[tuple[int, int, int]] = []
        self._by_address: dict[int, int] = {}

    @property
    def blocks(self) -> Blocks:
        """All blocks so far."""
        return Blocks(self._facts[: self._count], self._lines[: self._count])

    def label(self, kind: str, task: str, layer: str) -> int:
        """Return the label of this use."""
        name = Label(kind, task, layer)
        if name not in self._labels:
            self._labels[name] = len(self.names)
            self.names += [name, Label("outputs", task, layer)]
        return self._labels[name]

    def weights(self, position: int, owner: str) -> Ints:
        """Return the numbers of an owner's weight blocks by channel tile x chunks + chunk, NOWHERE where none is."""
        return self._table("weights", position, owner)

    def masks(self, position: int, view: str) -> Ints | None:
        """Return those of a view's mask blocks, None if it has none."""
        return self._table("masks", position, view) if (position, view) in self._plan.placement.masks else None

    def thresholds(self, position: int, task: str) -> Ints | None:
        """Return the numbers of a task's threshold blocks by channel tile x places + place, None if it has none."""
        known = (position, task) in self._plan.placement.thresholds
        return self._table("thresholds", position, task) if known else None

    def norms(self, position: int, task: str) -> Ints | None:
        """Return those of its norm blocks."""
        return self._table("norms", position, task) if (position, task) in self._plan.placement.norms else None

    def _table(self, what: str, position: int, owner: str) -> Ints:
        key = (what, position, owner)
        if key not in self._tables:
            self._tables[key] = self._number(*key)
        return self._tables[key]

    def _number(self, what: str, position: int, owner: str) -> Ints:
        geometry, placement = self._plan.geometries[position], self._plan.placement
        layer = geometry.operation.name
        tiles, places = len(geometry.channel_tiles), len(geometry.position_tiles)
        placed: list[tuple[int, ParameterBlock]]
        if what == "norms":
            placed = list(placement.norms[position, owner].items())
            width = 1
        elif what == "thresholds":
            width = places
            placed = [(tile * width + n, block) for (tile, n), block in placement.thresholds[position, owner].items()]
        else:
            width = len(geometry.chunks)
            regions = placement.weights if what == "weights" else placement.masks
            placed = [(tile * width + k, block) for (tile, k), block in regions[position, owner].items()]
        kind = READS[2] if what in ("norms", "thresholds") else READS[0]
        label = self.label(kind, owner, layer)
        table = np.full(tiles * width, at.NOWHERE, dtype=np.int64)
        fresh = {block.address: block for _, block in placed if block.address not in self._by_address}
        first = self._take(len(fresh))
        for number, (address, block) in enumerate(fresh.items(), first):
            self._by_address[address] = number
            self._uses[number] = Use(kind, owner, layer, block)
        rows = [(b.address, b.bursts, 0, b.values, b.index, b.norm, b.filled) for b in fresh.values()]
        if rows:
            facts = self._facts[first : self._count]
            facts[:] = rows
            facts[:, at.SIZE] = facts[:, at.BURSTS] * self._words
            self._lines[first : self._count, at.LABEL] = label
        table[[column for column, _ in placed]] = [self._by_address[block.address] for _, block in placed]
        return np.repeat(table, places) if what == "norms" else table

    def region(self, tensor: str, image: int, place: tuple[int, StoredBlocks]) -> int:
        """Return the number of block 0 of a tensor of an image, whose others follow."""
        known = self._regions.get((tensor, image))
        if known is not None:
            return known[0]
        address, stored = place
        count = len(stored.values)
        first = self._take(count)
        self._regions[tensor, image] = first, stored
        self._spans.append((first, first + count, image))
        facts = self._facts[first : self._count]
        facts[:, at.ADDRESS] = np.arange(count) * stored.slot_bursts + address
        facts[:, at.BURSTS] = stored.bursts
        facts[:, at.SIZE] = stored.slot_bursts * self._words
        facts[:, at.VALUES], facts[:, at.EXTRA] = stored.values, stored.bitmap
        facts[:, at.NORM] = facts[:, at.FILLED] = 0
        self._lines[first : self._count, at.LABEL] = 0
        return first

    def span(self, tensor: str, image: int) -> tuple[int, int] | None:
        """Return first and last number + 1 of a region, None if it has no numbers yet."""
        known = self._regions.get((tensor, image))
        return None if known is None else (known[0], known[0] + len(known[1].values))

    def images_of(self, blocks: Ints) -> Ints:
        """Return the image of each of the given blocks of activations."""
        spans = np.array(self._spans)
        return np.asarray(spans[np.searchsorted(spans[:, 0], blocks, side="right") - 1, 2], dtype=np.int64)

    def use(self, block: int) -> Use:
        """Return what a block of parameters is used for."""
        return self._uses[block]

    def resident(self, use: Use) -> int:
        """Return the number of a block of parameters that another replay left in a cache."""
        address = use.block.address
        assert isinstance(use.block, ParameterBlock)  # noqa: S101 - activations never stay
        if address not in self._by_address:
            for what, regions in self._parameters():
                for position, owner in regions:
                    if owner == use.task and self._plan.geometries[position].operation.name == use.layer:
                        self._table(what, position, owner)
        return self._by_address[address]

    def _parameters(self) -> Iterable[tuple[str, Iterable[tuple[int, str]]]]:
        placement = self._plan.placement
        yield "weights", list(placement.weights)
        yield "masks", list(placement.masks)
        yield "thresholds", list(placement.thresholds)
        yield "norms", list(placement.norms)

    def _take(self, count: int) -> int:
        """Make *count* more blocks, in no cache, and return the number of the first."""
        first, self._count = self._count, self._count + count
        if self._count > len(self._lines):
            # By a quarter: of a large network these tables are most of the memory.
            size = max(self._count, len(self._lines) * 5 // 4)
            for name in ("_facts", "_lines"):
                old = getattr(self, name)
                new = np.empty((size, old.shape[1]), dtype=np.int64)
                new[:first] = old[:first]
                setattr(self, name, new)
        self._lines[first : self._count] = at.NOWHERE
        self._lines[first : self._count, at.DIRTY] = 0
        return first
