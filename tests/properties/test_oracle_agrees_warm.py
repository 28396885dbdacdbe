"""The machine and the oracle agree on a batch that begins with what another one left in the caches."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, assume, given, settings

from mimesim.ledger import CaseLedger, Residents
from mimesim.machine import replay
from mimesim.machine.kinds import READS
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import Image
from mimesim.schedule.program import plan_case
from tests.oracle.interface import OracleResult
from tests.oracle.machine import simulate
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import DrawnMasks, DrawnScheme, assert_agree


def replayed(scenario: Scenario, residents: Residents) -> CaseLedger:
    """Run a scenario of one batch on the machine under test."""
    source = DrawnMasks(scenario)
    batch = [Image(index, image.task, index, source) for index, image in enumerate(scenario.batches[0])]
    plan = plan_case(
        scenario.network,
        DrawnScheme(scenario.case),
        scenario.case.skipping,
        scenario.hardware,
        scenario.schedule,
        [batch],
        scenario.tasks,
        CostBook(),
    )
    return replay(plan, residents=residents)


def simulated(scenario: Scenario, before: OracleResult | None) -> OracleResult:
    """Run it on the oracle."""
    return simulate(
        scenario.network,
        scenario.batches,
        scenario.tasks,
        scenario.hardware,
        scenario.schedule,
        scenario.case,
        residents=before.residents if before else (),
        held=before.held if before else None,
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(scenarios())
def test_batches_one_by_one_in_warm_caches(scenario: Scenario) -> None:
    assume(len(scenario.batches) > 1)
    words = scenario.hardware.burst_words
    oracle, residents = None, ()
    for batch in (*scenario.batches, scenario.batches[0]):
        alone = replace(scenario, batches=(batch,))
        oracle, ledger = simulated(alone, oracle), replayed(alone, residents)
        assert_agree(ledger, oracle)
        residents = ledger.residents
        caches = 1 if scenario.hardware.caches.organisation == "unified" else len(READS)
        assert [line[:3] for cache in residents[:caches] for line in cache] == [
            (entry.block.address, entry.block.slot_bursts * words, READS.index(entry.block.kind))
            for entry in oracle.residents
        ]
