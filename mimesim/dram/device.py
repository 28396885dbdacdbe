"""The timing of one channel: the earliest clock of every command, as the commands before it leave it.

Three lists hold what a bank waits for by itself, three what its bank group waits for because of others; a command may
be issued at the later of the two. Every command pushes the lists forward, so that asking is a matter of two look-ups:
asking is what a scheduler does most. Nothing here knows of requests or queues.
"""

from __future__ import annotations

from mimesim.config.standard import Standard

__all__ = ["CLOSED", "Device"]

#: The open row of a bank without one.
CLOSED = -1
#: Long before the first clock.
_NEVER = -(10**9)


class Device:
    """Banks of all ranks of one channel.

    Banks are counted through the channel, ``(rank x groups + group) x banks + bank``, and groups likewise. A command is
    told its clock; that it is legal is the caller's promise, which :meth:`earliest` helps to keep. Counts *activates*,
    *reads*, *writes*, *precharges* (of one bank or all), *refreshes*, *row_hits* (column commands
    after the first of an activation), and per rank the clocks with a bank open.
    """

    def __init__(self, standard: Standard) -> None:
        organisation, timing = standard.organisation, standard.timing
        self._timing = timing
        self.banks_per_group = organisation.banks_per_group
        self.groups_per_rank = organisation.bank_groups
        self.banks_per_rank = organisation.bank_groups * organisation.banks_per_group
        self.ranks = organisation.ranks
        banks, groups = organisation.banks, organisation.ranks * organisation.bank_groups
        self.group_of = [bank // organisation.banks_per_group for bank in range(banks)]
        self.rank_of = [bank // self.banks_per_rank for bank in range(banks)]
        #: What a bank waits for by itself.
        self.open_row = [CLOSED] * banks
        self.may_activate = [0] * banks
        self.may_precharge = [0] * banks
        self.may_column = [0] * banks
        #: Column commands since the bank was last activated.
        self.served = [0] * banks
        #: What a bank group waits for.
        self.group_activate = [0] * groups
        self.group_read = [0] * groups
        self.group_write = [0] * groups
        self._last_activates = [[_NEVER] * 4 for _ in range(self.ranks)]
        self._after_read = [self._column_gaps(standard, False, group) for group in range(groups)]
        self._after_write = [self._column_gaps(standard, True, group) for group in range(groups)]
        self._activate_gaps = [
            [
                (other, timing.t_rrd_l if other == group else timing.t_rrd_s)
                for other in range(groups)
                if other // self.groups_per_rank == group // self.groups_per_rank
            ]
            for group in range(groups)
        ]
        self._write_recovery = timing.t_cwl + standard.burst_clocks + timing.t_wr
        self._precharge_all = timing.t_rp_all or timing.t_rp
        self._open_banks = [0] * self.ranks
        self._open_since = [0] * self.ranks
        self._closed_at = [0] * self.ranks
        self.open_clocks = [0] * self.ranks
        self.activates = self.reads = self.writes = self.precharges = self.refreshes = self.row_hits = 0

    def _column_gaps(self, standard: Standard, write: bool, group: int) -> list[tuple[int, int, int]]:
        """Return (other group, clocks to a read there, clocks to a write there) after a column command in *group*."""
        timing, burst = standard.timing, standard.burst_clocks
        begin = timing.t_cwl if write else timing.t_cl
        gaps = []
        for other in range(len(self.group_activate)):
            if other // self.groups_per_rank != group // self.groups_per_rank:
                free = begin + burst + timing.t_rtrs
                gaps.append((other, free - timing.t_cl, free - timing.t_cwl))
                continue
            same = max(timing.t_ccd_l if other == group else timing.t_ccd_s, burst)
            if write:
                turn = begin + burst + (timing.t_wtr_l if other == group else timing.t_wtr_s)
                gaps.append((other, turn, same))
            else:
                gaps.append((other, same, begin + burst + timing.t_rtw - timing.t_cwl))
        return gaps

    def earliest_activate(self, bank: int) -> int:
        """Return the earliest clock at which *bank* may be activated."""
        return max(self.may_activate[bank], self.group_activate[self.group_of[bank]])

    def earliest_column(self, bank: int, write: bool) -> int:
        """Return the earliest clock of a read or write of the open row of *bank*."""
        group = self.group_write if write else self.group_read
        return max(self.may_column[bank], group[self.group_of[bank]])

    def earliest_precharge(self, bank: int) -> int:
        """Return the earliest clock at which *bank* may be precharged."""
        return self.may_precharge[bank]

    def earliest_precharge_all(self, rank: int) -> int:
        """Return the earliest clock at which all banks of *rank* may be precharged at once.

        A bank that is about to close by itself has to have begun.
        """
        first = rank * self.banks_per_rank
        return max(self.may_precharge[first : first + self.banks_per_rank])

    def earliest_refresh(self, rank: int) -> int:
        """Return the earliest clock of a refresh of *rank*, whose banks are closed."""
        first = rank * self.banks_per_rank
        return max(self.may_activate[first : first + self.banks_per_rank])

    def is_open(self, rank: int) -> bool:
        """Tell whether a bank of *rank* has an open row."""
        return self._open_banks[rank] > 0

    def activate(self, clock: int, bank: int, row: int) -> None:
        """Open *row* of *bank*."""
        timing, rank = self._timing, self.rank_of[bank]
        self.open_row[bank] = row
        self.served[bank] = 0
        self.may_column[bank] = clock + timing.t_rcd
        self.may_precharge[bank] = clock + timing.t_ras
        self.may_activate[bank] = clock + timing.t_rc
        last = self._last_activates[rank]
        del last[0]
        last.append(clock)
        window = last[0] + timing.t_faw
        allowed = self.group_activate
        for group, gap in self._activate_gaps[self.group_of[bank]]:
            allowed[group] = max(allowed[group], clock + gap, window)
        if not self._open_banks[rank]:
            # A bank that closes by itself may still be at it.
            self._open_since[rank] = max(clock, self._closed_at[rank])
        self._open_banks[rank] += 1
        self.activates += 1

    def column(self, clock: int, bank: int, write: bool, precharge: bool = False) -> None:
        """Read or write a burst of the open row; *precharge* closes the bank by itself as soon as it may."""
        reads, writes = self.group_read, self.group_write
        if self.served[bank]:
            self.row_hits += 1
        self.served[bank] += 1
        if write:
            self.writes += 1
            gaps = self._after_write[self.group_of[bank]]
            allowed = clock + self._write_recovery
        else:
            self.reads += 1
            gaps = self._after_read[self.group_of[bank]]
            allowed = clock + self._timing.t_rtp
        for group, to_read, to_write in gaps:
            if clock + to_read > reads[group]:
                reads[group] = clock + to_read
            if clock + to_write > writes[group]:
                writes[group] = clock + to_write
        if allowed > self.may_precharge[bank]:
            self.may_precharge[bank] = allowed
        if precharge:
            self._close(self.may_precharge[bank], bank, self._timing.t_rp)

    def precharge(self, clock: int, bank: int) -> None:
        """Close the open row of *bank*."""
        self._close(clock, bank, self._timing.t_rp)
        self.precharges += 1

    def precharge_all(self, clock: int, rank: int) -> None:
        """Close all banks of *rank* with one command."""
        first = rank * self.banks_per_rank
        for bank in range(first, first + self.banks_per_rank):
            if self.open_row[bank] != CLOSED:
                self._close(clock, bank, self._precharge_all)
        self.precharges += 1

    def refresh(self, clock: int, rank: int) -> None:
        """Refresh *rank*: none of its banks may be activated for t_rfc."""
        first = rank * self.banks_per_rank
        self.may_activate[first : first + self.banks_per_rank] = [clock + self._timing.t_rfc] * self.banks_per_rank
        self.refreshes += 1

    def finish(self, clock: int) -> None:
        """Book the ranks that still have a bank open at the last *clock*."""
        for rank in range(self.ranks):
            if self._open_banks[rank]:
                self.open_clocks[rank] += clock - self._open_since[rank]
                self._open_since[rank] = clock

    def _close(self, clock: int, bank: int, recovery: int) -> None:
        rank = self.rank_of[bank]
        self.open_row[bank] = CLOSED
        if clock + recovery > self.may_activate[bank]:
            self.may_activate[bank] = clock + recovery
        self._closed_at[rank] = max(self._closed_at[rank], clock)
        self._open_banks[rank] -= 1
        if not self._open_banks[rank]:
            self.open_clocks[rank] += max(0, self._closed_at[rank] - self._open_since[rank])
