"""Copies of blocks: as many as the machine fetches and fills, and every sum made with exactly one of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.faults.history import Batch, Replay
from mimesim.faults.residency import BatchCopies, Copies, walk
from mimesim.machine import replay
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Conventional, Mime, Pruned, Scheme
from tests.schedule.small import Masks, chain, conv, drawn_masks, hardware, plan, pool

TASKS = ("a", "b")
NETWORK = chain((3, 9, 7), conv(10), pool(2), conv(12, groups=2), {"kind": "linear", "channels": 5})
GRID = {"grid": {"positions": (2, 2), "channels": 4}, "scratchpad": {"weight_bank_words": 20, "bytes": 256}}
CACHES: dict[str, dict[str, Any]] = {
    "large": {},
    "small": {"weights_kib": 0.5, "thresholds_kib": 0.25},
    "unified": {"organisation": "unified", "unified_kib": 2.25},
    "unified, large": {"organisation": "unified", "unified_kib": 16},
    "unified, small": {"organisation": "unified", "unified_kib": 1.0},
    "pinned": {"weights_kib": 0.6, "thresholds_kib": 0.25, "policy": "pin"},
    "unified, outputs stay": {"organisation": "unified", "unified_kib": 2.25, "write_policy": "write_back"},
    # Large enough that outputs stay until they die, too small for the weights that come before they are dropped.
    "unified, outputs pushed out": {"organisation": "unified", "unified_kib": 3.0, "write_policy": "write_back"},
    "unified and pinned": {"organisation": "unified", "unified_kib": 2.0, "policy": "pin"},
}
SCHEDULES: tuple[dict[str, Any], ...] = (
    {},
    {"tile_order": "position_outer", "set_order": "outer"},
    {"position_tiles_per_pe": 3, "batch_order": "image_major"},
)
SCHEMES: tuple[Scheme, ...] = (Mime(), Mime("channel"), Conventional(), Pruned("bitmap"))


def machine(caches: str) -> Hardware:
    return hardware(GRID, {"caches": CACHES[caches]})


def planned(scheme: Scheme, caches: str, schedule: Mapping[str, Any], images: int = 4) -> CasePlan:
    masks = drawn_masks(NETWORK, TASKS, images, 0.5, 3)
    return plan(masks, machine(caches), scheme, tasks=TASKS, images=images, batch=3, **schedule)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("caches", CACHES)
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_the_machine_fetches_and_fills_as_many(scheme: Scheme, caches: str, schedule: dict[str, Any]) -> None:
    case = planned(scheme, caches, schedule)
    ledger = replay(case)
    fetched: Counter[tuple[int, str, str]] = Counter()
    filled: Counter[tuple[int, str]] = Counter()
    blocks = {
        block.address: block
        for kind in (case.placement.weights, case.placement.thresholds)
        for region in kind.values()
        for block in region.values()
    }
    for number, batch in enumerate(walk(case)):
        for name, copies in (("weights", batch.weights), ("thresholds", batch.thresholds)):
            for position, one in copies.items():
                layer = case.geometries[position].operation.name
                fetched[number, layer, name] += sum(blocks[int(a)].values for a in one.addresses[one.fresh])
        for position, one in batch.fills.items():
            layer = case.geometries[position].operation.name
            filled[number, layer] += sum(blocks[int(a)].filled for a in one.addresses)
    read: Counter[tuple[int, str, str]] = Counter()
    written: Counter[tuple[int, str]] = Counter()
    for phase in ledger.phases:
        for row in phase.rows.values():
            for (level, tensor, direction), words in row.words.items():
                if (level, direction) == ("dram", "read") and tensor in ("weights", "thresholds"):
                    read[phase.batch, phase.layer, tensor] += words
                if (level, tensor, direction) == ("reg", "weights", "write"):
                    written[phase.batch, phase.layer] += words
    assert +fetched == +read
    assert {key: words * case.hardware.grid.rows for key, words in filled.items()} == +written


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_every_sum_is_made_with_one_copy_of_each_block(scheme: Scheme, schedule: dict[str, Any]) -> None:
    case = planned(scheme, "small", schedule)
    for batch, found in zip(case.batches, walk(case), strict=True):
        for kind in (found.weights, found.fills, found.thresholds):
            for position, copies in kind.items():
                geometry = case.geometries[position]
                used: Counter[tuple[int, int, int]] = Counter()
                for copy in range(len(copies)):
                    for use in range(copies.starts[copy], copies.starts[copy + 1]):
                        for image in copies.members[copies.groups[use]]:
                            if image >= 0:
                                used[int(image), int(copies.tiles[use]), int(copies.blocks[copy])] += 1
                assert set(used.values()) == {1}
                if kind is found.thresholds:
                    each = len(geometry.channel_tiles)
                else:
                    each = sum(len(chunks) for chunks in geometry.chunks_of)
                assert len(used) == len(batch) * len(geometry.position_tiles) * each


def equal(one: Copies, other: Copies) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Copies))


def same(one: BatchCopies, other: BatchCopies) -> None:
    for mine, theirs in ((one.weights, other.weights), (one.fills, other.fills), (one.thresholds, other.thresholds)):
        assert mine.keys() == theirs.keys()
        for position in mine:
            assert equal(mine[position], theirs[position])


class Recorded(Masks):
    """Masks that answer, like a trace, how many images there are."""

    def entry(self, _task: str) -> Any:
        return type("Entry", (), {"images": 2})


@pytest.mark.parametrize("mode", ["pipelined", "singular"])
@pytest.mark.parametrize("caches", CACHES)
@pytest.mark.parametrize("scheme", SCHEMES[::2], ids=lambda scheme: scheme.name)
def test_walking_each_kind_of_batch_once_is_walking_all(scheme: Scheme, caches: str, mode: Any) -> None:
    tasks, images = ("a", "b"), 5
    masks: Any = Recorded(NETWORK)
    replayed = Replay(masks, scheme, "per_position", machine(caches), Schedule(), tasks, 3)
    batches: Sequence[Batch] = replayed.batches(tasks, mode, images)
    assert len(batches) == 4
    whole = plan(
        masks, machine(caches), scheme, tasks=tasks, batches=compose_batches(masks, tasks, mode, images, 3)
    )  # fmt: skip
    for one, other in zip(replayed.copies(batches), walk(whole), strict=True):
        same(one, other)


@pytest.mark.parametrize("kib", [2, 4, 5, 6, 7, 8, 10, 12])
@pytest.mark.parametrize("policy", ["lru", "pin"])
@pytest.mark.parametrize("organisation", ["private", "unified"])
def test_what_came_long_ago_counts_where_it_may_still_be_there(organisation: str, policy: str, kib: int) -> None:
    sizes = dict.fromkeys(("weights_kib", "activations_kib", "thresholds_kib", "unified_kib"), kib)
    one = hardware(GRID, {"caches": {"organisation": organisation, "policy": policy, **sizes}})
    masks: Any = Recorded(NETWORK)
    replayed = Replay(masks, Conventional(), "per_position", one, Schedule(), TASKS, 3)
    batches: list[Batch] = [((task, number),) for number, task in enumerate("aabababbaabbba")]
    whole = walk(replayed.plan([(task,) for ((task, _),) in batches]))
    for mine, theirs in zip(replayed.copies(batches), whole, strict=True):
        same(mine, theirs)
