"""The controller alone: when it looks up what, and what it asks DRAM for."""

from __future__ import annotations

from typing import Any

from mimesim.machine.cache import make_caches
from mimesim.machine.controller import Controller
from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS, WRITE_BACK
from mimesim.machine.lookups import Lookups
from mimesim.schedule.program import Phase
from tests.machine.rig import Rig, block, fill, job, phase, region
from tests.schedule.small import hardware

#: A burst is 32 words of 2 bytes.
BURST_KIB = 64 / 1024


class Walk:
    """The controller on a rig, with caches of so many bursts; passes, fills and jobs end when the test says."""

    def __init__(
        self,
        *phases: Phase,
        passes: Any = (),
        fills: Any = (),
        jobs: Any = (),
        closed: Any = (),
        writes: Any = (),
        bursts: tuple[int, int, int] = (100, 100, 100),
        **changes: Any,
    ) -> None:
        caches = dict(
            zip(("weights_kib", "activations_kib", "thresholds_kib"), (BURST_KIB * n for n in bursts), strict=True)
        )
        machine = hardware({"caches": caches}, changes)
        self.rig = rig = Rig(*phases)
        dram: Any = rig.dram
        rig.arrive(WRITE_BACK, *writes)
        rig.progress(rig.stream.passes_done, *passes)
        rig.progress(rig.stream.fills_done, *fills)
        rig.progress(rig.stream.jobs_done, *jobs)
        rig.progress(rig.stream.phases_done, *closed)
        self.lookups = Lookups(machine)
        self.part = Controller(rig.clock, machine, rig.stream, dram, self.lookups)
        self.ends = rig.watch(rig.stream.passes_looked_up)
        self.fill_ends = rig.watch(rig.stream.fills_looked_up)
        rig.clock.run()
        self.asked = rig.dram.submitted


def reading(*blocks: list[int]) -> list[Any]:
    """Return the lookups of passes that read these blocks of one tensor."""
    tensor = region(1000, blocks=8)
    return [[(tensor, numbers)] for numbers in blocks]


def test_one_step_a_pass() -> None:
    walk = Walk(phase([1] * 3), caches={"lookup_cycles": 4})

    assert walk.ends == [4, 8, 12]
    assert walk.part.busy_cycles == 12


def test_the_first_weights_of_a_phase_are_a_step_of_their_own() -> None:
    made = phase([1] * 2, fill_of=[0, 1], fills=[fill(block(0)), fill(block(5, 2))], lookups=reading([0], [1]))
    walk = Walk(made)

    # Weights 0..1, activations 1..2, then both 2..3.
    assert (walk.fill_ends, walk.ends) == ([1, 3], [2, 3])
    assert walk.asked == [
        (1, WEIGHTS, [(0, 1)]),
        (2, ACTIVATIONS, [(1000, 1)]),
        (3, WEIGHTS, [(5, 2)]),
        (3, ACTIVATIONS, [(1001, 1)]),
    ]


def test_the_controller_runs_no_further_ahead_than_it_may() -> None:
    # Pass p waits for pass p - 2.
    walk = Walk(phase([1] * 5), passes=[10, 20, 30, 40, 50], prefetch_passes=2)

    assert walk.ends == [1, 2, 11, 21, 31]


def test_a_distance_of_one_looks_up_pass_by_pass() -> None:
    assert Walk(phase([1] * 3), passes=[10, 20, 30], prefetch_passes=1).ends == [1, 11, 21]


def test_a_phase_waits_for_the_one_before_but_for_its_first_weights() -> None:
    first = phase([1], fill_of=[0], fills=[fill(block(0))])
    second = phase([1], fill_of=[0], fills=[fill(block(5))], lookups=reading([0]))
    walk = Walk(first, second, passes=[30], closed=[50])

    assert walk.fill_ends == [1, 3]
    assert walk.ends == [2, 51]
    # Without weights there is nothing to be early with.
    assert Walk(phase([1]), phase([1]), passes=[30], closed=[50]).ends == [1, 51]


def test_early_weights_keep_to_the_distance_too() -> None:
    first = phase([1], fill_of=[0], fills=[fill(block(0))])
    second = phase([1], fill_of=[0], fills=[fill(block(5))])
    walk = Walk(first, second, passes=[30], closed=[50], prefetch_passes=1)

    assert walk.fill_ends == [1, 31]


def test_what_was_fetched_is_not_fetched_again() -> None:
    walk = Walk(phase([1] * 3, lookups=reading([0, 1], [1, 0], [1, 2])))

    assert walk.asked == [(1, ACTIVATIONS, [(1000, 1), (1001, 1)]), (3, ACTIVATIONS, [(1002, 1)])]
    # A pass that hits needs no new request, but those that came before.
    assert walk.rig.runs[0].pass_data == [1, 1, 2]


def test_thresholds_are_looked_up_with_the_last_pass_of_their_job() -> None:
    jobs = [job(1, thresholds=[block(7), block(8)]), job(2, thresholds=[block(8)])]
    walk = Walk(phase([1] * 3, jobs=jobs))

    assert walk.asked == [(2, THRESHOLDS, [(7, 1), (8, 1)])]
    assert walk.rig.runs[0].job_data == [1, 1]


def test_one_step_asks_for_weights_then_activations_then_thresholds() -> None:
    made = phase(
        [1, 1],
        fill_of=[0, 1],
        fills=[fill(block(0)), fill(block(1))],
        jobs=[job(1, thresholds=[block(7)])],
        lookups=reading([], [3]),
    )

    assert [(cycle, kind) for cycle, kind, _ in Walk(made).asked][1:] == [
        (2 + 1, WEIGHTS),
        (2 + 1, ACTIVATIONS),
        (2 + 1, THRESHOLDS),
    ]


# Evictions wait for the last user of what leaves: the last fill, pass or drain job that needed it.


def test_an_evicted_activation_block_waits_for_its_pass() -> None:
    # Room for two: pass 2 evicts block 0, last used by pass 1; pass 3 evicts block 1, last used by pass 2.
    made = phase([1] * 4, lookups=reading([0], [1, 0], [1, 2], [3]))
    walk = Walk(made, passes=[10, 20, 30, 40], bursts=(100, 2, 100))

    assert walk.ends == [1, 2, 21, 31]


def test_an_evicted_weight_block_waits_for_its_fill_and_not_for_its_passes() -> None:
    fills = [fill(block(number)) for number in range(3)]
    made = phase([1] * 3, fill_of=[0, 1, 2], fills=fills)
    walk = Walk(made, fills=[15, 25, 35], passes=[100, 200, 300], bursts=(2, 100, 100))

    # Block 0 is free when fill 0 has ended.
    assert walk.ends == [2, 3, 16]


def test_an_evicted_threshold_block_waits_for_its_job() -> None:
    jobs = [job(number, thresholds=[block(number)]) for number in range(3)]
    walk = Walk(phase([1] * 3, jobs=jobs), jobs=[15, 25, 35], passes=[3, 4, 5], bursts=(100, 100, 1))

    assert walk.ends == [1, 16, 26]


def test_in_a_unified_cache_one_kind_evicts_another() -> None:
    # Four bursts: weights, activations, thresholds, and an activation block that evicts the weights (of fill 0).
    made = phase(
        [1, 1, 1],
        fill_of=[0, 0, 0],
        fills=[fill(block(0))],
        jobs=[job(1, thresholds=[block(7)])],
        lookups=reading([0], [1], [2]),
    )
    walk = Walk(
        made,
        fills=[40],
        passes=[50, 60, 70],
        jobs=[90],
        caches={"organisation": "unified", "unified_kib": 4 * BURST_KIB},
    )

    assert walk.ends == [2, 3, 41]


def test_what_left_is_fetched_again() -> None:
    made = phase([1] * 3, lookups=reading([0], [1], [0]))
    walk = Walk(made, passes=[10, 20, 30], bursts=(100, 1, 100))

    assert [runs for _, _, runs in walk.asked] == [[(1000, 1)], [(1001, 1)], [(1000, 1)]]


def test_pinned_blocks_are_passed_by() -> None:
    # Room for one: block 0 stays for the whole phase; 1 and 2 pass through without waiting for anybody.
    made = phase([1] * 4, lookups=reading([0], [1], [2], [0]))
    walk = Walk(made, bursts=(100, 1, 100), caches={"policy": "pin"})

    assert walk.ends == [1, 2, 3, 4]
    assert [runs for _, _, runs in walk.asked] == [[(1000, 1)], [(1001, 1)], [(1002, 1)]]


def test_a_pinned_weight_block_may_leave_with_the_next_channel_tile() -> None:
    fills = [fill(block(number)) for number in (0, 1, 2)]
    made = phase([1] * 3, fill_of=[0, 1, 2], fills=fills, scope=[0, 0, 1])
    walk = Walk(made, fills=[15, 25, 35], bursts=(1, 100, 100), caches={"policy": "pin"})

    # Block 1 passes by; block 2, in the next scope, evicts block 0.
    assert walk.ends == [2, 3, 16]


def test_scopes_of_the_next_phase_are_others_although_they_are_numbered_alike() -> None:
    first, second = (phase([1], lookups=reading([number])) for number in (0, 1))
    walk = Walk(first, second, passes=[10], closed=[20], bursts=(100, 1, 100), caches={"policy": "pin"})
    assert walk.ends == [1, 21]
    assert [runs for _, _, runs in walk.asked] == [[(1000, 1)], [(1001, 1)]]

    # Weights: block 1 takes the place of block 0, block 2 passes by, and block 1 is found again.
    first = phase([1], fill_of=[0], fills=[fill(block(0))])
    second = phase([1] * 3, fill_of=[0, 1, 2], fills=[fill(block(number)) for number in (1, 2, 1)])
    walk = Walk(first, second, fills=[5], passes=[10], closed=[20], bursts=(1, 100, 100), caches={"policy": "pin"})
    assert [runs for _, _, runs in walk.asked] == [[(0, 1)], [(1, 1)], [(2, 1)]]


def test_what_leaves_dram_is_booked_by_image() -> None:
    weights = fill(block(0, 3), image=-1)
    made = phase(
        [1, 1], fill_of=[0, 0], fills=[weights], lookups=reading([0, 1], [1, 2]), jobs=[job(1, thresholds=[block(7)])]
    )
    rows = Walk(made).rig.runs[0].phase.record.rows

    assert rows[-1].words == {("dram", "weights", "read"): 96, ("cache", "weights", "write"): 96}
    assert rows[-1].bursts == {("dram", "weights", "read"): 3}
    assert rows[0].words["dram", "activations", "read"] == rows[0].words["cache", "activations", "write"] == 96
    assert rows[0].words["dram", "thresholds", "read"] == 32
    assert rows[0].bursts["dram", "activations", "read"] == 3


def test_caches_have_the_words_of_their_size() -> None:
    private = make_caches(hardware({"caches": {"weights_kib": 1.5}}).caches, 16)
    assert [cache.capacity for cache in private] == [768, 26624, 26624]
    one, two, three = make_caches(hardware({"caches": {"organisation": "unified"}}).caches, 8)
    assert one is two is three
    assert one.capacity == 156 * 1024
