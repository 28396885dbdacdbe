"""The least that every part needs: against hand-made phases, the parts' own counts, and whatever can be drawn."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from mimesim.bounds import BOUNDS, bytes_per_cycle, layer_bounds, main_bound, phase_bounds
from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.ledger import PhaseRecord
from mimesim.machine import replay
from mimesim.schemes import Conventional
from tests.oracle.bench import bench
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import replayed
from tests.replays import CASES, plan_tiny

DEFAULT = Hardware()


def hand_made(layer: str = "conv1", start: int = 0, end: int = 100) -> PhaseRecord:
    """Return a phase of 100 cycles that reads 20 + 10 bursts and writes 5."""
    phase = PhaseRecord(0, layer, "conv", (0,), start_cycle=start, end_cycle=end)
    row = phase.row(0)
    row.macs = 4000
    row.busy_cycles, row.stalls["dram"] = 60, 40
    row.bursts["dram", "weights", "read"] = 20
    row.bursts["dram", "activations", "read"] = 10
    row.bursts["dram", "outputs", "write"] = 5
    parts = phase.parts
    parts.compute, parts.feed, parts.weights, parts.drain, parts.lookups = 50, 30, 20, 11, 8
    return phase


def test_a_phase_by_hand() -> None:
    # 64 bytes in a cycle: a burst each. A fill port takes 32 words a cycle: a burst each.
    assert bytes_per_cycle(DEFAULT) == 64
    least = {"compute": 50, "dram": 35, "noc": 30, "drain": 11, "cache": 8}
    assert phase_bounds(hand_made(), DEFAULT) == least


def test_one_port_of_a_unified_cache_is_filled_by_all_streams() -> None:
    unified = Hardware.model_validate({"caches": {"organisation": "unified"}, "noc": {"fill_words_per_cycle": 16}})
    assert phase_bounds(hand_made(), unified)["noc"] == (20 + 10) * 2
    private = Hardware.model_validate({"noc": {"fill_words_per_cycle": 16}})
    assert phase_bounds(hand_made(), private)["noc"] == 20 * 2


def test_what_came_before_the_phase_does_not_bound_it() -> None:
    phase = hand_made()
    phase.parts.early_reads = 20
    assert phase_bounds(phase, DEFAULT)["dram"] == 15


def test_clocks_that_do_not_divide_are_rounded_up() -> None:
    slow = bench(dram={"clock_mhz": 150, "transfers": 4})
    # 35 bursts of 2 clocks at 3/4 of a clock in a cycle.
    assert phase_bounds(hand_made(), slow)["dram"] == -(-70 * 4 // 3)


def test_a_layer_is_the_sum_of_its_phases() -> None:
    first, second = hand_made(), hand_made(start=100, end=150)
    second.parts.drain = 90
    other = hand_made("conv2", 150, 180)
    layers = layer_bounds([first, second, other], DEFAULT)
    assert [layer.layer for layer in layers] == ["conv1", "conv2"]
    conv1 = layers[0]
    assert (conv1.phases, conv1.cycles, conv1.busy_cycles, conv1.stalls["dram"]) == (2, 150, 120, 80)
    assert (conv1.macs, conv1.bursts) == (8000, 70)
    assert conv1.reached == {"compute": 50, "drain": 90}
    assert (conv1.bound, conv1.cycles_at_best) == ("drain", 140)
    assert main_bound([first, second, other], DEFAULT) == ("compute", 190)


@pytest.mark.parametrize("barrier", ["pass", "tile"])
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_the_parts_count_what_they_work(case: tuple, barrier: str) -> None:
    _, scheme, skipping = case
    plan = plan_tiny(scheme, skipping, schedule=Schedule(barrier=barrier))
    ledger = replay(plan)
    parts = [phase.parts for phase in ledger.phases]
    assert sum(each.drain for each in parts) == ledger.busy["cmp"]
    early = [phase.fills[0].cycles for phase in plan.phases() if phase.fills][1:]
    assert sum(each.weights for each in parts) == ledger.busy["noc"] - sum(early)
    begun_apart = sum(bool(phase.fills) for phase in plan.phases())
    steps = ledger.passes + begun_apart
    lookups = sum(each.lookups for each in parts)
    assert lookups == ledger.busy["controller"] - begun_apart == steps - begun_apart
    # A pass lasts as long as its rows or its feed, whichever is longer: neither alone exceeds what the grid worked.
    for phase in ledger.phases:
        worked = sum(row.busy_cycles for row in phase.rows.values())
        assert max(phase.parts.compute, phase.parts.feed) <= worked <= phase.parts.compute + phase.parts.feed


def test_a_dense_machine_without_waits_reaches_its_bound() -> None:
    """Wide networks, an instant DRAM: all that is left over is filling and emptying the pipeline."""
    wide = {f"{name}_words_per_cycle": 4096 for name in ("weight", "activation", "threshold", "output")}
    noc = {**wide, "fill_words_per_cycle": 4096}
    hardware = bench(positions=(4, 4), channels=16, bank=72, noc=noc, dram={"burst_bytes": 4096})
    ledger = replay(plan_tiny(Conventional(), "none", hardware=hardware))
    for layer in layer_bounds(ledger.phases, hardware):
        if layer.kind == "conv":
            assert layer.bound == "compute"
            assert layer.parts["compute"] == layer.busy_cycles
            assert layer.cycles - layer.cycles_at_best <= 12 * layer.phases


@given(scenario=scenarios())
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_phase_is_shorter_than_its_bounds(scenario: Scenario) -> None:
    for phase in replayed(scenario).phases:
        elapsed = phase.end_cycle - phase.start_cycle
        least = phase_bounds(phase, scenario.hardware)
        assert tuple(least) == BOUNDS
        for part, cycles in least.items():
            assert 0 <= cycles <= elapsed, part
