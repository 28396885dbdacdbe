"""The inner loops of the loop nest, compiled: passes, fills and drain jobs of every accumulation of a phase.

The outer loops are those of :func:`mimesim.schedule.loopnest.accumulations`; these are what
:func:`mimesim.schedule.loopnest.chunk_runs` and :mod:`mimesim.schedule.program` do, in arrays.
"""

from __future__ import annotations

from mimesim.engine import columns as at
from mimesim.engine.jit import kernel
from mimesim.engine.tables import Nest, Passes

__all__ = ["expand"]


@kernel
def expand(nest: Nest, program: Passes) -> tuple[int, int, int]:
    """Write the passes, drain jobs and fills of a phase into *program*, and return how many there are of each."""
    passes, jobs, fills = program.passes, program.jobs, program.fills
    count = drains = loads = 0
    chunks = len(nest.source)
    for index in range(len(nest.accumulations)):
        use = nest.accumulations[index]
        tile = use[at.TILE]
        first = True
        for position in range(nest.chunk_first[tile], nest.chunk_first[tile + 1]):
            chunk = nest.chunks[position]
            source = nest.source[chunk]
            column = tile * chunks + chunk
            for group in range(use[at.FIRST_GROUP], use[at.FIRST_GROUP] + use[at.GROUPS]):
                if not nest.present[group, source]:
                    continue
                ends = True
                for later in range(position + 1, nest.chunk_first[tile + 1]):
                    if nest.present[group, nest.source[nest.chunks[later]]]:
                        ends = False
                        break
                if nest.weighted:
                    table = nest.weights[group, source]
                    block = nest.weight_blocks[table, column]
                    view = -1 if nest.branch[source] else nest.views[group]
                    masked = -1 if nest.branch[source] else nest.masks[group]
                    if loads == 0 or fills[loads - 1, at.FILL_BLOCK] != block or fills[loads - 1, at.FILL_LAST] != view:
                        fills[loads, at.FILL_BLOCK], fills[loads, at.FILL_SLOT] = block, nest.weight_slots[table]
                        fills[loads, at.FILL_MASK] = fills[loads, at.FILL_MASK_SLOT] = -1
                        if masked >= 0:
                            fills[loads, at.FILL_MASK] = nest.mask_blocks[masked, column]
                            fills[loads, at.FILL_MASK_SLOT] = nest.mask_slots[masked]
                        # Kept here until the last pass is known, below.
                        fills[loads, at.FILL_LAST] = view
                        loads += 1
                for place in range(use[at.PLACE], use[at.PLACE] + use[at.PLACES]):
                    row = passes[count]
                    window = place * chunks + chunk
                    row[at.WINDOW], row[at.GROUP], row[at.FILL] = window, group, loads - 1
                    row[at.PASS_SCOPE], row[at.JOB] = use[at.ITERATION], -1
                    row[at.ACCUMULATION] = index if first else -1
                    row[at.CYCLES], row[at.FEED] = nest.cycles[group, window], nest.feed[group, window]
                    row[at.MAPPED] = nest.widths[tile] * nest.positions[place] * nest.images[group]
                    first = False
                    if ends:
                        row[at.JOB] = drains
                        jobs[drains, at.JOB_AFTER], jobs[drains, at.JOB_GROUP] = count, group
                        jobs[drains, at.JOB_TILE], jobs[drains, at.JOB_PLACE] = tile, place
                        drains += 1
                    count += 1
        program.jobs_of[index] = drains
    for number in range(count):
        if passes[number, at.FILL] >= 0:
            fills[passes[number, at.FILL], at.FILL_LAST] = number
    return count, drains, loads
