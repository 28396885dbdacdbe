"""The DRAM's timing, in clocks of its command bus: banks, rows, refresh (``docs/machine.md``, section 6.5).

Nothing here knows of SimPy or of accelerator cycles. A run of bursts in one row is advanced in closed form.
"""

from __future__ import annotations

from collections.abc import Iterable

from mimesim.config.hardware import Dram

__all__ = ["DramDevice"]

_NEVER = -(10**9)
_FOREVER = 10**18


class DramDevice:
    """One channel of one rank: serves granted requests in order and says when their data is over.

    *busy_clocks* counts clocks of the data bus with data; *row_hits* runs that found their row open, *activates*,
    *precharges* and *refreshes* commands.
    """

    def __init__(self, config: Dram) -> None:
        self._config = config
        timing = self._timing = config.timing
        self._t_rcd, self._t_rp, self._t_ras = timing.t_rcd, timing.t_rp, timing.t_ras
        self._burst_clocks = timing.burst_clocks
        # Per direction: latency from column command to data; from the end of the last column command's burst to the
        # earliest precharge; idle clocks on the bus, and from the end of data to a column command, after a turn.
        self._read_gates = (timing.t_cl, timing.t_rtp - timing.burst_clocks, 0, timing.t_wtr)
        self._write_gates = (timing.t_cwl, timing.t_cwl + timing.t_wr, timing.t_rtw, -_FOREVER)
        self._open: list[int | None] = [None] * config.banks
        self._activated = [_NEVER] * config.banks
        self._may_activate = [0] * config.banks
        self._may_precharge = [0] * config.banks
        self._bus_free = 0
        self._last_write: bool | None = None
        self._refresh_due = config.timing.t_refi if config.refresh else _FOREVER
        self._refreshed = 0
        self.busy_clocks = 0
        self.row_hits = self.activates = self.precharges = self.refreshes = 0

    def serve(self, clock: int, runs: Iterable[tuple[int, int]], write: bool) -> int:
        """Serve a request granted at *clock*, a list of (first burst, bursts); return the clock its data is over."""
        per_row, banks = self._config.row_bursts, self._config.banks
        for first, bursts in runs:
            page, column = divmod(first, per_row)
            room = per_row - column
            while bursts > room:
                self._run(clock, page % banks, page // banks, room, write)
                page, bursts, room = page + 1, bursts - room, per_row
            self._run(clock, page % banks, page // banks, bursts, write)
        return self._bus_free

    def _run(self, clock: int, bank: int, row: int, bursts: int, write: bool) -> None:
        """Serve consecutive bursts of one row. This is called more often than anything else, hence its plain form."""
        free = self._bus_free
        if self._refresh_due <= free or self._refresh_due <= clock:
            self._refresh(clock)
        open_row = self._open[bank]
        if open_row == row:
            self.row_hits += 1
            activated = self._activated[bank]
        else:
            if open_row is None:
                activated = self._may_activate[bank]
                activated = activated if activated > clock else clock
            else:
                allowed = self._may_precharge[bank]
                activated = (allowed if allowed > clock else clock) + self._t_rp
                self.precharges += 1
            self._open[bank] = row
            self._activated[bank] = activated
            self.activates += 1
        latency, recovery, gap, wait = self._write_gates if write else self._read_gates
        if self._last_write is not write:
            # The bus turns round: nothing to wait for before the very first request.
            earliest = max(free - latency + gap, free + wait) if self._last_write is not None else 0
            self._last_write = write
        else:
            earliest = free - latency
        column = activated + self._t_rcd
        if column < earliest:
            column = earliest
        if column < clock:
            column = clock
        span = bursts * self._burst_clocks
        end = column + latency + span
        self._bus_free = end
        recovered = column + span + recovery
        held = activated + self._t_ras
        self._may_precharge[bank] = recovered if recovered > held else held
        self.busy_clocks += span

    def _refresh(self, clock: int) -> None:
        """Catch up with every refresh that is due before the next run can begin, one after the other."""
        timing = self._timing
        while self._refresh_due <= max(clock, self._bus_free):
            start = max(self._refresh_due, self._bus_free, self._refreshed)
            for bank, row in enumerate(self._open):
                if row is not None:
                    start = max(start, self._may_precharge[bank])
            self._refreshed = start + timing.t_rp + timing.t_rfc
            self._open = [None] * self._config.banks
            self._may_activate = [self._refreshed] * self._config.banks
            self._refresh_due += timing.t_refi
            self.refreshes += 1
