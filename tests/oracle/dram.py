"""The DRAM device and the fill ports (section 6.5): every command is found by stepping the clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from mimesim.config.hardware import Hardware

from .storage import Block

__all__ = ["Bank", "Device", "Run"]


@dataclass
class Bank:
    """One bank: the open row and the clocks before which it may not be activated or precharged."""

    open_row: int | None = None
    activated: int = 0
    precharge_allowed: int = 0
    activate_allowed: int = 0


@dataclass
class Run:
    """Consecutive bursts in one row."""

    bank: int
    row: int
    bursts: int


class Device:
    """One rank behind one channel; serves requests in the order in which they are granted."""

    def __init__(self, hardware: Hardware) -> None:
        self.dram = hardware.dram
        self.timing = hardware.dram.timing
        self.clocks_per_cycle = Fraction(hardware.dram.timing.clock_mhz) / Fraction(hardware.clock_mhz)
        self.banks = [Bank() for _ in range(hardware.dram.banks)]
        self.bus_free = 0
        self.write_end: int | None = None
        self.read_end: int | None = None
        self.refresh_due = self.timing.t_refi
        self.refreshed = 0

    def clock_of(self, cycle: int) -> int:
        return -((-cycle * self.clocks_per_cycle) // 1)

    def cycle_of(self, clock: int) -> int:
        return -((-clock / self.clocks_per_cycle) // 1)

    def runs(self, blocks: list[Block]) -> list[Run]:
        found: list[Run] = []
        for block in blocks:
            fresh = True
            for address in range(block.address, block.address + block.bursts):
                line = address // self.dram.row_bursts
                bank, row = line % self.dram.banks, line // self.dram.banks
                if fresh or address % self.dram.row_bursts == 0:
                    found.append(Run(bank, row, 0))
                found[-1].bursts += 1
                fresh = False
        return found

    def serve(self, blocks: list[Block], write: bool, grant_cycle: int) -> int:
        """Transfer *blocks* and return the clock at which the last data is over."""
        grant = self.clock_of(grant_cycle)
        for run in self.runs(blocks):
            if self.dram.refresh:
                self._refresh(grant)
            self._open(run, grant)
            self._columns(run, write, grant)
        return self.bus_free

    def _refresh(self, grant: int) -> None:
        while self.refresh_due <= max(grant, self.bus_free):
            clock = self.refresh_due
            while clock < max(self.bus_free, self.refreshed) or any(
                bank.open_row is not None and clock < bank.precharge_allowed for bank in self.banks
            ):
                clock += 1
            self.refreshed = clock + self.timing.t_rp + self.timing.t_rfc
            for bank in self.banks:
                bank.open_row = None
                bank.activate_allowed = self.refreshed
            self.refresh_due += self.timing.t_refi

    def _open(self, run: Run, grant: int) -> None:
        bank = self.banks[run.bank]
        if bank.open_row == run.row:
            return
        clock = grant
        if bank.open_row is not None:
            while clock < bank.precharge_allowed:
                clock += 1
            clock += self.timing.t_rp
        else:
            while clock < bank.activate_allowed:
                clock += 1
        bank.open_row = run.row
        bank.activated = clock

    def _columns(self, run: Run, write: bool, grant: int) -> None:
        bank, timing = self.banks[run.bank], self.timing
        to_data = timing.t_cwl if write else timing.t_cl
        # No clock before this one can do: the data would come too early for the bus.
        clock = max(grant, self.bus_free - to_data)
        while not self._may_send(bank, clock, to_data, write):
            clock += 1
        for burst in range(run.bursts):
            if burst:
                clock += timing.burst_clocks
            data = clock + to_data
            assert data >= self.bus_free, "two bursts at once on the data bus"
            self.bus_free = data + timing.burst_clocks
        if write:
            self.write_end = self.bus_free
            bank.precharge_allowed = max(bank.activated + timing.t_ras, self.bus_free + timing.t_wr)
        else:
            self.read_end = self.bus_free
            bank.precharge_allowed = max(bank.activated + timing.t_ras, clock + timing.t_rtp)

    def _may_send(self, bank: Bank, clock: int, to_data: int, write: bool) -> bool:
        """Whether the first column command of a run may be sent at *clock*."""
        if clock < bank.activated + self.timing.t_rcd or clock + to_data < self.bus_free:
            return False
        if write:
            return self.read_end is None or clock + to_data >= self.read_end + self.timing.t_rtw
        return self.write_end is None or clock >= self.write_end + self.timing.t_wtr
