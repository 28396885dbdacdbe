"""One DRAM channel, its ranks and banks, in clocks of its command bus (``docs/machine.md``, section 6.5).

The bursts of a row run are advanced in closed form; the clocks are those of placing every command of every burst.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from mimesim.config.dram import Dram

__all__ = ["NEVER", "DramChannel", "Rotation"]

#: Long before the first clock.
NEVER = -(10**9)
_FOREVER = 10**18


class Rotation:
    """The banks that the bursts of a row run pass through in turn, in one channel.

    *banks* are counted from the first bank that agrees with the run's upper bits. *gaps* holds, for each of them, the
    clocks from the burst before it to its own where nothing else holds it up, *period* their sum. *simple* tells that
    no gate reaches past a neighbour: what holds up a burst is the one right before it.
    """

    def __init__(self, banks: Sequence[int], config: Dram) -> None:
        self.banks = list(banks)
        self._organisation, self._timing, self._burst = config.organisation, config.timing, config.burst_clocks
        count = len(self.banks)
        self.gaps = [self._gap(self.banks[number - 1], bank) for number, bank in enumerate(self.banks)]
        self.period = sum(self.gaps)
        self.simple = all(
            self._gap(self.banks[number - back], self.banks[number])
            <= sum(self.gaps[number - step] for step in range(back))
            for number in range(count)
            for back in range(2, count + 1)
        )

    def _gap(self, before: int, bank: int) -> int:
        """Return the least clocks between column commands of one direction in two banks."""
        groups = [one // self._organisation.banks_per_group for one in (before, bank)]
        ranks = [group // self._organisation.bank_groups for group in groups]
        if ranks[0] != ranks[1]:
            return self._burst + self._timing.t_rtrs
        return max(self._burst, self._timing.t_ccd_l if groups[0] == groups[1] else self._timing.t_ccd_s)


class DramChannel:
    """Serves row runs in order. Banks are counted as (rank x groups + group) x banks of a group + bank.

    *free* is the clock at which all data so far is over. *activates*, *precharges* and *refreshes* count commands. With
    *ends*, the end of every burst's data is kept there.
    """

    # Without them CPython finds this many attributes by hashing, which takes a fifth of the time of the plain channel.
    __slots__ = (
        *("_activate_group", "_activate_rank", "_active_since", "_active_until", "_burst_clocks"),
        *("_closing", "_data_rank", "_due", "_group_of", "_last_activates"),
        *("_may_activate", "_may_column", "_may_precharge", "_next_due", "_open"),
        *("_other_group", "_per_rank", "_precharge_all", "_rank_of", "_ranks"),
        *("_read_group", "_read_latency", "_read_rank", "_read_to_precharge", "_same_group"),
        *("_t_faw", "_t_ras", "_t_rc", "_t_rcd", "_t_refi"),
        *("_t_rfc", "_t_rp", "_t_rrd_l", "_t_rrd_s", "_t_rtrs"),
        *("_to_read_group", "_to_read_rank", "_to_write", "_write_group", "_write_latency"),
        *("_write_rank", "_write_to_precharge", "activates", "active_clocks", "ends"),
        *("free", "precharges", "refreshes"),
    )

    def __init__(self, config: Dram) -> None:
        organisation, timing = config.organisation, config.timing
        banks, self._ranks = organisation.banks, organisation.ranks
        self._per_rank = organisation.bank_groups * organisation.banks_per_group
        self._group_of = [bank // organisation.banks_per_group for bank in range(banks)]
        self._rank_of = [bank // self._per_rank for bank in range(banks)]
        groups = organisation.bank_groups * self._ranks
        self._closing = config.page == "closed"
        burst = self._burst_clocks = config.burst_clocks
        self._t_rcd, self._t_rp, self._t_ras, self._t_rc = timing.t_rcd, timing.t_rp, timing.t_ras, timing.t_rc
        self._t_rrd_s, self._t_rrd_l, self._t_faw = timing.t_rrd_s, timing.t_rrd_l, timing.t_faw
        self._t_refi, self._t_rfc, self._precharge_all = timing.t_refi, timing.t_rfc, timing.precharge_all
        self._t_rtrs = timing.t_rtrs
        #: From a command to the end of its data.
        self._read_latency, self._write_latency = timing.t_cl + burst, timing.t_cwl + burst
        self._read_to_precharge, self._write_to_precharge = timing.t_rtp, timing.t_cwl + burst + timing.t_wr
        self._same_group, self._other_group = max(burst, timing.t_ccd_l), max(burst, timing.t_ccd_s)
        self._to_read_group = timing.t_cwl + burst + timing.t_wtr_l
        self._to_read_rank = timing.t_cwl + burst + timing.t_wtr_s
        self._to_write = timing.t_cl + burst + timing.t_rtw - timing.t_cwl
        self._open: list[int | None] = [None] * banks
        #: The earliest clocks of commands: in a bank, ...
        self._may_activate = [0] * banks
        self._may_precharge = [0] * banks
        self._may_column = [0] * banks
        #: ... and, because of other banks, in a bank group and in a rank.
        self._activate_group, self._activate_rank = [0] * groups, [0] * self._ranks
        self._read_group, self._read_rank = [0] * groups, [0] * self._ranks
        self._write_group, self._write_rank = [0] * groups, [0] * self._ranks
        self._last_activates = [deque([NEVER] * 4, 4) for _ in range(self._ranks)]
        self._data_rank: int | None = None
        due = [timing.t_refi * (rank + 1) // self._ranks if config.refresh else _FOREVER for rank in range(self._ranks)]
        self._due, self._next_due = due, min(due)
        #: Since when a rank is active (open pages; None: it is not), up to when it has been counted (closed pages).
        self._active_since: list[int | None] = [None] * self._ranks
        self._active_until = [0] * self._ranks
        self.free = 0
        self.active_clocks = 0
        self.activates = self.precharges = self.refreshes = 0
        self.ends: list[int] | None = None

    def run(self, clock: int, bank: int, row: int, bursts: int, write: bool) -> int:
        """Serve *bursts* of one bank, granted at *clock*; return the clock their data is over."""
        if self._next_due <= clock or self._next_due <= self.free:
            self.refresh(max(clock, self.free))
        if self._open[bank] != row:
            self._activate(clock, bank, row)
        column = self._column(clock, bank, write)
        gap = self._same_group
        if bursts > 1:
            column += (bursts - 1) * gap
            self._leave(column, bank, write)
        recovered = column + (self._write_to_precharge if write else self._read_to_precharge)
        self._may_precharge[bank] = max(self._may_precharge[bank], recovered)
        if self._closing:
            self._close(bank)
        self.free = end = column + (self._write_latency if write else self._read_latency)
        if self.ends is not None:
            self.ends += range(end - (bursts - 1) * gap, end + 1, gap)
        return end

    def rotate(
        self, clock: int, first_bank: int, row: int, rotation: Rotation, start: int, bursts: int, write: bool
    ) -> int:
        """Serve a row run of *bursts* that passes through the banks of *rotation*, from its *start*-th on; as above."""
        if self._next_due <= self.free or self._next_due <= clock:
            self.refresh(max(clock, self.free))
        banks = [first_bank + bank for bank in rotation.banks]
        count, number, stop = len(banks), start, start + bursts
        latency = self._write_latency if write else self._read_latency
        # Each bank's first burst may need row commands; if a gate reaches past a neighbour, all are placed like that.
        columns: dict[int, int] = {}
        column = 0
        while number < stop and (number < start + count or not rotation.simple):
            bank = banks[number % count]
            if self._open[bank] != row:
                self._activate(clock, bank, row)
            column = columns[bank] = self._column(clock, bank, write)
            number += 1
            if self.ends is not None:
                self.ends.append(column + latency)
        if number < stop:
            if (whole := (stop - number) // count - 1) > 0 and self.ends is None:
                # All of them move on by as much; the last rotation is walked through.
                column += whole * rotation.period
                number += whole * count
            while number < stop:
                column += rotation.gaps[number % count]
                columns[banks[number % count]] = column
                number += 1
                if self.ends is not None:
                    self.ends.append(column + latency)
            for bank, last in sorted(columns.items(), key=lambda item: item[1]):
                self._leave(last, bank, write)
        self.free = column + latency
        recovery = self._write_to_precharge if write else self._read_to_precharge
        for bank, last in columns.items():
            if last + recovery > self._may_precharge[bank]:
                self._may_precharge[bank] = last + recovery
            if self._closing:
                self._close(bank)
        return self.free

    def _column(self, clock: int, bank: int, write: bool) -> int:
        """Place a read or write of the open row of *bank*."""
        group, rank = self._group_of[bank], self._rank_of[bank]
        latency = self._write_latency if write else self._read_latency
        free = self.free + (self._t_rtrs if self._data_rank not in (None, rank) else 0)
        allowed, allowed_rank = (
            (self._write_group[group], self._write_rank[rank])
            if write
            else (self._read_group[group], self._read_rank[rank])
        )
        column = max(clock, free + self._burst_clocks - latency, self._may_column[bank], allowed, allowed_rank)
        self._leave(column, bank, write)
        self.free = column + latency
        return column

    def _leave(self, column: int, bank: int, write: bool) -> None:
        """Keep what a read or write at *column* leaves for those after it."""
        group = self._group_of[bank]
        rank = self._data_rank = self._rank_of[bank]
        if write:
            self._write_group[group] = column + self._same_group
            self._write_rank[rank] = column + self._other_group
            self._read_group[group] = max(self._read_group[group], column + self._to_read_group)
            self._read_rank[rank] = max(self._read_rank[rank], column + self._to_read_rank)
        else:
            self._read_group[group] = column + self._same_group
            self._read_rank[rank] = column + self._other_group
            self._write_rank[rank] = max(self._write_rank[rank], column + self._to_write)

    def _activate(self, clock: int, bank: int, row: int) -> None:
        """Open *row*: precharge where another is open, activate."""
        activated = clock
        if self._open[bank] is not None:
            allowed = self._may_precharge[bank]
            activated = (allowed if allowed > clock else clock) + self._t_rp
            self.precharges += 1
        group, rank = self._group_of[bank], self._rank_of[bank]
        window = self._last_activates[rank]
        activated = max(
            activated,
            self._may_activate[bank],
            self._activate_group[group],
            self._activate_rank[rank],
            window[0] + self._t_faw,
        )
        window.append(activated)
        self._open[bank] = row
        self._may_column[bank] = activated + self._t_rcd
        self._may_precharge[bank] = activated + self._t_ras
        self._may_activate[bank] = activated + self._t_rc
        self._activate_group[group] = activated + self._t_rrd_l
        self._activate_rank[rank] = activated + self._t_rrd_s
        if self._active_since[rank] is None:
            self._active_since[rank] = activated
        self.activates += 1

    def _close(self, bank: int) -> None:
        """Let *bank* precharge by itself."""
        rank, clock = self._rank_of[bank], self._may_precharge[bank]
        self._open[bank] = None
        self._may_activate[bank] = max(self._may_activate[bank], clock + self._t_rp)
        # Activations of a rank come in order, so what is active grows at its end only.
        begun = max(self._may_column[bank] - self._t_rcd, self._active_until[rank])
        if clock > begun:
            self.active_clocks += clock - begun
            self._active_until[rank] = clock

    def refresh(self, now: int) -> None:
        """Catch up with every refresh that is due by the clock *now*."""
        while self._next_due <= now:
            due = self._next_due
            rank = self._due.index(due)
            banks = range(rank * self._per_rank, (rank + 1) * self._per_rank)
            start = max(due, *[self._may_activate[bank] for bank in banks])
            if waits := [self._may_precharge[bank] for bank in banks if self._open[bank] is not None]:
                precharged = max(due, *waits)
                start = max(start, precharged + self._precharge_all)
                self.precharges += 1
                self._stop_active(rank, precharged)
            for bank in banks:
                self._open[bank] = None
                self._may_activate[bank] = start + self._t_rfc
            self._due[rank] += self._t_refi
            self._next_due = min(self._due)
            self.refreshes += 1

    def _stop_active(self, rank: int, clock: int) -> None:
        since = self._active_since[rank]
        if since is not None and not self._closing:
            self.active_clocks += max(0, clock - since)
        self._active_since[rank] = None

    def settle(self, clock: int) -> None:
        """Count what has happened by *clock*: refreshes, and how long the ranks have been active."""
        self.refresh(clock)
        for rank, since in enumerate(self._active_since):
            if since is not None and since < clock:
                self._stop_active(rank, clock)
                self._active_since[rank] = clock
