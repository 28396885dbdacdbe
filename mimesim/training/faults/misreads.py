"""Frozen weights in multi-level cells of non-volatile memory: written once, misread in the same places by all tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mimesim.faults.cells import RRAM, Levels, draw_misreads
from mimesim.faults.upsets import Upsets, generator
from mimesim.schemes import SHARED
from mimesim.training.faults.injection import Injection, StoredCase

__all__ = ["Misreads"]


class Misreads(Injection):
    """The misread cells of one trial: every word of the weights that all tasks share lies in cells of *cell_bits*.

    A cell is taken for a neighbouring level with the probability of its own level, once for a seed: what a cell was
    programmed to does not change from read to read. The tasks' own words lie elsewhere, in single-level cells or
    SRAM, and are right.
    """

    def __init__(
        self, case: StoredCase, cell_bits: int, seed: int, *, name: str = "", kinds: Mapping[int, Levels] = RRAM
    ) -> None:
        """Name the randomness after the cells, so that no other trial has the same faults."""
        super().__init__(case, "envm", "weights", kinds[cell_bits].mean_misread, seed, name=name)
        self._kinds = kinds
        self.cell_bits = cell_bits
        self._random = generator(seed, name, "envm", cell_bits)

    def _at_rest(self) -> Iterator[tuple[str, int, Upsets]]:
        """Draw each shared word once; give (task, operation, elements) for every task."""
        case = self._case
        for position in case.weights:
            upsets: Upsets | None = None
            for task in case.models:
                if case.owner(position, task) != SHARED:
                    continue
                if upsets is None:
                    stored = case.tensor(task, position, "weights").detach().reshape(-1).numpy()
                    words = self._format(task, position).encode(stored)
                    upsets = draw_misreads(self._random, words, case.bits, self.cell_bits, self._kinds)
                self.flips[task, case.layer(position)] += upsets.flips
                yield task, position, upsets
