"""The only DRAM channel, of one rank without bank groups, whose row runs stay in their bank: it has to be fast.

Plain integers and no calls, because this is the inner loop of DRAM: it divides clocks finer than accelerator cycles.
"""

from __future__ import annotations

from collections.abc import Iterable

from mimesim.config.dram import Dram
from mimesim.machine.dram_bank import NEVER, DramChannel

__all__ = ["PlainChannel"]


class PlainChannel(DramChannel):
    """What :class:`DramChannel` does, where all banks wait for each other by the same gates; it keeps no *ends*."""

    # Without them CPython finds this many attributes by hashing: a fifth of the time.
    __slots__ = (*("_froms", "_gates", "_layout", "_may_activate_any", "bursts"),)

    def __init__(self, config: Dram) -> None:
        super().__init__(config)
        timing, burst = config.timing, config.burst_clocks
        #: The earliest read and write, whatever the bank: for the data bus, too.
        self._froms = [-timing.t_cl, -timing.t_cwl]
        to_read = max(timing.t_cwl + burst + timing.t_wtr_l, timing.t_cwl + burst - timing.t_cl)
        #: Of reads and writes: from a column command to the end of its data, to a precharge, to the other direction.
        self._gates = (
            (self._read_latency, self._read_to_precharge, self._to_write),
            (self._write_latency, self._write_to_precharge, to_read),
        )
        self._may_activate_any = NEVER
        self._layout = (0, 0, 0, -1)
        self.bursts = 0

    def place(self, bits: int, bank_shift: int, banks: int, rows: int) -> None:
        """Say where a burst address lies: above *bits* the page; in it the bank and the row, with their masks."""
        self._layout = bits, bank_shift, banks, rows

    def serve(self, clock: int, runs: Iterable[tuple[int, int]], write: bool) -> int:
        """Serve *runs* of (first burst, bursts) granted at *clock*; return the clock their data are over."""
        bits, bank_shift, banks, rows = self._layout
        opened, may_column, may_precharge, gap = self._open, self._may_column, self._may_precharge, self._same_group
        latency, recovery, turn = self._gates[write]
        froms, due = self._froms, self._next_due
        # Of one direction, only this gate moves, and only here.
        allowed_from = froms[write]
        span, end, column, total = 1 << bits, self.free, 0, 0
        for first, left in runs:
            page, room = first >> bits, span - (first & (span - 1))
            total += left
            while left:
                bursts = left if left < room else room
                if due <= clock or due <= end:
                    self.refresh(clock if clock > end else end)
                    due = self._next_due
                bank, row = page >> bank_shift & banks, page & rows
                before = opened[bank]
                if before == row:
                    column = may_column[bank]
                    if column < clock:
                        column = clock
                    held = may_precharge[bank]
                else:
                    activated = clock
                    if before is not None:
                        if activated < (allowed := may_precharge[bank]):
                            activated = allowed
                        activated += self._t_rp
                        self.precharges += 1
                    if activated < (allowed := self._may_activate[bank]):
                        activated = allowed
                    if activated < (allowed := self._may_activate_any):
                        activated = allowed
                    window = self._last_activates[0]
                    if activated < (allowed := window[0] + self._t_faw):
                        activated = allowed
                    window.append(activated)
                    if before is None and self._active_since[0] is None:
                        self._active_since[0] = activated
                    self.activates += 1
                    opened[bank] = row
                    self._may_activate_any = activated + self._t_rrd_l
                    self._may_activate[bank] = activated + self._t_rc
                    may_column[bank] = column = activated + self._t_rcd
                    held = activated + self._t_ras
                if column < allowed_from:
                    column = allowed_from
                column += (bursts - 1) * gap
                allowed_from = column + gap
                recovered = column + recovery
                end = column + latency
                may_precharge[bank] = held if held > recovered else recovered
                if self._closing:
                    self._close(bank)
                left -= bursts
                page, room = page + 1, span
        # A gate of the same kind cannot be later than what this one leaves: it was kept.
        froms[write] = allowed_from
        if (after := column + turn) > froms[not write]:
            froms[not write] = after
        self.free = end
        self.bursts += total
        return end
