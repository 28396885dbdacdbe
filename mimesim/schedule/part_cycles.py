"""What each part needs for a phase if it never waits: the lower bounds of ``docs/machine.md``, section 7.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mimesim.ledger import PartCycles

if TYPE_CHECKING:
    from mimesim.schedule.phase_inputs import PhaseInputs
    from mimesim.schedule.program import Phase

__all__ = ["drifting", "part_cycles"]


def part_cycles(
    inputs: PhaseInputs, fills: Sequence[int], jobs: Sequence[int], passes: int, drifting: int | None
) -> PartCycles:
    """Return the cycles of every part but DRAM for a phase of so many *passes*, with the cycles of *fills* and *jobs*.

    *drifting* are the steps of the slowest rows, where they may drift. The first phase of a run begins in cycle 0, so
    nothing of it runs earlier.
    """
    geometry, costs = inputs.geometry, inputs.pass_costs
    uses = np.zeros(len(geometry.chunks), dtype=np.int64)
    for chunks in geometry.chunks_of:
        uses[chunks] += 1
    steps = sum(int((each.steps.sum(axis=0) * uses).sum()) for each in costs)
    feed = sum(int((each.feed.sum(axis=0) * uses).sum()) for each in costs)
    early = 0 if inputs.first or not len(fills) else int(fills[0])
    return PartCycles(
        compute=(steps if drifting is None else drifting) + passes,
        feed=feed + passes,
        weights=int(sum(fills)) - early,
        drain=int(sum(jobs)),
        # Where the first weights are looked up before the rest of their pass, that step comes on top of these.
        lookups=passes * inputs.plan.hardware.caches.lookup_cycles,
    )


def drifting(phase: Phase) -> int:
    """Return the steps of the slowest row of every accumulation: within one, the rows do not wait for each other."""
    starts = [place for place, index in enumerate(phase.accumulation) if index >= 0]
    total = 0
    for start, end in zip(starts, [*starts[1:], len(phase.rows)], strict=True):
        sums: list[int] = []
        for rows in phase.rows[start:end]:
            sums += [0] * (len(rows) - len(sums))
            for row, steps in enumerate(rows):
                sums[row] += steps
        total += max(sums, default=0)
    return total
