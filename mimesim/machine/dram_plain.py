"""A DRAM channel of one rank without bank groups, whose row runs stay in their bank: the one that has to be fast.

Plain integers and no calls, because this is the inner loop of DRAM: it divides clocks finer than accelerator cycles.
"""

from __future__ import annotations

from mimesim.config.dram import Dram
from mimesim.machine.dram_bank import NEVER, DramChannel

__all__ = ["PlainChannel"]


class PlainChannel(DramChannel):
    """What :class:`DramChannel` does, where all banks wait for each other by the same gates; it keeps no *ends*."""

    # Without them CPython finds this many attributes by hashing: a fifth of the time.
    __slots__ = (
        *("_column_to_read", "_column_to_write", "_may_activate_any", "_read_from", "_read_recovery"),
        *("_window", "_write_from", "_write_recovery"),
    )

    def __init__(self, config: Dram) -> None:
        super().__init__(config)
        timing, burst = config.timing, config.burst_clocks
        #: The earliest read and write, whatever the bank: for the data bus, too.
        self._read_from, self._write_from = -timing.t_cl, -timing.t_cwl
        self._column_to_read = max(timing.t_cwl + burst + timing.t_wtr_l, timing.t_cwl + burst - timing.t_cl)
        self._column_to_write = timing.t_cl + burst + timing.t_rtw - timing.t_cwl
        self._may_activate_any = NEVER
        self._window = self._last_activates[0]

    def run(self, clock: int, bank: int, row: int, bursts: int, write: bool) -> int:
        """Serve *bursts* of one bank, granted at *clock*; return the clock their data is over."""
        if self._next_due <= clock or self._next_due <= self.free:
            self.refresh(max(clock, self.free))
        before = self._open[bank]
        if before == row:
            column = self._may_column[bank]
            if column < clock:
                column = clock
            held = self._may_precharge[bank]
        else:
            activated = clock
            if before is not None:
                if activated < (allowed := self._may_precharge[bank]):
                    activated = allowed
                activated += self._t_rp
                self.precharges += 1
            if activated < (allowed := self._may_activate[bank]):
                activated = allowed
            if activated < (allowed := self._may_activate_any):
                activated = allowed
            window = self._window
            if activated < (allowed := window[0] + self._t_faw):
                activated = allowed
            window.append(activated)
            if before is None and self._active_since[0] is None:
                self._active_since[0] = activated
            self.activates += 1
            self._open[bank] = row
            self._may_activate_any = activated + self._t_rrd_l
            self._may_activate[bank] = activated + self._t_rc
            self._may_column[bank] = column = activated + self._t_rcd
            held = activated + self._t_ras
        more = (bursts - 1) * self._same_group
        # A gate of the same kind cannot be later than what this one leaves: it was kept.
        if write:
            if column < self._write_from:
                column = self._write_from
            column += more
            self._write_from = column + self._same_group
            if (after := column + self._column_to_read) > self._read_from:
                self._read_from = after
            recovered = column + self._write_to_precharge
            self.free = end = column + self._write_latency
        else:
            if column < self._read_from:
                column = self._read_from
            column += more
            self._read_from = column + self._same_group
            if (after := column + self._column_to_write) > self._write_from:
                self._write_from = after
            recovered = column + self._read_to_precharge
            self.free = end = column + self._read_latency
        self._may_precharge[bank] = held if held > recovered else recovered
        if self._closing:
            self._close(bank)
        return end
