"""A change of task or level on the machine fetches the words that a budget says, and keeps what neighbours share."""

from __future__ import annotations

from itertools import permutations

import pytest

from mimesim.machine import replay
from mimesim.schedule.images import Image
from mimesim.schemes import Dvn
from mimesim.training.dvn.backbone import Backbone
from mimesim.training.dvn.blocks import Budget
from mimesim.training.dvn.graph import level_name, network_of, units_of
from mimesim.training.dvn.units import Assignment, Level
from tests.schedule.small import Masks, hardware, plan

TASKS = ("a", "b", "c")
BACKBONE = Backbone((6, "M", 9), 8, Assignment.by_rule(TASKS, 3), dict(zip(TASKS, (4, 5, 2), strict=True)))
BUDGET = Budget(BACKBONE)
NETWORK = network_of(BACKBONE, "backbone")
VIRTUAL = BACKBONE.assignment.virtual
#: Caches that hold all there is.
LARGE = hardware({"caches": {"weights_kib": 1024, "activations_kib": 1024, "thresholds_kib": 1024}})


def loaded(*sequence: Level) -> list[int]:
    """Return the words of parameters that the machine reads from DRAM for one image of each of *sequence*."""
    names = [level_name(*one) for one in sequence]
    masks = Masks(NETWORK, units={level_name(*one): units_of(BACKBONE, *one) for one in VIRTUAL})
    batches = [[Image(index, name, 0, masks)] for index, name in enumerate(names)]
    tasks = [level_name(*one) for one in VIRTUAL]
    ledger = replay(plan(masks, LARGE, Dvn(), tasks=tasks, batches=batches))
    read = [0] * len(sequence)
    for phase in ledger.phases:
        for row in phase.rows.values():
            read[phase.batch] += sum(row.words["dram", tensor, "read"] for tensor in ("weights", "index", "norm"))
    return read


@pytest.mark.parametrize("before", VIRTUAL, ids=lambda one: level_name(*one))
def test_a_change_loads_what_is_added_and_keeps_the_rest(before: Level) -> None:
    whole = BUDGET.words(*before).resident
    for after in VIRTUAL:
        change = BUDGET.change(before, after)
        first, second = loaded(before, after)
        assert (first, second) == (whole, change.loaded)
        if before != after:
            kept = sum(BUDGET.words_of[block] for block in change.kept)
            assert BUDGET.words(*after).resident == second + kept


def test_levels_of_a_task_one_after_the_other() -> None:
    up = [("b", level) for level in (1, 2, 3)]
    steps = [BUDGET.change(before, after).loaded for before, after in zip([None, *up], up, strict=False)]
    assert loaded(*up) == steps
    # Down again nothing has to come: what a lower level needs is still there.
    assert loaded(*up, *reversed(up)) == [*steps, 0, 0, 0]


def test_neighbours_share_more_than_others_do() -> None:
    """By the rule of assignment, tasks with neighbouring numbers share units at level 2."""
    pairs = {(first, second): loaded((first, 2), (second, 2))[1] for first, second in permutations(TASKS, 2)}
    units = {task: set(BACKBONE.assignment.active(task, 2)) for task in TASKS}
    for (first, second), words in pairs.items():
        shared = units[first] & units[second]
        assert words == BUDGET.change((first, 2), (second, 2)).loaded
        assert (words < BUDGET.words(second, 2).resident) == bool(shared)
