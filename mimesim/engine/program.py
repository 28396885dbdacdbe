"""The program of a phase in arrays: passes, fills and drain jobs, their cycles, and room for what they ask for."""

from __future__ import annotations

import numpy as np

from mimesim.engine import columns as at
from mimesim.engine.nest_kernel import expand
from mimesim.engine.rewriting import reading
from mimesim.engine.shapes import Shape
from mimesim.engine.tables import Ints, Nest, Passes, Steps, Uses
from mimesim.schedule.loopnest import Accumulation, accumulations
from mimesim.schedule.phase_inputs import PhaseInputs

__all__ = ["accumulation_rows", "expanded", "room", "row_cycles", "time_fills", "time_jobs"]


def accumulation_rows(inputs: PhaseInputs) -> Ints:
    """Return the accumulations of a phase in program order, as the kernel reads them."""
    number = {id(group): place for place, group in enumerate(inputs.groups)}

    def row(use: Accumulation) -> tuple[int, ...]:
        places = use.position_tiles
        return use.channel_tile, places.start, len(places), number[id(use.groups[0])], len(use.groups), use.scope

    uses = accumulations(inputs.geometry, inputs.plan.schedule, inputs.sets)
    return np.array([row(use) for use in uses], dtype=np.int64)


def expanded(nest: Nest, shape: Shape) -> Passes:
    """Return the passes, drain jobs and fills of a phase, without the cycles of the latter two."""
    uses = nest.accumulations
    per_tile = np.diff(shape.chunk_first)
    slots = uses[:, at.PLACES] * uses[:, at.GROUPS]
    most, drains = int((per_tile[uses[:, at.TILE]] * slots).sum()), int(slots.sum())
    fills = int((per_tile[uses[:, at.TILE]] * uses[:, at.GROUPS]).sum())
    program = Passes(
        np.empty((most, at.PASS), dtype=np.int64),
        np.empty((drains, at.DRAIN), dtype=np.int64),
        np.empty((fills, at.LOAD), dtype=np.int64),
        np.empty(len(uses), dtype=np.int64),
        np.zeros(fills + drains + 1, dtype=np.int64),
        np.empty(0, dtype=np.int64),
    )
    passes, jobs, loads = expand(nest, program)
    return program._replace(passes=program.passes[:passes], jobs=program.jobs[:jobs], fills=program.fills[:loads])


def time_fills(inputs: PhaseInputs, program: Passes, facts: Ints) -> None:
    """Write down the cycles of fills, but for what is rewritten; *facts* are those of all blocks."""
    hardware, fills = inputs.plan.hardware, program.fills
    blocks = fills[:, at.FILL_BLOCK]
    network = -(-facts[blocks, at.FILLED] // hardware.noc.weight_words_per_cycle)
    if (kept := facts[blocks, at.KEPT] != at.NOWHERE).any():
        stored = facts[blocks][:, [at.VALUES, at.EXTRA, at.NORM]].sum(axis=1)
        stored += np.where(fills[:, at.FILL_MASK] < 0, 0, facts[fills[:, at.FILL_MASK], at.EXTRA])
        network = np.where(kept, reading(hardware, network, stored), network)
    fills[:, at.FILL_CYCLES] = network + hardware.noc.latency_cycles


def time_jobs(inputs: PhaseInputs, program: Passes, words: Ints, on_chip: Ints) -> None:
    """Write down the cycles of drain jobs, but for what is rewritten.

    They load *words*, by group and channel tile x places + place, of which *on_chip* lie in non-volatile memory.
    """
    hardware, jobs = inputs.plan.hardware, program.jobs
    noc = hardware.noc
    places = len(inputs.geometry.position_tiles)
    column = jobs[:, at.JOB_TILE] * places + jobs[:, at.JOB_PLACE]
    loaded = words[jobs[:, at.JOB_GROUP], column]
    kept = np.stack([np.sum([inputs.costs[i.index].kept.ravel() for i in g.images], axis=0) for g in inputs.groups])
    out = kept[jobs[:, at.JOB_GROUP], column]
    network = -(-loaded // noc.threshold_words_per_cycle)
    if on_chip.any():
        there = on_chip[jobs[:, at.JOB_GROUP], column]
        network = np.where(there > 0, reading(hardware, network, there), network)
    load = np.where(loaded > 0, network + noc.latency_cycles, 0)
    jobs[:, at.JOB_CYCLES] = load + hardware.compare_cycles + -(-out // noc.output_words_per_cycle)


def row_cycles(inputs: PhaseInputs) -> Ints:
    """Return the cycles of every row by group x windows + window; rows that hold no position take none."""
    geometry, rows = inputs.geometry, inputs.plan.hardware.grid.rows
    chunks = range(len(geometry.chunks))
    table = [
        [costs.rows(place, k) for place in range(len(geometry.position_tiles)) for k in chunks]
        for costs in inputs.pass_costs
    ]
    found = np.zeros((len(table) * len(table[0]), rows), dtype=np.int64)
    for number, mapped in enumerate(mapped for group in table for mapped in group):
        found[number, : len(mapped)] = mapped
    return found


def room(shape: Shape, program: Passes, uses: Uses, slots: int) -> Steps:
    """Return empty tables that hold what the steps of a phase can ask for at most."""
    passes, jobs = program.passes, program.jobs
    images = np.diff(uses.member_first)
    touched = np.diff(shape.window_first)[passes[:, at.WINDOW]] * images[passes[:, at.GROUP]]
    reads = int(touched.sum()) + 2 * len(program.fills) + int(np.diff(uses.own_first)[jobs[:, at.JOB_GROUP]].sum())
    column = jobs[:, at.JOB_TILE] * uses.places + jobs[:, at.JOB_PLACE]
    done = int((np.diff(shape.completed_first)[column] * images[jobs[:, at.JOB_GROUP]]).sum())
    steps = len(passes) + 1

    def empty(*sides: int) -> Ints:
        return np.empty(sides, dtype=np.int64)

    spot = np.zeros(at.SPOT, dtype=np.int64)
    return Steps(
        empty(steps, 4),
        empty(steps, 2),
        np.full((steps, 3), -1, dtype=np.int64),
        empty(reads),
        empty(0),
        empty(done),
        empty(len(jobs) + 1),
        empty(done),
        np.zeros((slots + 1, 5), dtype=np.int64),
        spot,
    )
