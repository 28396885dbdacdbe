"""The DRAM in arrays: what a configuration comes to, and what changes as requests are served."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mimesim.config.dram import Dram
from mimesim.config.standard import map_fields
from mimesim.machine.dram_bank import NEVER, Rotation

__all__ = [
    "ACTIVATES",
    "ACTIVE",
    "BURSTS",
    "DRAM_COUNTS",
    "IDLE",
    "PRECHARGES",
    "REFRESHES",
    "DramShape",
    "DramState",
    "dram_shape",
    "dram_state",
]

Ints = NDArray[np.int64]

#: Places in :attr:`DramState.counts`: commands, clocks in which ranks were active, bursts.
ACTIVATES, PRECHARGES, REFRESHES, ACTIVE, BURSTS = range(5)
DRAM_COUNTS = 5

#: A rank that is not active since any clock.
IDLE = -(1 << 60)
_FOREVER = 10**18


class DramShape(NamedTuple):
    """What does not change: clocks between commands, and where a burst lies.

    Banks, groups and ranks are counted through all channels. *shifts* and *masks* are those of the fields Ch, Ra, Bg,
    Ba; a *lane* is what falls to one channel of row runs, as in :mod:`mimesim.machine.dram_device`.
    """

    burst: int
    t_rcd: int
    t_rp: int
    t_ras: int
    t_rc: int
    t_rrd_s: int
    t_rrd_l: int
    t_faw: int
    t_refi: int
    t_rfc: int
    precharge_all: int
    t_rtrs: int
    read_latency: int
    write_latency: int
    read_to_precharge: int
    write_to_precharge: int
    same_group: int
    other_group: int
    to_read_group: int
    to_read_rank: int
    to_write: int
    closing: bool
    channels: int
    ranks: int
    groups: int
    banks_per_group: int
    per_rank: int
    per_channel: int
    group_bits: int
    rank_bits: int
    channel_bits: int
    bits: int
    turn: int
    row_mask: int
    shifts: Ints
    masks: Ints
    lane_channel: Ints
    lane_banks: Ints
    lane_before: Ints
    lane_period: Ints
    lane_simple: Ints
    rotation: Ints
    gaps: Ints


class DramState(NamedTuple):
    """What changes: by bank, by group, by rank, by channel, and counts."""

    open_row: Ints
    may_activate: Ints
    may_precharge: Ints
    may_column: Ints
    activate_group: Ints
    read_group: Ints
    write_group: Ints
    activate_rank: Ints
    read_rank: Ints
    write_rank: Ints
    window: Ints
    window_place: Ints
    due: Ints
    active_since: Ints
    active_until: Ints
    next_due: Ints
    free: Ints
    data_rank: Ints
    counts: Ints
    columns: Ints


def dram_shape(config: Dram) -> DramShape:
    """Return what *config* comes to."""
    organisation, timing, burst = config.organisation, config.timing, config.burst_clocks
    fields = map_fields(config.map, organisation)
    (row, rows), (column, columns) = fields["Ro"], fields["Co"]
    turn = min(row, column)
    names = ("Ch", "Ra", "Bg", "Ba")

    def place(address: int) -> tuple[int, int]:
        found = [(address >> fields[n][0]) & fields[n][1] if fields[n][0] < turn else 0 for n in names]
        group = found[1] * organisation.bank_groups + found[2]
        return found[0], group * organisation.banks_per_group + found[3]

    places = [place(address) for address in range(1 << turn)]
    channels = sorted({channel for channel, _ in places})
    mine = [[bank for channel, bank in places if channel == one] for one in channels]
    rotations = [Rotation(banks, config) for banks in mine]
    per_rank = organisation.bank_groups * organisation.banks_per_group
    return DramShape(
        burst=burst,
        t_rcd=timing.t_rcd,
        t_rp=timing.t_rp,
        t_ras=timing.t_ras,
        t_rc=timing.t_rc,
        t_rrd_s=timing.t_rrd_s,
        t_rrd_l=timing.t_rrd_l,
        t_faw=timing.t_faw,
        t_refi=timing.t_refi,
        t_rfc=timing.t_rfc,
        precharge_all=timing.precharge_all,
        t_rtrs=timing.t_rtrs,
        read_latency=timing.t_cl + burst,
        write_latency=timing.t_cwl + burst,
        read_to_precharge=timing.t_rtp,
        write_to_precharge=timing.t_cwl + burst + timing.t_wr,
        same_group=max(burst, timing.t_ccd_l),
        other_group=max(burst, timing.t_ccd_s),
        to_read_group=timing.t_cwl + burst + timing.t_wtr_l,
        to_read_rank=timing.t_cwl + burst + timing.t_wtr_s,
        to_write=timing.t_cl + burst + timing.t_rtw - timing.t_cwl,
        closing=config.page == "closed",
        channels=organisation.channels,
        ranks=organisation.ranks,
        groups=organisation.bank_groups,
        banks_per_group=organisation.banks_per_group,
        per_rank=per_rank,
        per_channel=per_rank * organisation.ranks,
        # All of them are powers of two, and to shift is far quicker than to divide.
        group_bits=organisation.banks_per_group.bit_length() - 1,
        rank_bits=per_rank.bit_length() - 1,
        channel_bits=(per_rank * organisation.ranks).bit_length() - 1,
        bits=column + columns.bit_length() if row > column else row,
        turn=turn,
        row_mask=-1 if row > column else rows,
        shifts=np.array([fields[name][0] for name in names]),
        masks=np.array([fields[name][1] for name in names]),
        lane_channel=np.array(channels),
        lane_banks=np.array([len(banks) for banks in mine]),
        lane_before=np.array([[0, *np.cumsum([channel == one for channel, _ in places])] for one in channels]),
        lane_period=np.array([rotation.period for rotation in rotations]),
        lane_simple=np.array([int(rotation.simple) for rotation in rotations]),
        rotation=np.array([rotation.banks for rotation in rotations]),
        gaps=np.array([rotation.gaps for rotation in rotations]),
    )


def dram_state(config: Dram, shape: DramShape) -> DramState:
    """Return a DRAM that has not been asked for anything."""
    banks, ranks = shape.channels * shape.per_channel, shape.channels * shape.ranks
    groups = ranks * shape.groups

    def zeros(count: int) -> Ints:
        return np.zeros(count, dtype=np.int64)

    first = [shape.t_refi * (rank + 1) // shape.ranks if config.refresh else _FOREVER for rank in range(shape.ranks)]
    return DramState(
        open_row=np.full(banks, -1, dtype=np.int64),
        may_activate=zeros(banks),
        may_precharge=zeros(banks),
        may_column=zeros(banks),
        activate_group=zeros(groups),
        read_group=zeros(groups),
        write_group=zeros(groups),
        activate_rank=zeros(ranks),
        read_rank=zeros(ranks),
        write_rank=zeros(ranks),
        window=np.full((ranks, 4), NEVER, dtype=np.int64),
        window_place=zeros(ranks),
        due=np.array(first * shape.channels, dtype=np.int64),
        active_since=np.full(ranks, IDLE, dtype=np.int64),
        active_until=zeros(ranks),
        next_due=np.full(shape.channels, min(first), dtype=np.int64),
        free=zeros(shape.channels),
        data_rank=np.full(shape.channels, -1, dtype=np.int64),
        counts=zeros(DRAM_COUNTS),
        columns=zeros(int(shape.lane_banks.max())),
    )
