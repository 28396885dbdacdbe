"""Evictions against a plain replay of the lookups, and what must hold of them whatever is drawn.

The replay walks a case's program with lists and counts every block by itself; it knows nothing of time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mimesim.conservation import violations
from mimesim.ledger import CaseLedger
from mimesim.machine import replay
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Conventional, Mime, Scheme
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_memory_laws import changed
from tests.properties.test_oracle_agrees import planned, replayed
from tests.replays import CASES, SMALL, TASKS, plan_tiny
from tests.schedule.small import hardware

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

#: Kind, address, words in the cache, useful words, task.
Looked = tuple[str, int, int, int, str]


@dataclass
class Resident:
    """A block, and the layer that used it last."""

    looked: Looked
    layer: str


def lookups(plan: CasePlan) -> list[tuple[int, str, str, list[Looked]]]:
    """Return, for each pass of a case in order, its phase, layer, task and what it looks up."""
    burst = plan.hardware.burst_words
    found: list[tuple[int, str, str, list[Looked]]] = []
    for number, phase in enumerate(plan.phases()):
        previous = -1
        jobs = {job.after: job for job in phase.jobs}
        images = {image.index: image.task for group in phase.groups for image in group.images}
        for place, fill in enumerate(phase.fill):
            looked: list[Looked] = []
            if fill != previous:
                previous, needed = fill, phase.fills[fill]
                for block, owner in ((needed.block, needed.owner), (needed.mask, needed.view)):
                    if block is not None and not block.in_envm:
                        words = block.values + block.index + block.norm
                        looked.append(("weights", block.address, block.bursts * burst, words, str(owner)))
            for region, numbers in phase.lookups[place]:
                for index in numbers:
                    useful = int(region.stored.values[index] + region.stored.bitmap[index])
                    address = region.address + region.slot * index
                    looked.append(("activations", address, region.slot * burst, useful, images[region.image]))
            for use in jobs[place].thresholds if place in jobs else ():
                words = use.block.bursts * burst
                looked.append(("thresholds", use.block.address, words, use.block.values, use.task))
            tasks = {image.task for image in phase.groups[phase.group[place]].images}
            task = tasks.pop() if len(tasks) == 1 else "shared"
            found.append((number, phase.record.layer, task, looked))
    return found


def counted(plan: CasePlan) -> dict[tuple[Any, ...], list[int]]:
    """Return the table of evictions of a case with LRU caches that writes around, counted block by block."""
    caches, bits = plan.hardware.caches, plan.hardware.word_bits
    sizes = {kind: getattr(caches, f"{kind}_kib") for kind in ("weights", "activations", "thresholds")}
    if caches.organisation == "unified":
        sizes = dict.fromkeys(sizes, caches.unified_kib)
    resident: dict[str, list[Resident]] = {}
    gone: dict[int, tuple[Any, ...]] = {}
    rows: dict[tuple[Any, ...], list[int]] = {}
    before = None
    for phase, layer, task, looked in lookups(plan):
        for block in looked:
            kind, address, words, useful, owner = block
            cache = resident.setdefault("unified" if caches.organisation == "unified" else kind, [])
            hit = [other for other in cache if other.looked[1] == address]
            if hit:
                cache.remove(hit[0])
            elif address in gone:
                rows[gone.pop(address)][2] += useful
            while not hit and sum(other.looked[2] for other in cache) + words > sizes[kind] * 1024 * 8 / bits:
                victim = cache.pop(0)
                row = (phase, kind, owner, victim.looked[0], victim.looked[4], victim.layer, before or task, task)
                counts = rows.setdefault(row, [0, 0, 0])
                counts[0] += 1
                counts[1] += victim.looked[3]
                gone[victim.looked[1]] = row
            cache.append(Resident(block, layer))
        before = task
    return rows


def table(ledger: CaseLedger) -> dict[tuple[Any, ...], list[int]]:
    return {
        (number, *eviction): [counts.blocks, counts.words, counts.refetched_words]
        for number, phase in enumerate(ledger.phases)
        for eviction, counts in phase.evictions.items()
    }


@SETTINGS
@given(scenarios(2, 8, 6))
def test_a_plain_replay_evicts_the_same(scenario: Scenario) -> None:
    around = changed(scenario, {"caches": {"policy": "lru", "write_policy": "write_around"}})

    assert table(replayed(around)) == counted(planned(around))


@pytest.mark.parametrize("organisation", ["private", "unified"])
def test_a_plain_replay_of_the_tiny_network_evicts_the_same(organisation: str) -> None:
    machine = hardware(SMALL.model_dump(), {"caches": {"organisation": organisation, "unified_kib": 9.0}})
    for _, scheme, skipping in CASES:
        plan = plan_tiny(scheme, skipping, hardware=machine)
        found = table(replay(plan))
        assert found == counted(plan_tiny(scheme, skipping, hardware=machine))
        assert found, "nothing was evicted: the test is empty"


@SETTINGS
@given(scenarios(2, 8, 6))
def test_what_is_read_is_each_first_fetch_and_what_was_evicted_and_fetched_again(scenario: Scenario) -> None:
    lru = changed(scenario, {"caches": {"policy": "lru", "write_policy": "write_around"}})
    plan, ledger = planned(lru), replayed(lru)
    first = {address: useful for *_, looked in lookups(plan) for _, address, _, useful, _ in looked}
    again = sum(counts[2] for counts in table(ledger).values())

    read = sum(words for (level, _, way), words in ledger.words().items() if (level, way) == ("dram", "read"))
    # What tasks write over each other's words in on-chip memory passes no cache.
    rewritten = sum(words for (level, _, way), words in ledger.words().items() if (level, way) == ("envm", "write"))
    assert read == sum(first.values()) + again + rewritten


@SETTINGS
@given(scenarios(2, 8, 6), st.sampled_from([1.25, 2.0, 16.0]))
def test_a_larger_lru_cache_never_evicts_more(scenario: Scenario, factor: float) -> None:
    caches = scenario.hardware.caches
    names = ("weights_kib", "activations_kib", "thresholds_kib", "unified_kib")
    small = changed(scenario, {"caches": {"policy": "lru", "write_policy": "write_around"}})
    large = changed(small, {"caches": {name: getattr(caches, name) * factor for name in names}})

    assert replayed(large).cache_blocks["evicted"] <= replayed(small).cache_blocks["evicted"]


@SETTINGS
@given(scenarios(2, 8, 6))
def test_writing_back_never_writes_more_and_balances(scenario: Scenario) -> None:
    # Caches that hold what a drain allocates are drawn with the policy.
    assume(scenario.hardware.caches.write_policy == "write_back")
    ledger = replayed(scenario)
    words = replayed(changed(scenario, {"caches": {"write_policy": "write_around"}})).words()
    for tensor in ("outputs", "mask"):
        assert ledger.words()["dram", tensor, "write"] <= words["dram", tensor, "write"]
    # Blocks are allocated once, so each is written at most once.
    assert violations(planned(scenario), ledger) == []


def test_tasks_throw_out_each_others_weights_but_with_mime_only_those_of_their_heads() -> None:
    def across(scheme: Scheme) -> Counter[tuple[str, str, str]]:
        """Return the words fetched again after a block of another task took their place, by kinds and layer."""
        found: Counter[tuple[str, str, str]] = Counter()
        for phase in replay(plan_tiny(scheme, "per_position")).phases:
            for eviction, counts in phase.evictions.items():
                if eviction.across_tasks and eviction.at_task_switch:
                    found[eviction.by_kind, eviction.victim_kind, eviction.victim_layer] += counts.refetched_words
        return +found

    network = plan_tiny(Mime(), "per_position").network
    heads = {node.name for node in network.weight_layers if Mime().parameters(node, TASKS[0]).weights_owner == TASKS[0]}
    conventional, mime = across(Conventional()), across(Mime())
    weights = {layer for by, victim, layer in conventional if (by, victim) == ("weights", "weights")}
    assert weights - heads, "tasks refetch weights that another task threw out"
    assert {layer for by, victim, layer in mime if "weights" in (by, victim)} <= heads
    # What is left to throw out is what the tasks own.
    assert any(victim in ("activations", "thresholds") for _, victim, _ in mime)
