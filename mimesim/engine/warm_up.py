"""Kernels, loaded or compiled, by asking them for nothing."""

from __future__ import annotations

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.engine import columns as at
from mimesim.engine.bank_tables import banks_in, no_streams
from mimesim.engine.lookup_kernel import look_up
from mimesim.engine.nest_kernel import expand
from mimesim.engine.tables import Blocks, Evictions, Nest, directories, no_passes, no_steps, no_uses
from mimesim.engine.timing_kernel import run_phase
from mimesim.engine.timing_tables import clocks_of, machine_of, took_by

__all__ = ["warm_up"]


def warm_up() -> None:
    """Call every kernel once, with tables of the types that a replay has."""
    hardware = Hardware()

    def none(*sides: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return np.zeros(sides, dtype=np.int64)

    program, uses, steps = no_passes(), no_uses(), no_steps()
    flat = {"accumulations", "present", "weights", "weight_blocks", "mask_blocks", "cycles", "feed"}
    tables = {name: none(0, 6) if name in flat else none(1) for name in Nest._fields[:-1]}
    expand(Nest(**tables, weighted=False), program)
    blocks = Blocks(none(0, at.FACTS), none(0, at.LINES))
    rows = Evictions(none(0, at.EVICTION), none(1), none(0))
    look_up(blocks, directories(hardware), rows, steps, program, uses)
    machine = machine_of(hardware, drifts=False)
    banks, clocks = banks_in(hardware), clocks_of(hardware, machine)
    took = took_by(program, 0, none(0, 0), machine, banks)
    run_phase(machine, banks, clocks, no_streams(banks), blocks, program, uses, steps, took, steps, program.fills)
