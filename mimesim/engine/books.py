"""What the lookups of a phase book: words between DRAM and the caches, and who evicted whom."""

from __future__ import annotations

import numpy as np

from mimesim.engine import columns as at
from mimesim.engine.numbers import Label, Numbers
from mimesim.engine.phases import BuiltPhase
from mimesim.engine.tables import Directories, Evictions, Ints
from mimesim.ledger import Eviction, EvictionCounts, PhaseRecord
from mimesim.machine.kinds import OUTPUTS, READS
from mimesim.machine.traffic import book_read
from mimesim.schedule.booking import book_images, book_rewritten

__all__ = ["EvictionBook", "book_fills", "book_lookups"]


def book_fills(phase: BuiltPhase, numbers: Numbers) -> None:
    """Book counts of the images of a phase, and what its fills read and write."""
    inputs, fills, facts = phase.inputs, phase.program.fills, numbers.blocks.facts
    book_images(inputs.plan, inputs.position, inputs.record, inputs.groups)
    kept = facts[fills[:, at.FILL_BLOCK], at.KEPT] != at.NOWHERE
    for level, read in (("cache", fills[~kept]), ("envm", fills[kept])):
        _book_read(phase, facts, level, read)
    for slot in dict.fromkeys(phase.writers.tolist()):
        image, tensor, _ = phase.slots[slot]
        words = facts[phase.program.rewritten[phase.writers == slot]].sum(axis=0)
        booked = words[[at.VALUES, at.EXTRA, at.NORM]].tolist()
        book_rewritten(inputs.record.row(image), tensor, booked, int(words[at.BURSTS]))


def _book_read(phase: BuiltPhase, facts: Ints, level: str, fills: Ints) -> None:
    """Book what *fills* read from a *level* of memory and write into the scratchpads."""
    record, rows = phase.inputs.record, phase.inputs.plan.hardware.grid.rows
    for slot in dict.fromkeys(fills[:, at.FILL_SLOT].tolist()):
        mine = facts[fills[fills[:, at.FILL_SLOT] == slot, at.FILL_BLOCK]].sum(axis=0)
        row = record.row(phase.slots[slot][0])
        for tensor, column in (("weights", at.VALUES), ("index", at.EXTRA), ("norm", at.NORM)):
            row.book(level, tensor, "read", int(mine[column]))
        row.book("reg", "weights", "write", int(mine[at.FILLED]) * rows)
    for slot in dict.fromkeys(fills[fills[:, at.FILL_MASK] >= 0, at.FILL_MASK_SLOT].tolist()):
        masks = fills[(fills[:, at.FILL_MASK] >= 0) & (fills[:, at.FILL_MASK_SLOT] == slot), at.FILL_MASK]
        row = record.row(phase.slots[slot][0])
        row.book(level, "index", "read", int(facts[masks, at.EXTRA].sum()))


def book_lookups(phase: BuiltPhase, numbers: Numbers) -> None:
    """Book what the lookups of a phase fetched, allocated and evicted dirty."""
    record, steps, spot = phase.inputs.record, phase.steps, phase.steps.spot
    if phase.inputs.plan.hardware.caches.write_policy == "write_back":
        written = steps.written[: spot[at.WRITTEN]]
        around = steps.around[: spot[at.AROUND]]
        cached = np.array(sorted(phase.inputs.cached), dtype=np.int64)
        _book_outputs(record, numbers, steps.placed[: spot[at.PLACED]], [("cache", "outputs", "outputs_mask", "write")])
        _book_outputs(record, numbers, written, [("cache", "outputs", "outputs_mask", "read")])
        _book_outputs(record, numbers, written, [("dram", "outputs", "mask", "write")])
        if len(around):
            around = around[np.isin(numbers.images_of(around), cached)]
        _book_outputs(record, numbers, around, [("dram", "outputs", "mask", "write")])
    fetched = steps.fetched.tolist()
    for tensor in (READS[1], READS[0], READS[2], "norm"):
        for (image, name, extra), words in zip(phase.slots, fetched, strict=False):
            # Activations are booked even where all of them hit.
            if name == tensor and (words[4] or tensor == READS[1]):
                book_read(record, image, tensor, extra, words[:4])
    if phase.uses.number:
        facts, early = numbers.blocks.facts, len(phase.program.passes)
        first, end = steps.reads[early, 0], steps.reads[early, 1]
        record.parts.early_reads = int(facts[steps.read[first:end], at.BURSTS].sum())
        first, end = steps.writes[early]
        record.parts.early_writes = int(facts[steps.written[first:end], at.BURSTS].sum())


def _book_outputs(record: PhaseRecord, numbers: Numbers, blocks: Ints, ways: list[tuple[str, str, str, str]]) -> None:
    """Book the words of *blocks* under their images."""
    if not len(blocks):
        return
    images, facts = numbers.images_of(blocks), numbers.blocks.facts[blocks]
    for image in dict.fromkeys(images.tolist()):
        row, words = record.row(image), facts[images == image].sum(axis=0)
        for level, values, bitmap, direction in ways:
            row.book(level, values, direction, int(words[at.VALUES]))
            row.book(level, bitmap, direction, int(words[at.EXTRA]))
            if level == "dram":
                row.bursts[level, values, direction] += int(words[at.BURSTS])


class EvictionBook:
    """Rows of evictions: room for those of a phase, and their place in its record once their counts are final."""

    def __init__(self, numbers: Numbers, caches: Directories) -> None:
        self._numbers = numbers
        self._caches = caches
        self._rows = np.zeros((0, at.EVICTION), dtype=np.int64)
        self._places = np.full(64, at.NOWHERE, dtype=np.int64)
        self._rank = np.zeros(0, dtype=np.int64)
        #: Records, evictions and their rows, in order.
        self._noted: list[tuple[PhaseRecord, Eviction, int]] = []

    def room(self, rows: int, lookups: int, names: int) -> Evictions:
        """Return tables with room for what so many *lookups*, by tasks of so many *names*, can evict after *rows*."""
        labels = len(self._numbers.names)
        most = min(lookups + int(self._caches.resident.sum()), (names * labels) ** 2)
        if len(self._rows) < rows + most:
            grown = np.empty((max(rows + most, 2 * len(self._rows)), at.EVICTION), dtype=np.int64)
            grown[:rows] = self._rows[:rows]
            self._rows = grown
        if len(self._places) < 2 * most:
            self._places = np.full(1 << (2 * most).bit_length(), at.NOWHERE, dtype=np.int64)
        if len(self._rank) < labels:
            self._rank = np.append(self._rank, np.full(labels - len(self._rank), -1, dtype=np.int64))
        return Evictions(self._rows, self._places, self._rank)

    def note(self, phase: BuiltPhase, names: list[str]) -> None:
        """Keep the rows that a phase has begun, in the order of caches, turns and labels."""
        spot = phase.steps.spot
        first, end = int(spot[at.FIRST_ROW]), int(spot[at.ROWS])
        if first == end:
            return
        labels, turns = self._numbers.names, _turns(phase)

        def place(row: int) -> tuple[int, int, int, int]:
            made = self._rows[row].tolist()
            kind = labels[made[at.BY]].kind
            cache = int(self._caches.of_kind[OUTPUTS if kind == "outputs" else READS.index(kind)])
            turn = turns[made[at.FROM], made[at.TO]]
            return cache, turn, int(self._rank[made[at.BY]]), int(self._rank[made[at.VICTIM]])

        for row in sorted(range(first, end), key=place):
            made = self._rows[row].tolist()
            by: Label = labels[made[at.BY]]
            victim, before, task = labels[made[at.VICTIM]], names[made[at.FROM]], names[made[at.TO]]
            eviction = Eviction(by.kind, by.task, victim.kind, victim.task, victim.layer, before, task)
            phase.inputs.record.evictions[eviction] = EvictionCounts()
            self._noted.append((phase.inputs.record, eviction, row))

    def book(self) -> None:
        """Write the counts of all rows into their records."""
        for record, eviction, row in self._noted:
            blocks, words, again = self._rows[row, [at.BLOCKS, at.LOST, at.AGAIN]].tolist()
            record.evictions[eviction] = EvictionCounts(blocks, words, again)


def _turns(phase: BuiltPhase) -> dict[tuple[int, int], int]:
    """Return the turns of a phase, whose the pass before and a pass are, numbered as they first come."""
    names = phase.uses.names[phase.program.passes[:, at.GROUP]]
    before = np.concatenate(([phase.steps.spot[at.BEFORE_TASK]], names[:-1]))
    if before[0] < 0:
        before[0] = names[0]
    pairs = before * (int(names.max()) + int(before.max()) + 1) + names
    _, first = np.unique(pairs, return_index=True)
    return {(int(before[place]), int(names[place])): number for number, place in enumerate(sorted(first.tolist()))}
