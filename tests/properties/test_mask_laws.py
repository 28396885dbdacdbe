"""What follows from the masks alone: MACs, busy cycles and written words."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimesim.ledger import CaseLedger
from mimesim.schemes import Conventional, Mime
from tests.oracle.interface import OracleImage
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import replayed
from tests.schedule.small import IDEAL, UNBANKED, Masks, busy_cycles, chain, conv, drawn_masks, hardware, run

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def macs(ledger: CaseLedger) -> int:
    return sum(row.macs for phase in ledger.phases for row in phase.rows.values())


def in_mode(scenario: Scenario, skipping: str) -> Scenario:
    """Return *scenario* in another mode, with no weight pruned."""
    return replace(scenario, case=replace(scenario.case, skipping=skipping, weight_masks=None, storage="dense"))


def all_ones(scenario: Scenario) -> Scenario:
    """Return *scenario* with masks of ones, and caches that also hold the bitmaps of another mode."""
    batches = tuple(
        tuple(OracleImage(i.task, {name: np.ones_like(mask) for name, mask in i.masks.items()}) for i in batch)
        for batch in scenario.batches
    )
    return replace(roomy(scenario), batches=batches)


def roomy(scenario: Scenario) -> Scenario:
    """Return *scenario* with caches from which nothing is evicted."""
    caches = {"weights_kib": 1e4, "activations_kib": 1e4, "thresholds_kib": 1e4, "unified_kib": 1e5}
    hardware = scenario.hardware
    return replace(scenario, hardware=hardware.model_copy(update={"caches": hardware.caches.model_copy(update=caches)}))


@SETTINGS
@given(scenarios(2, 8, 6), st.sampled_from(["per_position", "lockstep", "gate"]))
def test_masks_of_ones_cost_the_macs_of_the_dense_case_and_no_more_busy_cycles(scenario: Scenario, mode: str) -> None:
    dense = replayed(in_mode(all_ones(scenario), "none"))
    ones = replayed(in_mode(all_ones(scenario), mode))

    assert macs(ones) == macs(dense)
    assert dense.passes == ones.passes
    # Rows that skip save at least the taps in the padding. Where rows drift, what counts as busy depends on stalls.
    wide = scenario.hardware.noc.activation_words_per_cycle >= scenario.hardware.grid.rows
    if scenario.schedule.barrier == "pass" and (wide or mode != "lockstep"):
        assert busy_cycles(ones) <= busy_cycles(dense)


def test_counter_example_rows_in_step_are_slower_than_dense_ones_on_a_narrow_network() -> None:
    # 1x1 kernel, 3 channels, 4 positions, 3 words a cycle: rows in step need two cycles for each channel,
    # and lose what is left of the second; dense rows take their 12 words in 4 cycles.
    network = chain((1, 2, 2), conv(3, 1), conv(1, 1))
    narrow = hardware({"noc": {"activation_words_per_cycle": 3}})
    dense = run(Masks(network), narrow, Conventional(), "none")
    ones = run(Masks(network), narrow, Conventional(), "lockstep")

    assert [phase.rows[0].busy_cycles for phase in dense.phases] == [2 + 1, 4 + 1]
    assert [phase.rows[0].busy_cycles for phase in ones.phases] == [2 + 1, 6 + 1]


@SETTINGS
@given(scenarios(2, 8, 6), st.sampled_from(["per_position", "lockstep", "gate"]))
def test_masks_of_ones_are_written_with_their_bitmaps_and_nothing_else(scenario: Scenario, mode: str) -> None:
    dense = replayed(in_mode(all_ones(scenario), "none")).words()
    ones = replayed(in_mode(all_ones(scenario), mode)).words()

    # Everything useful is the same; only the bitmaps are more: read, filled, looked up and written.
    bitmaps = ("mask", "outputs_mask")
    assert {access: words for access, words in ones.items() if access[1] not in bitmaps} == dict(dense)


def test_counter_example_bitmaps_make_masks_of_ones_slower_where_memory_is_what_counts() -> None:
    # A 1x1 convolution of 8 channels reads and writes blocks of 128 words, 4 bursts; with a bitmap they take 136 words,
    # 5 bursts. With 4 outputs there is little to compute, so the bitmaps cost more cycles than any skipping saves.
    network = chain((8, 16, 16), conv(8, 1), conv(8, 1))
    dense = run(Masks(network), hardware(), Conventional(), "none")
    ones = run(Masks(network), hardware(), Conventional(), "per_position")

    assert busy_cycles(ones) == busy_cycles(dense)
    assert ones.bursts()["dram", "outputs", "write"] == 2 * 16 * 5
    assert dense.bursts()["dram", "outputs", "write"] == 2 * 16 * 4
    assert ones.cycles > dense.cycles


@SETTINGS
@given(scenarios(2, 8, 6), st.integers(0, 2**16))
def test_a_sparser_mask_never_costs_more(scenario: Scenario, seed: int) -> None:
    bits = np.random.default_rng(seed)
    sparser = tuple(
        tuple(OracleImage(i.task, {n: m & (bits.random(m.shape) < 0.7) for n, m in i.masks.items()}) for i in batch)
        for batch in scenario.batches
    )
    before, after = replayed(scenario), replayed(replace(scenario, batches=sparser))

    assert macs(after) <= macs(before)
    if scenario.schedule.barrier == "pass":
        assert busy_cycles(after) <= busy_cycles(before)
    words, fewer = before.words(), after.words()
    assert all(fewer[access] <= count for access, count in words.items())
    if scenario.case.skipping == "none":
        assert after.cycles == before.cycles


@SETTINGS
@given(st.integers(0, 2**16), st.sampled_from([1, 2, 3]), st.booleans())
def test_swapping_two_images_of_a_task_changes_no_mac_and_no_output_word(seed: int, size: int, share: bool) -> None:
    network = chain((4, 6, 6), conv(8), conv(6), {"kind": "linear", "channels": 5})
    masks = drawn_masks(network, ("a",), 3, 0.5, seed)
    swap = {0: 2, 1: 1, 2: 0}
    swapped = Masks(network, {(task, swap[n], name): mask for (task, n, name), mask in masks.masks.items()})
    scheme = Mime() if share else Conventional()

    def by_number(source: Masks) -> list[Counter[tuple[str, str]]]:
        found = [Counter() for _ in range(3)]
        for phase in run(source, hardware(), scheme, images=3, batch=size).phases:
            for image, row in phase.rows.items():
                if image >= 0:
                    found[image][phase.layer, "macs"] += row.macs
                    found[image][phase.layer, "outputs"] += row.words["dram", "outputs", "write"]
                    found[image][phase.layer, "mask"] += row.words["dram", "mask", "write"]
        return found

    before, after = by_number(masks), by_number(swapped)
    assert after == [before[2], before[1], before[0]]


@SETTINGS
@given(st.integers(0, 2**16), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_one_task_pipelined_is_singular(seed: int, images: int, size: int, share: bool) -> None:
    network = chain((4, 6, 6), conv(8), {"kind": "linear", "channels": 5})
    masks = drawn_masks(network, ("a",), images, 0.5, seed)
    scheme = Mime() if share else Conventional()

    singular, pipelined = (
        run(masks, hardware(), scheme, images=images, batch=size, mode=mode) for mode in ("singular", "pipelined")
    )
    assert singular == pipelined


@SETTINGS
@given(scenarios(2, 8, 6))
def test_rows_that_drift_are_never_slower_than_rows_in_step(scenario: Scenario) -> None:
    # Pure compute: memory and networks that answer at once, so that the barrier alone decides.
    ideal = roomy(scenario).hardware.model_dump()
    machine = hardware(ideal, {key: value for key, value in IDEAL.items() if key != "caches"}, UNBANKED)

    def cycles(barrier: str) -> int:
        schedule = scenario.schedule.model_copy(update={"barrier": barrier})
        return replayed(replace(scenario, hardware=machine, schedule=schedule)).cycles

    assert cycles("tile") <= cycles("pass")
