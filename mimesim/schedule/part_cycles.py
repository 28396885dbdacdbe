"""What each part needs for a phase if it never waits: the lower bounds of ``docs/machine.md``, section 7.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.ledger import PartCycles
from mimesim.schedule.costs import PassCosts
from mimesim.schedule.geometry import Geometry

if TYPE_CHECKING:
    from mimesim.schedule.program import Phase

__all__ = ["part_cycles"]


def part_cycles(
    hardware: Hardware, geometry: Geometry, phase: Phase, costs: Sequence[PassCosts], *, first: bool
) -> PartCycles:
    """Return the cycles of every part but DRAM for a phase that is built, whose groups cost *costs*.

    *first*: the first phase of a run begins in cycle 0, so nothing of it runs earlier.
    """
    uses = np.zeros(len(geometry.chunks), dtype=np.int64)
    for chunks in geometry.chunks_of:
        uses[chunks] += 1
    passes = len(phase.cycles)
    steps = sum(int((each.steps.sum(axis=0) * uses).sum()) for each in costs)
    feed = sum(int((each.feed.sum(axis=0) * uses).sum()) for each in costs)
    early = 0 if first or not phase.fills else phase.fills[0].cycles
    return PartCycles(
        compute=(_drifting(phase) if phase.rows else steps) + passes,
        feed=feed + passes,
        weights=sum(fill.cycles for fill in phase.fills) - early,
        drain=sum(job.cycles for job in phase.jobs),
        # Where the first weights are looked up before the rest of their pass, that step comes on top of these.
        lookups=passes * hardware.caches.lookup_cycles,
    )


def _drifting(phase: Phase) -> int:
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
