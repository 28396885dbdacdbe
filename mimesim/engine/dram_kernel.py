"""The DRAM, compiled: what :mod:`mimesim.machine.dram_bank` and :mod:`mimesim.machine.dram_device` do, in arrays.

Every function here follows its namesake there, command for command; ``docs/machine.md``, section 6.5 is the contract.
"""

from __future__ import annotations

from mimesim.engine.dram_tables import ACTIVATES, ACTIVE, BURSTS, IDLE, PRECHARGES, REFRESHES, DramShape, DramState
from mimesim.engine.jit import inlined, kernel
from mimesim.engine.tables import Ints

__all__ = ["counts_of", "serve", "settle"]


@inlined
def _leave(shape: DramShape, state: DramState, column: int, bank: int, write: bool) -> None:
    """Keep what a read or write at *column* leaves for those after it."""
    group, rank = bank >> shape.group_bits, bank >> shape.rank_bits
    state.data_rank[bank >> shape.channel_bits] = rank
    if write:
        state.write_group[group] = column + shape.same_group
        state.write_rank[rank] = column + shape.other_group
        state.read_group[group] = max(state.read_group[group], column + shape.to_read_group)
        state.read_rank[rank] = max(state.read_rank[rank], column + shape.to_read_rank)
    else:
        state.read_group[group] = column + shape.same_group
        state.read_rank[rank] = column + shape.other_group
        state.write_rank[rank] = max(state.write_rank[rank], column + shape.to_write)


@inlined
def _column(shape: DramShape, state: DramState, channel: int, clock: int, bank: int, write: bool) -> int:
    """Place a read or write of the open row of *bank*."""
    group, rank = bank >> shape.group_bits, bank >> shape.rank_bits
    free = state.free[channel]
    if state.data_rank[channel] != rank and state.data_rank[channel] >= 0:
        free += shape.t_rtrs
    if write:
        latency, allowed = shape.write_latency, max(state.write_group[group], state.write_rank[rank])
    else:
        latency, allowed = shape.read_latency, max(state.read_group[group], state.read_rank[rank])
    column: int = max(clock, free + shape.burst - latency, state.may_column[bank], allowed)
    _leave(shape, state, column, bank, write)
    state.free[channel] = column + latency
    return column


@inlined
def _activate(shape: DramShape, state: DramState, clock: int, bank: int, row: int) -> None:
    """Open *row*: precharge where another is open, activate."""
    group, rank = bank >> shape.group_bits, bank >> shape.rank_bits
    activated = clock
    if state.open_row[bank] >= 0:
        activated = max(clock, state.may_precharge[bank]) + shape.t_rp
        state.counts[PRECHARGES] += 1
    oldest = state.window_place[rank]
    activated = max(
        activated,
        state.may_activate[bank],
        state.activate_group[group],
        state.activate_rank[rank],
        state.window[rank, oldest] + shape.t_faw,
    )
    state.window[rank, oldest] = activated
    state.window_place[rank] = (oldest + 1) % 4
    state.open_row[bank] = row
    state.may_column[bank] = activated + shape.t_rcd
    state.may_precharge[bank] = activated + shape.t_ras
    state.may_activate[bank] = activated + shape.t_rc
    state.activate_group[group] = activated + shape.t_rrd_l
    state.activate_rank[rank] = activated + shape.t_rrd_s
    if state.active_since[rank] == IDLE:
        state.active_since[rank] = activated
    state.counts[ACTIVATES] += 1


@inlined
def _close(shape: DramShape, state: DramState, bank: int) -> None:
    """Let *bank* precharge by itself."""
    rank, clock = bank >> shape.rank_bits, state.may_precharge[bank]
    state.open_row[bank] = -1
    state.may_activate[bank] = max(state.may_activate[bank], clock + shape.t_rp)
    begun = max(state.may_column[bank] - shape.t_rcd, state.active_until[rank])
    if clock > begun:
        state.counts[ACTIVE] += clock - begun
        state.active_until[rank] = clock


@inlined
def _stop_active(shape: DramShape, state: DramState, rank: int, clock: int) -> None:
    since = state.active_since[rank]
    if since != IDLE and not shape.closing:
        state.counts[ACTIVE] += max(0, clock - since)
    state.active_since[rank] = IDLE


@kernel
def _refresh(shape: DramShape, state: DramState, channel: int, now: int) -> None:
    """Catch up with every refresh of a channel that is due by the clock *now*."""
    first = channel * shape.ranks
    while state.next_due[channel] <= now:
        due = state.next_due[channel]
        rank = first
        while state.due[rank] != due:
            rank += 1
        start = precharged = due
        opened = False
        for bank in range(rank * shape.per_rank, (rank + 1) * shape.per_rank):
            start = max(start, state.may_activate[bank])
            if state.open_row[bank] >= 0:
                opened = True
                precharged = max(precharged, state.may_precharge[bank])
        if opened:
            start = max(start, precharged + shape.precharge_all)
            state.counts[PRECHARGES] += 1
            _stop_active(shape, state, rank, precharged)
        for bank in range(rank * shape.per_rank, (rank + 1) * shape.per_rank):
            state.open_row[bank] = -1
            state.may_activate[bank] = start + shape.t_rfc
        state.due[rank] += shape.t_refi
        soonest = state.due[first]
        for other in range(first + 1, first + shape.ranks):
            soonest = min(soonest, state.due[other])
        state.next_due[channel] = soonest
        state.counts[REFRESHES] += 1


@inlined
def _run(
    shape: DramShape, state: DramState, channel: int, clock: int, bank: int, row: int, bursts: int, write: bool
) -> int:
    """Serve *bursts* of one bank, granted at *clock*; return the clock their data is over."""
    if state.next_due[channel] <= clock or state.next_due[channel] <= state.free[channel]:
        _refresh(shape, state, channel, max(clock, state.free[channel]))
    if state.open_row[bank] != row:
        _activate(shape, state, clock, bank, row)
    column = _column(shape, state, channel, clock, bank, write)
    if bursts > 1:
        column += (bursts - 1) * shape.same_group
        _leave(shape, state, column, bank, write)
    recovered = column + (shape.write_to_precharge if write else shape.read_to_precharge)
    state.may_precharge[bank] = max(state.may_precharge[bank], recovered)
    if shape.closing:
        _close(shape, state, bank)
    end = column + (shape.write_latency if write else shape.read_latency)
    state.free[channel] = end
    return end


@inlined
def _rotate(
    shape: DramShape,
    state: DramState,
    lane: int,
    channel: int,
    clock: int,
    first_bank: int,
    row: int,
    start: int,
    bursts: int,
    write: bool,
) -> int:
    """Serve a row run of *bursts* that passes through the banks of a lane, from its *start*-th on; as above."""
    if state.next_due[channel] <= clock or state.next_due[channel] <= state.free[channel]:
        _refresh(shape, state, channel, max(clock, state.free[channel]))
    count, number, stop = shape.lane_banks[lane], start, start + bursts
    latency = shape.write_latency if write else shape.read_latency
    columns = state.columns
    column = 0
    while number < stop and (number < start + count or not shape.lane_simple[lane]):
        place = number % count
        bank = first_bank + shape.rotation[lane, place]
        if state.open_row[bank] != row:
            _activate(shape, state, clock, bank, row)
        column = _column(shape, state, channel, clock, bank, write)
        columns[place] = column
        number += 1
    if number < stop:
        whole = (stop - number) // count - 1
        if whole > 0:
            # All of them move on by as much; the last rotation is walked through.
            column += whole * shape.lane_period[lane]
            number += whole * count
        while number < stop:
            column += shape.gaps[lane, number % count]
            columns[number % count] = column
            number += 1
        # By now in the order of their columns.
        for last in range(stop - count, stop):
            place = last % count
            _leave(shape, state, columns[place], first_bank + shape.rotation[lane, place], write)
    state.free[channel] = column + latency
    recovery = shape.write_to_precharge if write else shape.read_to_precharge
    for touched in range(start, start + min(count, bursts)):
        place = touched % count
        bank = first_bank + shape.rotation[lane, place]
        state.may_precharge[bank] = max(state.may_precharge[bank], columns[place] + recovery)
        if shape.closing:
            _close(shape, state, bank)
    end: int = state.free[channel]
    return end


@inlined
def serve(shape: DramShape, state: DramState, clock: int, address: int, bursts: int, write: bool) -> int:
    """Serve one block of a request granted at *clock*; return the clock its data is over."""
    state.counts[BURSTS] += bursts
    span = 1 << shape.bits
    page, room, over = address >> shape.bits, span - (address & (span - 1)), 0
    turn_mask = (1 << shape.turn) - 1
    left = bursts
    while left > 0:
        count = min(left, room)
        start = span - room
        stop = start + count
        base = page << shape.bits
        channel, bank = 0, 0
        if shape.shifts[0] >= shape.turn:
            channel = (base >> shape.shifts[0]) & shape.masks[0]
        if shape.shifts[1] >= shape.turn:
            bank = (base >> shape.shifts[1]) & shape.masks[1]
        bank *= shape.groups
        if shape.shifts[2] >= shape.turn:
            bank += (base >> shape.shifts[2]) & shape.masks[2]
        bank *= shape.banks_per_group
        if shape.shifts[3] >= shape.turn:
            bank += (base >> shape.shifts[3]) & shape.masks[3]
        row = page & shape.row_mask
        for lane in range(len(shape.lane_banks)):
            banks = shape.lane_banks[lane]
            begin = (start >> shape.turn) * banks + shape.lane_before[lane, start & turn_mask]
            mine = (stop >> shape.turn) * banks + shape.lane_before[lane, stop & turn_mask] - begin
            if mine == 0:
                continue
            one = channel + shape.lane_channel[lane]
            first_bank = one * shape.per_channel + bank
            if banks == 1:
                end = _run(shape, state, one, clock, first_bank + shape.rotation[lane, 0], row, mine, write)
            else:
                end = _rotate(shape, state, lane, one, clock, first_bank, row, begin, mine, write)
            over = max(over, end)
        left -= count
        page += 1
        room = span
    return over


@kernel
def settle(shape: DramShape, state: DramState, clock: int) -> None:
    """Count what has happened by *clock*: refreshes, and how long the ranks have been active."""
    for channel in range(shape.channels):
        _refresh(shape, state, channel, clock)
        for rank in range(channel * shape.ranks, (channel + 1) * shape.ranks):
            since = state.active_since[rank]
            if since != IDLE and since < clock:
                _stop_active(shape, state, rank, clock)
                state.active_since[rank] = clock


def counts_of(table: Ints) -> dict[str, int]:
    """Return all counts of commands and bursts by name, of a table of them."""
    counts = table.tolist()
    return {
        "row_hits": counts[BURSTS] - counts[ACTIVATES],
        "activates": counts[ACTIVATES],
        "precharges": counts[PRECHARGES],
        "refreshes": counts[REFRESHES],
        "active_clocks": counts[ACTIVE],
    }
