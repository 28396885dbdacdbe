"""VGG16's convolutions, dense and without stalls: the replay, its closed form, and that of a systolic array."""

from __future__ import annotations

from typing import NamedTuple

from mimesim.config.schedule import Schedule
from mimesim.machine import replay
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import plan_case
from mimesim.schemes import Conventional
from tests.properties.test_dense_cycles import CONVS, FOLDS_TAPS_CHUNKS
from tests.schedule.small import IDEAL, Masks, hardware

__all__ = ["LayerCycles", "dense_cycles"]


class LayerCycles(NamedTuple):
    """Cycles of one image: what the PE grid worked, with all waiting, and by two closed forms.

    *systolic*: folds x (rows + columns + taps - 2) - 1, as SCALE-Sim counts for an output-stationary array of the same
    size: what a layer costs there more is the skew of its wave, which a multicast array does not have.
    """

    layer: str
    busy: int
    elapsed: int
    closed_form: int
    systolic: int


def dense_cycles() -> list[LayerCycles]:
    """Return the cycles of every convolution of VGG16 at 64 x 64."""
    machine = hardware(IDEAL, {"noc": {"activation_words_per_cycle": 16}})
    batches = compose_batches(Masks(CONVS), ("a",), "singular", 1, 1)
    plan = plan_case(CONVS, Conventional(), "none", machine, Schedule(), batches, ("a",), CostBook())
    rows = []
    for phase in replay(plan).phases:
        folds, taps, chunks = FOLDS_TAPS_CHUNKS[phase.layer]
        systolic = folds * (machine.grid.rows + machine.grid.channels + taps - 2) - 1
        busy = sum(row.busy_cycles for row in phase.rows.values())
        elapsed = phase.end_cycle - phase.start_cycle
        rows.append(LayerCycles(phase.layer, busy, elapsed, folds * (taps + chunks), systolic))
    return rows
