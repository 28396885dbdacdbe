"""Parameters in on-chip non-volatile memory: the compiled engine counts, times and leaves behind what SimPy's does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from mimesim.config import load_workload
from mimesim.config.schedule import Mode, Schedule
from mimesim.config.shipped import shipped_technologies
from mimesim.engine import uncovered
from mimesim.inputs import load_traces, select
from mimesim.ledger import CaseLedger, Residents
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Memti
from mimesim.simulation import Runner
from tests.engine.test_agrees import CONFIGURATIONS, assert_same, both
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import planned
from tests.replays import SMALL, plan_tiny
from tests.schedule.small import hardware

SWITCHES = ("resident", "rewrite")


def on_chip(scenario: Scenario, switch: str) -> Scenario:
    """Return *scenario* with what it keeps in non-volatile memory, or else everything, and this *switch* there."""
    case, machine = scenario.case, scenario.hardware
    assert machine.envm is not None
    parts = [(node.name, name) for node in scenario.network.nodes for name in ("", *(b.name for b in node.branches))]
    return replace(
        scenario,
        case=replace(case, envm=case.envm or frozenset(parts)),
        hardware=machine.model_copy(update={"envm": machine.envm.model_copy(update={"switch": switch})}),
    )


def assert_same_in_turn(*plans: tuple[CasePlan, CasePlan]) -> list[CaseLedger]:
    """Compare plans, each given twice, that begin with what the one before left; return what was counted."""
    residents: Residents = ()
    found = []
    for plan, again in plans:
        compiled, simpy = both(plan, again, residents)
        assert_same(compiled, simpy)
        residents = compiled.residents
        found.append(compiled)
    return found


@settings(max_examples=CONFIGURATIONS // 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(), st.sampled_from(SWITCHES))
def test_on_whatever_is_drawn_and_then_batch_by_batch(drawn: Scenario, switch: str) -> None:
    scenario = on_chip(drawn, switch)
    plan = planned(scenario)
    assume(plan.placement.envm_words and uncovered(plan) is None)
    alone = [replace(scenario, batches=(batch,)) for batch in reversed(scenario.batches)]
    first, *rest = assert_same_in_turn(*((planned(each), planned(each)) for each in (scenario, *alone)))
    event(f"{switch}, warm: {any(ledger.envm.warm for ledger in rest)}")
    event(f"a place is rewritten again: {first.envm.most_writes > 1}")
    event(f"a warm place is rewritten: {any(ledger.envm.rewrites for ledger in rest)}")


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("technology", shipped_technologies())
def test_on_every_technology(technology: str, switch: str) -> None:
    unknown = {"read_latency_cycles": 2} if technology == "ctt" else {}
    machine = hardware(SMALL.model_dump(), {"envm": {"technology": technology, "switch": switch, **unknown}})
    plans = [plan_tiny(Memti(), "per_position", hardware=machine) for _ in range(2)]
    (ledger,) = assert_same_in_turn((plans[0], plans[1]))
    assert (ledger.envm.rewrites > 0) == (switch == "rewrite")


SCHEDULES = [
    Schedule(barrier="tile"),
    Schedule(batch_order="image_major", tile_order="position_outer"),
    Schedule(set_order="outer", position_tiles_per_pe=2),
]


@pytest.mark.parametrize("mode", ["singular", "pipelined"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=["tile", "image_major", "outer"])
def test_batches_that_find_what_others_left(schedule: Schedule, mode: Mode) -> None:
    machine = hardware(SMALL.model_dump(), {"envm": {"switch": "rewrite"}})

    def batches() -> list[CasePlan]:
        whole = plan_tiny(Memti(), "per_position", mode, hardware=machine, schedule=schedule)
        return [replace(whole, batches=[batch]) for batch in (*whole.batches, *whole.batches[::-1])]

    found = assert_same_in_turn(*zip(batches(), batches(), strict=True))
    assert [ledger.envm.warm for ledger in found] == [False, *[True] * (len(found) - 1)]
    if mode == "singular":
        # Both tasks come, then the second one again, which finds its own words, and the first, which does not.
        assert [ledger.envm.rewrites > 0 for ledger in found] == [True, True, False, True]


@pytest.mark.parametrize("mode", ["singular", "pipelined"])
@pytest.mark.parametrize("suite", ["compare", "memti"])
def test_on_the_shipped_comparisons(suite: str, mode: Mode) -> None:
    workload = load_workload(suite)
    selection = select(workload, mode, None, None)
    runner = Runner(workload, selection, load_traces(workload, selection))
    compared = 0
    for case in workload.cases:
        batches = runner.batches(case)
        plans = [runner.plan(case, batches) for _ in range(2)]
        if plans[0].placement.envm_words:
            assert_same_in_turn((plans[0], plans[1]))
            compared += 1
    assert compared
