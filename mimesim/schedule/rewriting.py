"""The part of on-chip non-volatile memory that tasks take turns in (``docs/machine.md``, section 3).

What a place holds depends on program order alone, so it is known as the program is built.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from mimesim.config.hardware import Hardware
from mimesim.ledger import EnvmUse
from mimesim.schedule.memory_map import ParameterBlock

__all__ = ["Held", "Rewriting"]

#: What a place holds, in the form in which a run leaves it to the next: (address, words, 0, place).
Held = tuple[tuple[int, int, int, Hashable], ...]


class Rewriting:
    """Which block each place holds, and how often it was written; *held* is what another run of the case left."""

    def __init__(self, hardware: Hardware, held: Held = ()) -> None:
        self._hardware = hardware
        self._held = {place: (address, words) for address, words, _, place in held}
        self._warm = bool(held)
        self._writes: Counter[Hashable] = Counter()
        self._cycles = 0

    def needed(self, blocks: Iterable[ParameterBlock]) -> tuple[list[ParameterBlock], int]:
        """Return which of *blocks*, needed now, are rewritten for it, and the cycles that writing them takes."""
        found, cycles = [], 0
        for block in blocks:
            if block.home >= 0 and self._held.get(block.place, (-1, 0))[0] != block.address:
                self._held[block.place] = block.address, block.words
                self._writes[block.place] += 1
                found.append(block)
                envm = self._hardware.envm
                cycles += 0 if envm is None else envm.write_cycles(block.words, self._hardware.clock_mhz)
        self._cycles += cycles
        return found, cycles

    def held(self) -> Held:
        """Return what the places hold, in the order in which they were first written."""
        return tuple((address, words, 0, place) for place, (address, words) in self._held.items())

    def use(self, words: int) -> EnvmUse:
        """Return what became of the array, whose capacity in use is *words*."""
        return EnvmUse(
            words=words,
            rewrites=self._writes.total(),
            most_writes=max(self._writes.values(), default=0),
            write_cycles=self._cycles,
            warm=self._warm,
        )
