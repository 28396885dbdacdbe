"""The tables of the timing: the machine's numbers, its clocks, and what a phase took."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.engine import columns as at
from mimesim.engine.bank_tables import Banks
from mimesim.engine.clock_ratio import clock_ratio
from mimesim.engine.dram_tables import DRAM_COUNTS, DramShape, DramState, dram_shape, dram_state
from mimesim.engine.tables import Ints, Passes
from mimesim.ledger import STALLS
from mimesim.machine.kinds import KINDS, READS

__all__ = ["Clocks", "Machine", "Took", "clocks_of", "machine_of", "took_by"]


class Machine(NamedTuple):
    """What does not change during a run; *dram_clocks* take as long as *cycles* of the accelerator."""

    shape: DramShape
    dram_clocks: int
    cycles: int
    burst_words: int
    fill_words: int
    unified: bool
    lookup_cycles: int
    prefetch_passes: int
    psum_banks: int
    pes: int
    rows: int
    drifts: bool


class Clocks(NamedTuple):
    """How far the machine is: *now* between two phases (see :mod:`columns`), and in DRAM.

    *latest* are the latest completions of requests, as many as may be granted and incomplete, the earliest first;
    *arrived* the latest by kind, *port_free* when each fill port is free. *written* are the latest completions of what
    lookups evicted, *drained* of what drain jobs wrote, as many as there are buffers.
    """

    dram: DramState
    now: Ints
    latest: Ints
    arrived: Ints
    port_free: Ints
    written: Ints
    drained: Ints


class Took(NamedTuple):
    """What a phase took: by group, cycles of its passes, and stalls by cause; *rows* are those of each pass's rows.

    *counts* are those of DRAM when the phase ends. The rest is where times are worked out: of passes when they are
    looked up, when their data come, their ends; of fills (the last is the next phase's first) likewise; of jobs when
    their thresholds come, and their ends; of caches in whose banks streams collide when they are filled.
    """

    worked: Ints
    waited: Ints
    rows: Ints
    counts: Ints
    drifting: Ints
    passes: Ints
    fills: Ints
    jobs: Ints
    cache_fills: Ints


def machine_of(hardware: Hardware, *, drifts: bool) -> Machine:
    """Return the numbers of *hardware*."""
    dram_clocks, cycles = clock_ratio(hardware)
    return Machine(
        shape=dram_shape(hardware.dram),
        dram_clocks=dram_clocks,
        cycles=cycles,
        burst_words=hardware.burst_words,
        fill_words=hardware.noc.fill_words_per_cycle,
        unified=hardware.caches.organisation == "unified",
        lookup_cycles=hardware.caches.lookup_cycles,
        prefetch_passes=hardware.prefetch_passes,
        psum_banks=hardware.scratchpad.psum_banks,
        pes=hardware.grid.pes,
        rows=hardware.grid.rows,
        drifts=drifts,
    )


def clocks_of(hardware: Hardware, machine: Machine) -> Clocks:
    """Return the clocks of a machine that has not done anything."""

    def zeros(count: int) -> Ints:
        return np.zeros(count, dtype=np.int64)

    return Clocks(
        dram=dram_state(hardware.dram, machine.shape),
        now=zeros(at.CLOCKS),
        latest=zeros(hardware.dram.queue),
        arrived=zeros(len(KINDS)),
        port_free=zeros(len(READS)),
        written=zeros(hardware.writeback_buffers),
        drained=zeros(hardware.writeback_buffers),
    )


def took_by(program: Passes, groups: int, rows: Ints, machine: Machine, banks: Banks) -> Took:
    """Return the counts of a phase that has not begun."""
    return Took(
        np.zeros(groups, dtype=np.int64),
        np.zeros((groups, len(STALLS)), dtype=np.int64),
        rows,
        np.zeros(DRAM_COUNTS, dtype=np.int64),
        np.zeros(machine.rows, dtype=np.int64),
        np.empty((3, len(program.passes)), dtype=np.int64),
        np.empty((3, len(program.fills) + 1), dtype=np.int64),
        np.empty((2, len(program.jobs)), dtype=np.int64),
        # What goes on of the phase before, the next phase's first, and of each step one request, or three.
        np.empty((banks.caches, 2 + len(program.passes) * (3 if machine.unified else 1), 2), dtype=np.int64),
    )
