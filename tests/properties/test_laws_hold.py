"""Whatever is drawn balances, and the walk of the caches that faults rest on makes the copies of the machine."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings

from mimesim.config.energy import Energy
from mimesim.conservation import energy_violations, violations
from mimesim.faults.residency import walk
from mimesim.machine import replay
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import planned, replayed

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@SETTINGS
@given(scenarios())
def test_the_second_count_finds_the_same(scenario: Scenario) -> None:
    plan = planned(scenario)
    ledger = replay(plan)

    assert violations(plan, ledger) == []
    assert energy_violations(ledger, Energy(), plan.hardware) == []


@SETTINGS
@given(scenarios(2, 8, 6))
def test_copies_are_those_of_the_machine(scenario: Scenario) -> None:
    plan, ledger = planned(scenario), replayed(scenario)
    placement = plan.placement
    blocks = {
        block.address: block
        for table in (placement.weights, placement.thresholds)
        for region in table.values()
        for block in region.values()
    }
    found: Counter[str] = Counter()
    for batch in walk(plan):
        for name, copies in (("weights", batch.weights), ("thresholds", batch.thresholds)):
            for one in copies.values():
                made = [blocks[int(address)] for address in one.addresses[one.fresh]]
                found[name] += sum(block.values for block in made if not block.in_envm)
        for one in batch.fills.values():
            found["filled"] += sum(blocks[int(address)].filled for address in one.addresses)

    words = ledger.words()
    assert found["weights"] == words["dram", "weights", "read"] - words["envm", "weights", "write"]
    assert found["thresholds"] == words["dram", "thresholds", "read"]
    assert found["filled"] * plan.hardware.grid.rows == words["reg", "weights", "write"]
