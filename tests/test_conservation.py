"""The conservation laws: the second count against loops, and every law against a ledger that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.conservation import violations
from mimesim.ledger import SHARED_IMAGE, CaseLedger
from mimesim.machine import replay
from mimesim.network import Node
from mimesim.recount import fan_out, recount_macs
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Mime, Pruned, Scheme
from tests.replays import CASES, SMALL, plan_tiny
from tests.schedule.small import hardware


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Node, tuple[int, int, int]]:
    """A conv node and the shape of what it reads."""
    groups = draw(st.sampled_from([1, 1, 2]))
    channels, outputs = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    size = (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    least = [max(0, -(-(k - s) // 2)) for k, s in zip(kernel, size, strict=True)]
    padding = (draw(st.integers(least[0], 3)), draw(st.integers(least[1], 3)))
    extents = [(s + 2 * p - k) // d + 1 for s, p, k, d in zip(size, padding, kernel, stride, strict=True)]
    node = Node(
        name="conv",
        kind="conv",
        inputs=("image",),
        shape=(outputs, *extents),
        kernel=kernel,
        stride=stride,
        padding=padding,
        groups=groups,
    )
    return node, (channels, *size)


def looped_macs(node: Node, mask: np.ndarray, weights: np.ndarray) -> int:
    """Count MACs the way a convolution is defined: output by output, tap by tap."""
    channels, height, width = mask.shape
    per_group, outputs = channels // node.groups, node.shape[0] // node.groups
    macs = 0
    for o, y, x in np.ndindex(*node.shape):
        for c, ky, kx in np.ndindex(per_group, *node.kernel):
            row, column = y * node.stride[0] - node.padding[0] + ky, x * node.stride[1] - node.padding[1] + kx
            if 0 <= row < height and 0 <= column < width:
                macs += bool(mask[o // outputs * per_group + c, row, column] and weights[o, c, ky, kx])
    return macs


@settings(max_examples=60, deadline=None)
@given(convolutions(), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_scatter_counts_what_loops_count(drawn: tuple[Node, tuple[int, int, int]], seed: int, density: float) -> None:
    node, shape = drawn
    random = np.random.default_rng(seed)
    mask = random.random(shape) < density
    weights = random.random((node.shape[0], shape[0] // node.groups, *node.kernel)) < 0.5
    whole, every = np.ones_like(mask), np.ones_like(weights)
    assert recount_macs(node, shape, mask) == looped_macs(node, mask, every)
    assert recount_macs(node, shape, mask, weights) == looped_macs(node, mask, weights)
    assert recount_macs(node, shape, None) == looped_macs(node, whole, every)
    assert recount_macs(node, shape, None, weights) == looped_macs(node, whole, weights)


def test_a_linear_layer_reads_every_element_once_per_output() -> None:
    node = Node(name="head", kind="linear", inputs=("image",), shape=(5, 1, 1))
    mask = np.zeros((2, 3, 3), dtype=np.bool_)
    mask[0, 1, 2] = mask[1, 0, 0] = True
    weights = np.zeros((5, 2, 3, 3), dtype=np.bool_)
    weights[3, 0, 1, 2] = weights[4, 0, 0, 0] = True
    assert recount_macs(node, (2, 3, 3), mask) == 10
    assert recount_macs(node, (2, 3, 3), mask, weights) == 1
    assert recount_macs(node, (2, 3, 3), None) == 90


def test_fan_out_by_hand() -> None:
    # Windows of three that begin at -1, 1 and 3: elements 1 and 3 lie under two of them.
    assert fan_out(5, 3, 3, 2, 1).tolist() == [1, 2, 1, 2, 1]
    assert fan_out(4, 4, 1, 1, 0).tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("mode", ["singular", "pipelined"])
@pytest.mark.parametrize(("scheme", "skipping"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_every_case_balances(scheme: Scheme, skipping: Skipping, mode: Mode) -> None:
    plan = plan_tiny(scheme, skipping, mode)
    assert violations(plan, replay(plan)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_order": "image_major"},
        {"tile_order": "position_outer", "position_tiles_per_pe": 2},
        {"set_order": "outer"},
        {"barrier": "tile"},
    ],
    ids=str,
)
def test_every_schedule_balances(changes: dict[str, object]) -> None:
    schedule = Schedule.model_validate(changes)
    for scheme in (Mime(), Pruned("bitmap")):
        plan = plan_tiny(scheme, "per_position", schedule=schedule)
        assert violations(plan, replay(plan)) == []


@pytest.mark.parametrize("organisation", ["private", "unified"])
@pytest.mark.parametrize("policy", ["lru", "pin"])
@pytest.mark.parametrize("order", ["layer_major", "image_major"])
def test_outputs_that_stay_in_a_cache_balance(organisation: str, policy: str, order: Any) -> None:
    caches = {"organisation": organisation, "policy": policy, "write_policy": "write_back", "unified_kib": 9.0}
    machine = hardware(SMALL.model_dump(), {"caches": caches | {"activations_kib": 6.0}})
    for scheme, skipping in ((Mime(), "per_position"), (Pruned("bitmap"), "none")):
        plan = plan_tiny(scheme, skipping, hardware=machine, schedule=Schedule(batch_order=order))
        ledger = replay(plan)
        words = ledger.words()
        assert words["cache", "outputs", "write"] > words["cache", "outputs", "read"]
        if order == "layer_major":
            assert words["cache", "outputs", "read"] > 0, "nothing is evicted dirty"
        assert violations(plan, ledger) == []


def test_a_block_evicted_in_the_phase_of_another_image_balances() -> None:
    plan = plan_tiny(
        Mime(),
        "per_position",
        hardware=hardware(SMALL.model_dump(), {"caches": {"write_policy": "write_back", "activations_kib": 6.0}}),
        schedule=Schedule(batch_order="image_major"),
    )
    ledger = replay(plan)
    phase = ledger.phases[1]
    stranger = next(image for image in (0, 1, 2) if image not in phase.images)
    phase.row(stranger).book("dram", "mask", "write", 3)
    assert any(
        f"image {stranger}: mask written by a phase of other images: 3 is not 0" in v for v in violations(plan, ledger)
    )


@pytest.fixture(scope="module")
def balanced() -> CasePlan:
    return plan_tiny(Mime(), "per_position")


def book(access: tuple[str, str, str], words: int, image: int = 0, layer: int = 1) -> Callable[[CaseLedger], None]:
    def tamper(ledger: CaseLedger) -> None:
        assert ledger.phases[layer].rows[image].words[access] > 0, "nothing to tamper with"
        ledger.phases[layer].rows[image].words[access] += words

    return tamper


def add(field: str, amount: int) -> Callable[[CaseLedger], None]:
    def tamper(ledger: CaseLedger) -> None:
        row = ledger.phases[1].rows[0]
        setattr(row, field, getattr(row, field) + amount)

    return tamper


def one_mac_more(ledger: CaseLedger) -> None:
    """Everything that follows from the MACs is right: only the recount can tell."""
    phase = ledger.phases[1]
    row = phase.rows[0]
    row.macs += 1
    for tensor, direction in (("weights", "read"), ("activations", "read"), ("psums", "read"), ("psums", "write")):
        row.words["reg", tensor, direction] += 1
    phase.pe.macs += 1
    phase.pe.imbalance -= 1


def late_end(ledger: CaseLedger) -> None:
    ledger.phases[-1].end_cycle += 1


def lost_cycles(ledger: CaseLedger) -> None:
    ledger.cycles -= 1


def lost_pe_cycle(ledger: CaseLedger) -> None:
    ledger.phases[1].pe.unmapped -= 1


def negative_imbalance(ledger: CaseLedger) -> None:
    pe = ledger.phases[1].pe
    pe.unmapped += pe.imbalance + 1
    pe.imbalance = -1


def negative_stall(ledger: CaseLedger) -> None:
    stalls = ledger.phases[1].rows[0].stalls
    stalls["drain"] += stalls["dram"] + 1
    stalls["dram"] = -1


def missing_burst(ledger: CaseLedger) -> None:
    ledger.phases[0].rows[SHARED_IMAGE].bursts["dram", "weights", "read"] -= 10


def skipped_layer(ledger: CaseLedger) -> None:
    ledger.phases[2].images = ledger.phases[2].images[1:]


def lost_weights(ledger: CaseLedger) -> None:
    ledger.stored_words["conv1", "shared", "weights"] -= 1


def lost_block(ledger: CaseLedger) -> None:
    ledger.cache_blocks["resident"] -= 1


def uncounted_eviction(ledger: CaseLedger) -> None:
    next(counts for phase in ledger.phases for counts in phase.evictions.values()).blocks -= 1


def refetched_twice(ledger: CaseLedger) -> None:
    counts = next(counts for phase in ledger.phases for counts in phase.evictions.values())
    counts.refetched_words = counts.words + 1


def refetched_more_than_read(ledger: CaseLedger) -> None:
    counts = next(counts for phase in ledger.phases for counts in phase.evictions.values())
    counts.words = counts.refetched_words = 10**9


def unallocated_output(ledger: CaseLedger) -> None:
    """One word more is evicted, and written, than was ever put into a cache: rows of others may hold it."""
    row = ledger.phases[1].row(2)
    row.book("cache", "outputs", "read", 10**6)
    row.book("dram", "outputs", "write", 10**6)


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        (one_mac_more, "batch 0, layer conv2: image 0: MACs, recounted"),
        (add("macs_dense", 1), "image 0: dense MACs, recounted"),
        (add("input_set", -1), "image 0: set inputs, recounted"),
        (add("output_set", 1), "image 0: set outputs, recounted"),
        (add("busy_cycles", 1), "busy and stalled cycles, elapsed"),
        (book(("dram", "activations", "read"), 1), "activations read from DRAM, filled into the cache"),
        (book(("cache", "mask", "write"), -1), "mask read from DRAM, filled into the cache"),
        (book(("dram", "outputs", "write"), 1), "outputs written, set outputs"),
        (book(("dram", "mask", "write"), 1), "mask words written, recounted"),
        (book(("reg", "outputs", "read"), 1), "sums drained, outputs"),
        (book(("reg", "psums", "write"), 1), "scratchpad psums write, MACs"),
        (book(("cache", "thresholds", "read"), 1), "thresholds loaded, recounted"),
        (book(("reg", "thresholds", "write"), 1), "scratchpad thresholds write, thresholds loaded"),
        (late_end, "run: cycles and the end of the last phase"),
        (lost_cycles, "run: cycles and the end of the last phase"),
        (lost_pe_cycle, "PE cycles by part, PEs x elapsed"),
        (negative_imbalance, "imbalance is negative: -1"),
        (negative_stall, "stall dram is negative: -1"),
        (missing_burst, "bursts of weights (read) are"),
        (skipped_layer, "image 0, layer depthwise: times it ran: 0 is not 1"),
        (lost_block, "run: blocks inserted in the caches, those that left or are resident"),
        (uncounted_eviction, "run: blocks evicted, by whom"),
        (refetched_twice, "evicted were fetched again"),
        (refetched_more_than_read, "words were fetched again, 72300 were read"),
        (unallocated_output, "words of outputs were evicted, 0 were written into a cache"),
        (lost_weights, "layer conv1: weights of shared in DRAM, recounted: 447 is not 448"),
    ],
)
def test_a_broken_law_is_named(balanced: CasePlan, tamper: Callable[[CaseLedger], None], broken: str) -> None:
    ledger = replay(balanced)
    tamper(ledger)
    found = violations(balanced, ledger)
    assert any(broken in violation for violation in found), found
