"""What of a machine decides how work is cut and stored, whatever its caches, its DRAM and its clocks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

from mimesim.config.hardware import ActivationBlock, Grid, Hardware, Noc, Scratchpad

__all__ = ["Shaping", "Words"]


class Words(Protocol):
    """How words are stored; a :class:`Hardware` and a :class:`Shaping` tell it."""

    @property
    def word_bits(self) -> int:
        """Bits of a weight, an activation and a threshold."""

    @property
    def burst_words(self) -> int:
        """Words in one DRAM burst."""


@dataclass(frozen=True, slots=True)
class Shaping:
    """The parts of a machine that geometries and counts depend on: machines that have them alike share both.

    *burst_words* are the words in one DRAM burst, *spad_words* those in one PE's scratchpad.
    """

    grid: Grid
    scratchpad: Scratchpad
    activation_block: ActivationBlock
    noc: Noc
    word_bits: int
    burst_words: int
    spad_words: int

    @classmethod
    def of(cls, hardware: Hardware) -> Self:
        """Return those of *hardware*."""
        return cls(
            hardware.grid,
            hardware.scratchpad,
            hardware.activation_block,
            hardware.noc,
            hardware.word_bits,
            hardware.burst_words,
            hardware.spad_words,
        )
