"""The DRAM's timing, in clocks of its command bus: banks, rows, refresh (``docs/machine.md``, section 6.5).

Nothing here knows of SimPy or of accelerator cycles. A run of bursts in one row is advanced in closed form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mimesim.config.hardware import Dram

__all__ = ["DramDevice"]

_NEVER = -(10**9)


class DramDevice:
    """One channel of one rank: serves granted requests in order and says when their data is over.

    *events* counts row hits, row misses, activates, precharges and refreshes; *busy_clocks* clocks of the data bus with data.
    """

    def __init__(self, config: Dram) -> None:
        self._config = config
        self._timing = config.timing
        self._open: list[int | None] = [None] * config.banks
        self._activated = [_NEVER] * config.banks
        self._may_activate = [0] * config.banks
        self._may_precharge = [0] * config.banks
        self._bus_free = 0
        self._last_write: bool | None = None
        self._refresh_due = config.timing.t_refi
        self.busy_clocks = 0
        self.events: Counter[str] = Counter()

    def serve(self, clock: int, runs: Iterable[tuple[int, int]], write: bool) -> int:
        """Serve a request granted at *clock*, given as (first burst, bursts) pairs; return the clock its data is over."""
        per_row, banks = self._config.row_bursts, self._config.banks
        for address, bursts in runs:
            while bursts:
                page, column = divmod(address, per_row)
                length = min(bursts, per_row - column)
                row, bank = divmod(page, banks)
                self._run(clock, bank, row, length, write)
                address += length
                bursts -= length
        return self._bus_free

    def _run(self, clock: int, bank: int, row: int, bursts: int, write: bool) -> None:
        timing = self._timing
        if self._refresh_due <= max(clock, self._bus_free) and self._config.refresh:
            self._refresh(clock)
        if self._open[bank] == row:
            self.events["row_hits"] += 1
        else:
            if self._open[bank] is None:
                activate = max(clock, self._may_activate[bank])
            else:
                activate = max(clock, self._may_precharge[bank]) + timing.t_rp
                self.events["precharges"] += 1
            self._open[bank] = row
            self._activated[bank] = activate
            self.events["activates"] += 1
        column = max(clock, self._activated[bank] + timing.t_rcd)
        latency = timing.t_cwl if write else timing.t_cl
        gap = timing.t_rtw if write and self._last_write is False else 0
        column = max(column, self._bus_free + gap - latency)
        if not write and self._last_write:
            column = max(column, self._bus_free + timing.t_wtr)
        last_column = column + (bursts - 1) * timing.burst_clocks
        end = last_column + latency + timing.burst_clocks
        recovered = end + timing.t_wr if write else last_column + timing.t_rtp
        self._may_precharge[bank] = max(self._activated[bank] + timing.t_ras, recovered)
        self._bus_free = end
        self._last_write = write
        self.busy_clocks += bursts * timing.burst_clocks

    def _refresh(self, clock: int) -> None:
        """Catch up with every refresh that is due before the next run can begin."""
        timing = self._timing
        while self._refresh_due <= max(clock, self._bus_free):
            start = max(self._refresh_due, self._bus_free)
            for bank, row in enumerate(self._open):
                if row is not None:
                    start = max(start, self._may_precharge[bank])
            done = start + timing.t_rp + timing.t_rfc
            self._open = [None] * self._config.banks
            self._may_activate = [max(done, allowed) for allowed in self._may_activate]
            self._refresh_due += timing.t_refi
            self.events["refreshes"] += 1
