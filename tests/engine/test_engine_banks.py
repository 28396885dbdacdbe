"""Streams that collide in the banks of a cache: on the compiled engine the same ones wait as long as on SimPy."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.engine import uncovered
from mimesim.errors import InputError
from mimesim.ledger import CaseLedger, Residents
from mimesim.machine.banks import collides
from mimesim.machine.capacity import check_capacity
from mimesim.schemes import Mime, Piggyback, Scheme
from tests.engine.test_agrees import CONFIGURATIONS, assert_same, both
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import planned
from tests.replays import CASES, SMALL, plan_tiny
from tests.schedule.small import hardware

pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")


@st.composite
def crowded(draw: st.DrawFn) -> Scenario:
    """Draw a run whose caches have just the banks that the widest stream takes, so that most streams collide."""
    scenario = draw(scenarios())
    machine = scenario.hardware
    widest = max(words for name, words in machine.noc.model_dump().items() if name != "latency_cycles")
    parts = draw(st.integers(1, 3))
    changes: dict[str, Any] = {
        "write_policy": draw(st.sampled_from(["write_around", "write_back"])),
        "bank_words": -(-widest // parts),
        "banks": 1 if machine.caches.organisation == "unified" else parts,
        "ports": draw(st.sampled_from([1, 1, 2])),
    }
    return replace(
        scenario,
        hardware=machine.model_copy(update={"caches": machine.caches.model_copy(update=changes)}),
        schedule=scenario.schedule.model_copy(update={"barrier": "pass"}),
    )


def fits(scenario: Scenario) -> bool:
    """Return whether the compiled engine runs it, and its caches hold the outputs, if they are to."""
    plan = planned(scenario)
    try:
        check_capacity(plan)
    except InputError:
        return False
    return uncovered(plan) is None


@settings(max_examples=CONFIGURATIONS, deadline=None, suppress_health_check=list(HealthCheck))
@given(crowded())
def test_on_whatever_collides(scenario: Scenario) -> None:
    assume(collides(scenario.hardware) and fits(scenario))
    compiled, simpy = both(planned(scenario), planned(scenario))
    assert_same(compiled, simpy)
    event(f"cycles are lost: {compiled.conflicts.total() > 0}")


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(crowded())
def test_on_batches_in_warm_caches(scenario: Scenario) -> None:
    assume(collides(scenario.hardware) and fits(scenario))
    residents: Residents = ()
    for batch in scenario.batches:
        alone = replace(scenario, batches=(batch,))
        compiled, simpy = both(planned(alone), planned(alone), residents)
        assert_same(compiled, simpy)
        residents = compiled.residents


#: Wide networks, so that whatever uses the cache of activations collides.
WIDE = {"activation_words_per_cycle": 64, "output_words_per_cycle": 64}
UNIFIED = {"organisation": "unified", "unified_kib": 10.0, "banks": 2, "ports": 1}

#: Machines, and whose cycles are lost in their caches.
MACHINES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "private": ({"caches": {"banks": 4, "ports": 1}}, {"weights/noc", "thresholds/cmp"}),
    "private, write back": (
        {"noc": WIDE, "caches": {"write_policy": "write_back", "activations_kib": 5.0, "banks": 4, "ports": 1}},
        {"weights/noc", "thresholds/cmp", "activations/pe_grid", "activations/outputs"},
    ),
    "unified, two ports": ({"caches": UNIFIED | {"ports": 2}}, {"unified/cmp"}),
    "unified, pin": ({"caches": UNIFIED | {"policy": "pin"}}, {"unified/noc", "unified/cmp"}),
    "unified, write back": (
        {"caches": UNIFIED | {"write_policy": "write_back"}},
        {"unified/noc", "unified/cmp", "unified/outputs"},
    ),
}


def compare(scheme: Scheme, skipping: Skipping, mode: Mode, name: str, schedule: Schedule | None = None) -> CaseLedger:
    machine = hardware(SMALL.model_dump(), MACHINES[name][0])
    plans = [plan_tiny(scheme, skipping, mode, hardware=machine, schedule=schedule) for _ in range(2)]
    compiled, simpy = both(*plans)
    assert_same(compiled, simpy)
    return compiled


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("mode", ["singular", "pipelined"])
def test_on_every_golden_case(mode: Mode, name: str) -> None:
    lost: Counter[tuple[str, str]] = Counter()
    for _, scheme, skipping in CASES:
        lost += compare(scheme, skipping, mode, name).conflicts
    assert {"/".join(key) for key in lost} == MACHINES[name][1]


@pytest.mark.parametrize("name", MACHINES)
@pytest.mark.parametrize("batch_order", ["layer_major", "image_major"])
@pytest.mark.parametrize("tile_order", ["channel_outer", "position_outer"])
def test_on_other_schedules(tile_order: Any, batch_order: Any, name: str) -> None:
    schedule = Schedule(batch_order=batch_order, tile_order=tile_order, set_order="outer", position_tiles_per_pe=2)
    assert compare(Mime("neuron"), "per_position", "pipelined", name, schedule).conflicts.total() > 0
    compare(Piggyback(), "per_position", "pipelined", name, schedule)
