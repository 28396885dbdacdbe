"""Who evicted whom (section 8), noted block by block."""

from __future__ import annotations

from collections import Counter

from .cache import Directory, Entry
from .program import Pass, Program
from .storage import SHARED, Block

__all__ = ["Evictions"]

Row = tuple[int, str, str, str, str, str, str, str]


class Evictions:
    """Counts of blocks, words and refetched words by row, and of blocks inserted, evicted, dropped and resident."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.rows: dict[Row, list[int]] = {}
        self.blocks: Counter[str] = Counter(dict.fromkeys(("inserted", "evicted", "dropped", "resident"), 0))
        self.gone: dict[tuple[object, ...], Row] = {}  # evicted and not fetched since

    def note(self, made: Pass, entry: Entry, kept: bool, victims: list[Entry]) -> None:
        self.blocks["inserted"] += kept
        self.blocks["evicted"] += len(victims)
        before = self.program.passes[max(0, made.index - 1)]
        for victim in victims:
            row = (
                made.phase,
                self._kind(entry),
                self._task(entry.block),
                self._kind(victim),
                self._task(victim.block),
                victim.layer,
                self._task_of_pass(before),
                self._task_of_pass(made),
            )
            counts = self.rows.setdefault(row, [0, 0, 0])
            counts[0] += 1
            counts[1] += sum(victim.block.words.values())
            self.gone[victim.block.key] = row

    def fetched(self, block: Block) -> None:
        row = self.gone.pop(block.key, None)
        if row is not None:
            self.rows[row][2] += sum(block.words.values())

    def end(self, caches: list[Directory]) -> None:
        self.blocks["resident"] = sum(len(cache.entries) for cache in caches)

    def totals(self) -> dict[Row, tuple[int, int, int]]:
        return {row: (counts[0], counts[1], counts[2]) for row, counts in self.rows.items()}

    def _kind(self, entry: Entry) -> str:
        return "outputs" if entry.dirty else entry.block.kind

    def _task(self, block: Block) -> str:
        if block.kind == "activations":
            image = block.key[2]
            assert isinstance(image, int)
            return self.program.storage.images[image].task
        return str(block.key[2])

    def _task_of_pass(self, made: Pass) -> str:
        tasks = {self.program.storage.images[image].task for image in made.group}
        return tasks.pop() if len(tasks) == 1 else SHARED
