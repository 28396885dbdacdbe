"""A replay that begins with what another one left in the caches (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from collections import Counter

import pytest

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.conservation import violations
from mimesim.ledger import CaseLedger
from mimesim.machine import replay
from mimesim.machine.cache import NOBODY, Cache, no_victims
from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS
from mimesim.networks import build
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import Image
from mimesim.schedule.program import CasePlan, plan_case
from mimesim.schemes import Pruned
from tests.replays import CASES, SMALL, TASKS, HashedMasks

LARGE = SMALL.model_copy(
    update={"caches": SMALL.caches.model_copy(update={"weights_kib": 512.0, "thresholds_kib": 64.0})}
)
UNIFIED = SMALL.model_copy(
    update={"caches": SMALL.caches.model_copy(update={"organisation": "unified", "unified_kib": 12.0})}
)
PINNED = SMALL.model_copy(update={"caches": SMALL.caches.model_copy(update={"policy": "pin"})})

#: Two batches: two images of one task, then one of each.
FIRST, SECOND = [("apples", 0), ("apples", 1)], [("apples", 0), ("pears", 1), ("apples", 1)]
CASE_NAMES = [case[0] for case in CASES]


def plan(case: str, hardware: Hardware, *batches: list[tuple[str, int]]) -> CasePlan:
    scheme, skipping = next((scheme, skipping) for name, scheme, skipping in CASES if name == case)
    network = build("tiny", 8)
    source = HashedMasks(network, 0.4, pruned=isinstance(scheme, Pruned))
    made, index = [], 0
    for batch in batches:
        made.append([Image(index + place, task, number, source) for place, (task, number) in enumerate(batch)])
        index += len(batch)
    return plan_case(network, scheme, skipping, hardware, Schedule(), made, TASKS, CostBook())


def fetched(ledger: CaseLedger, batch: int) -> Counter[str]:
    """Return the words of each tensor that *batch* read from DRAM."""
    words: Counter[str] = Counter()
    for phase in ledger.phases:
        for row in phase.rows.values() if phase.batch == batch else ():
            for (level, tensor, way), count in row.words.items():
                if (level, way) == ("dram", "read"):
                    words[tensor] += count
    return words


@pytest.mark.parametrize("hardware", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("case", CASE_NAMES)
def test_a_warm_batch_fetches_what_the_second_batch_of_a_run_does(case: str, hardware: Hardware) -> None:
    together = replay(plan(case, hardware, FIRST, SECOND))
    first = replay(plan(case, hardware, FIRST))
    warm_plan = plan(case, hardware, SECOND)
    warm = replay(warm_plan, residents=first.residents)
    assert fetched(warm, 0) == fetched(together, 1)
    assert fetched(first, 0) == fetched(together, 0)
    assert violations(warm_plan, warm) == []
    assert warm.residents == together.residents


@pytest.mark.parametrize("hardware", [SMALL, LARGE, UNIFIED, PINNED], ids=["small", "large", "unified", "pinned"])
@pytest.mark.parametrize("case", CASE_NAMES)
def test_a_warm_batch_is_decided_by_what_it_finds(case: str, hardware: Hardware) -> None:
    begun = replay(plan(case, hardware, FIRST)).residents
    assert any(begun)
    once, again = (replay(plan(case, hardware, SECOND), residents=begun) for _ in range(2))
    assert once.cycles == again.cycles
    assert once.residents == again.residents
    cold = replay(plan(case, hardware, SECOND))
    assert replay(plan(case, hardware, SECOND), residents=()).cycles == cold.cycles
    assert sum(fetched(once, 0).values()) <= sum(fetched(cold, 0).values())
    assert {phase.layer: phase.pe.macs for phase in once.phases} == {p.layer: p.pe.macs for p in cold.phases}


@pytest.mark.parametrize("case", CASE_NAMES)
def test_what_fits_is_never_fetched_again(case: str) -> None:
    first = replay(plan(case, LARGE, SECOND))
    again = replay(plan(case, LARGE, SECOND), residents=first.residents)
    words = fetched(again, 0)
    assert not any(words[tensor] for tensor in ("weights", "index", "norm", "thresholds"))
    # Bitmap-pruned weights are so few that their fetches hide behind those of the activations.
    assert again.cycles < first.cycles or (case == "pruned-bitmap" and again.cycles == first.cycles)


def test_residents_are_parameters_in_the_order_of_their_last_use() -> None:
    cache = Cache(10)
    for address, kind in ((1, WEIGHTS), (2, ACTIVATIONS), (3, THRESHOLDS), (1, WEIGHTS)):
        cache.lookup(address, 2, kind, 0, no_victims())
    held = cache.held((WEIGHTS, THRESHOLDS))
    assert held == ((3, 2, THRESHOLDS, NOBODY), (1, 2, WEIGHTS, NOBODY))
    other = Cache(5, pin=True)
    other.hold(held)
    assert (other.used, 1 in other, 2 in other, 3 in other) == (4, True, False, True)
    other.enter(0, 0)
    victims = no_victims()
    # Their scope has ended and nobody uses them: even a pinning cache evicts them, without waiting.
    assert not other.lookup(9, 2, WEIGHTS, 0, victims)
    assert victims == no_victims()
    assert (3 in other, 1 in other) == (False, True)
