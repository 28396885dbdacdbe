"""A DRAM channel that tells an observer of every row run, activation and refresh."""

from __future__ import annotations

from mimesim.config.dram import Dram
from mimesim.machine.dram_bank import DramChannel, Rotation
from mimesim.machine.observer import Observer

__all__ = ["ObservedChannel"]


class ObservedChannel(DramChannel):
    """What :class:`DramChannel` does as channel *number*, told burst by burst."""

    __slots__ = ("_number", "_observer", "_told")

    def __init__(self, config: Dram, number: int, observer: Observer) -> None:
        super().__init__(config)
        self._number, self._observer = number, observer
        self._told: list[int] = []
        self.ends = self._told

    def run(self, clock: int, bank: int, row: int, bursts: int, write: bool) -> int:
        """Serve a row run in one bank."""
        self._told.clear()
        end = super().run(clock, bank, row, bursts, write)
        self._observer.served(self._number, self._told, write)
        self._observer.transferred(self._number, bank, row, self._told, write)
        return end

    def rotate(
        self, clock: int, first_bank: int, row: int, rotation: Rotation, start: int, bursts: int, write: bool
    ) -> int:
        """Serve a row run that passes through several banks."""
        self._told.clear()
        end = super().rotate(clock, first_bank, row, rotation, start, bursts, write)
        self._observer.served(self._number, self._told, write)
        count = len(rotation.banks)
        for turn, bank in enumerate(rotation.banks):
            if mine := self._told[(turn - start) % count :: count]:
                self._observer.transferred(self._number, first_bank + bank, row, mine, write)
        return end

    def refresh(self, now: int) -> None:
        """Catch up with every refresh that is due, one after the other."""
        while self._next_due <= now:
            rank = self._due.index(self._next_due)
            super().refresh(self._next_due)
            end = self._may_activate[rank * self._per_rank]
            self._observer.refreshed(self._number, rank, end - self._t_rfc, end)

    def _activate(self, clock: int, bank: int, row: int) -> None:
        super()._activate(clock, bank, row)
        self._observer.activated(self._number, bank, row, self._last_activates[self._rank_of[bank]][-1])
