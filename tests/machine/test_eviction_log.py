"""What the log of evictions remembers from batch to batch."""

from __future__ import annotations

import numpy as np
import pytest

from mimesim.ledger import Eviction, EvictionCounts, PhaseRecord
from mimesim.machine import evictions, replay
from mimesim.machine.cache import Cache, no_victims
from mimesim.machine.evictions import EvictionLog, Use
from mimesim.schedule.blocks import StoredBlocks
from mimesim.schedule.memory_map import ActivationRegion
from mimesim.schemes import Mime
from tests.replays import SMALL, plan_tiny
from tests.schedule.small import hardware


def region() -> ActivationRegion:
    one = np.ones(1, dtype=np.int64)
    return ActivationRegion.of(0, StoredBlocks(one, one, one, 1), 0)


def test_a_dirty_block_of_the_batch_before_keeps_its_use_until_it_is_dropped() -> None:
    # The first weights of a batch are looked up before what died with the batch before is dropped.
    cache, blocks = Cache(8), region()
    log = EvictionLog([cache])
    log.begin(PhaseRecord(0, "conv", "conv", (0,)))
    number = log.number(Use("activations", "apples", "conv", blocks))
    cache.allocate([0], 8, 0, no_victims(), number)

    log.begin(PhaseRecord(1, "conv", "conv", (1,)))

    # Evicted dirty, it counts under the number of the same as outputs.
    assert log.use(number + 1).block is blocks


def test_what_no_cache_holds_is_forgotten_with_its_batch() -> None:
    log = EvictionLog([Cache(8)])
    log.begin(PhaseRecord(0, "conv", "conv", (0,)))
    number = log.number(Use("activations", "apples", "conv", region()))

    log.begin(PhaseRecord(1, "conv", "conv", (1,)))

    assert log.use(number).task == ""


@pytest.mark.parametrize("organisation", ["private", "unified"])
def test_counting_in_small_parts_changes_neither_rows_nor_their_order(
    organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = hardware(SMALL.model_dump(), {"caches": {"organisation": organisation, "unified_kib": 9.0}})

    def rows() -> list[list[tuple[Eviction, EvictionCounts]]]:
        ledger = replay(plan_tiny(Mime("neuron"), "per_position", hardware=machine))
        return [list(phase.evictions.items()) for phase in ledger.phases]

    whole = rows()
    monkeypatch.setattr(evictions, "_MANY", 8)
    assert rows() == whole
    assert sum(map(len, whole)) > 20
