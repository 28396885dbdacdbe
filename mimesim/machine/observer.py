"""What a run tells whoever watches it, part by part; nothing is told, and no time is lost, where nobody does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mimesim.schedule.program import DrainJob, Fill, Phase

__all__ = ["Observer"]


class Observer(Protocol):
    """Hears what every part did, once it is known; all times are accelerator cycles unless said otherwise.

    What one part does is told in the order in which it happens, that of different parts is not.
    """

    def phase_ran(self, phase: Phase, start: int, end: int) -> None:
        """The PE grid was at *phase*, with its stalls."""

    def pass_ran(self, phase: Phase, place: int, start: int, end: int) -> None:
        """The PE grid ran a pass of *phase*."""

    def stalled(self, phase: Phase, cause: str, start: int, end: int) -> None:
        """The PE grid waited; *cause* is one of :data:`mimesim.ledger.STALLS`."""

    def looked_up(self, phase: Phase, place: int, start: int, end: int, used: Sequence[int]) -> None:
        """The controller ended a lookup step; *used* are the words that each cache now holds."""

    def filled(self, phase: Phase, fill: Fill, start: int, end: int) -> None:
        """Weights were copied into the scratchpads."""

    def drained(self, phase: Phase, job: DrainJob, start: int, end: int) -> None:
        """The comparators ended a job."""

    def requested(self, kind: str, start: int, end: int, bursts: int, port_cycles: int) -> None:
        """DRAM was asked at *start* and is done at *end*; the last *port_cycles* of a read fill its cache."""

    def served(self, channel: int, ends: Sequence[int], write: bool) -> None:
        """A row run was on the bus of a channel; *ends* are the DRAM clocks after the data of each of its bursts."""

    def transferred(self, channel: int, bank: int, row: int, ends: Sequence[int], write: bool) -> None:
        """Those of its bursts that lie in one bank."""

    def activated(self, channel: int, bank: int, row: int, clock: int) -> None:
        """A row was opened, in a DRAM clock."""

    def refreshed(self, channel: int, rank: int, start: int, end: int) -> None:
        """A rank was refreshed, in DRAM clocks."""
