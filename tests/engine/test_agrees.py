"""The compiled engine counts what SimPy's does, to the last bit, on all that it covers."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.engine import replay, uncovered
from mimesim.ledger import CaseLedger, Residents
from mimesim.machine import replay as replay_simpy
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Mime, Piggyback, Scheme
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import planned
from tests.replays import CASES, SMALL, plan_tiny
from tests.schedule.small import hardware

pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")

#: Drawn anew at every run.
CONFIGURATIONS = int(os.environ.get("MIMESIM_ORACLE_CONFIGURATIONS", "150")) // 2


def assert_same(compiled: CaseLedger, simpy: CaseLedger) -> None:
    """Compare all of two ledgers but the events, of which one has none, and the orders that tables are written in."""
    assert compiled.events == 0
    assert [list(phase.rows) for phase in compiled.phases] == [list(phase.rows) for phase in simpy.phases]
    assert [list(phase.evictions) for phase in compiled.phases] == [list(phase.evictions) for phase in simpy.phases]
    for ours, theirs in zip(compiled.phases, simpy.phases, strict=True):
        assert ours == theirs
    assert compiled == simpy


def both(plan: CasePlan, again: CasePlan, residents: Residents = ()) -> tuple[CaseLedger, CaseLedger]:
    """Replay a plan, and the same made anew, on both engines; the first is the compiled one's."""
    ledger, engine = replay(plan, "compiled", residents=residents)
    assert engine == "compiled"
    return ledger, replay_simpy(again, residents=residents)


@settings(max_examples=CONFIGURATIONS, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_on_whatever_is_drawn(scenario: Scenario) -> None:
    plan = planned(scenario)
    if (reason := uncovered(plan)) is not None:
        event(reason)
        return
    assert_same(*both(plan, planned(scenario)))


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_on_batches_in_warm_caches(scenario: Scenario) -> None:
    assume(uncovered(planned(scenario)) is None)
    ours: Residents = ()
    theirs: Residents = ()
    for _ in range(2):
        compiled, simpy = both(planned(scenario), planned(scenario), ours)
        assert_same(compiled, simpy)
        ours, theirs = compiled.residents, simpy.residents
        assert ours == theirs


@pytest.mark.parametrize("mode", ["singular", "pipelined"])
@pytest.mark.parametrize("case", CASES, ids=[name for name, _, _ in CASES])
def test_on_every_golden_case(case: tuple[str, Scheme, Skipping], mode: Mode) -> None:
    _, scheme, skipping = case
    assert_same(*both(plan_tiny(scheme, skipping, mode), plan_tiny(scheme, skipping, mode)))


MACHINES = {
    "unified": {"caches": {"organisation": "unified", "unified_kib": 9.0}},
    "unified, pin": {"caches": {"organisation": "unified", "unified_kib": 10.0, "policy": "pin"}},
    "write back": {"caches": {"write_policy": "write_back"}},
    "write back, pin": {"caches": {"write_policy": "write_back", "policy": "pin", "activations_kib": 5.0}},
    "four channels": {"dram": {"standard": "HBM2", "channels": 4}},
    "two ranks, closed": {"dram": {"standard": "DDR4-2400", "ranks": 2, "page": "closed"}},
    "banks above columns": {"dram": {"standard": "DDR4-2400", "map": "RoRaCoBaBgCh"}},
    "one bank of sums": {"scratchpad": {"psum_banks": 1}},
    "enough banks": {"caches": {"banks": 16, "bank_words": 16}},
    "too few banks": {"caches": {"banks": 4, "bank_words": 16, "ports": 1}},
    "one step ahead": {"prefetch_passes": 1, "writeback_buffers": 1},
    "slow DRAM": {"dram": {"queue": 1}, "clock_mhz": 933.0},
}


@pytest.mark.parametrize("name", MACHINES)
def test_on_other_machines(name: str) -> None:
    machine: Hardware = hardware(SMALL.model_dump(), MACHINES[name])
    plans = [plan_tiny(Mime("neuron"), "per_position", hardware=machine) for _ in range(2)]
    assert_same(*both(*plans))


SCHEDULES = [
    Schedule(barrier="tile"),
    Schedule(batch_order="image_major", tile_order="position_outer"),
    Schedule(set_order="outer", position_tiles_per_pe=2),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=["tile", "image_major", "outer"])
def test_on_other_schedules(schedule: Schedule) -> None:
    plans = [plan_tiny(Piggyback(), "per_position", schedule=schedule) for _ in range(2)]
    assert_same(*both(*plans))


def test_kernels_are_compiled_for_one_set_of_types() -> None:
    """Else what is loaded beforehand is not what a replay calls, and it compiles unannounced."""
    from mimesim.engine.lookup_kernel import look_up
    from mimesim.engine.nest_kernel import expand
    from mimesim.engine.timing_kernel import run_phase

    replay(plan_tiny(Piggyback(), "per_position", schedule=Schedule(barrier="tile")), "compiled")
    replay(plan_tiny(Mime("neuron"), "per_position"), "compiled")
    for kernel in (expand, look_up, run_phase):
        assert len(getattr(kernel, "signatures")) == 1  # noqa: B009 - only the compiled ones have them
