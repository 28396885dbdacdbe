"""The PE grid alone: when passes start, and what a stall is attributed to, case by case."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mimesim.config.schedule import Schedule
from mimesim.machine.kinds import ACTIVATIONS, WEIGHTS
from mimesim.machine.pe_grid import PEGrid
from mimesim.schedule.program import Phase
from tests.machine.rig import Rig, block, fill, job, phase
from tests.schedule.small import hardware

FILLS = [fill(block(number)) for number in range(4)]


class Grid:
    """A grid on a rig; everything that is not held back is there from cycle 0."""

    def __init__(self, *phases: Phase, barrier: str = "pass", psum_banks: int = 2, **held: Any) -> None:
        self.rig = rig = Rig(*phases)
        passes, fills = sum(len(p.cycles) for p in phases), sum(len(p.fills) for p in phases)
        for run in rig.runs:
            run.pass_data.extend(held.get("pass_data", [0] * len(run.phase.cycles)))
            run.fill_data.extend(held.get("fill_data", [1] * len(run.phase.fills)))
        machine = hardware({"grid": {"positions": (2, 2), "channels": 2}, "scratchpad": {"psum_banks": psum_banks}})
        dram: Any = rig.dram
        rig.arrive(WEIGHTS, *held.get("weights", [0]))
        rig.arrive(ACTIVATIONS, *held.get("activations", []))
        rig.progress(rig.stream.passes_looked_up, *held.get("lookups", [0] * passes))
        rig.progress(rig.stream.fills_done, *held.get("filled", [0] * fills))
        rig.progress(rig.stream.jobs_done, *held.get("drained", []))
        self.part = PEGrid(rig.clock, machine, Schedule(barrier=barrier), rig.stream, dram)  # type: ignore[arg-type]
        self.ends = rig.watch(rig.stream.passes_done)
        for number, cycle in enumerate(held.get("closed", [1000 * n for n in range(1, len(phases) + 1)])):
            rig.at(cycle, lambda number=number: rig.stream.close(number))
        rig.clock.run()

    def stalls(self, image: int = 0, number: int = 0) -> dict[str, int]:
        """Return the stalls of one image, without what follows its last pass."""
        record = self.rig.runs[number].phase.record
        found: Counter[str] = Counter(record.row(image).stalls)
        if image == record.images[-1]:
            found["drain"] -= record.end_cycle - self.last_end(number)
        return dict(+found)

    def last_end(self, number: int) -> int:
        run = self.rig.runs[number]
        return self.ends[run.first_pass + len(run.phase.cycles) - 1]


def test_passes_follow_each_other() -> None:
    grid = Grid(phase([5, 3, 7]))

    assert grid.ends == [5, 8, 15]
    assert grid.stalls() == {}
    assert grid.part.busy_cycles == 15


# The second pass could start at 10, after the first. Lookup, activations, weights, the fill: the times at which each is
# there; and what the stall is attributed to.
@pytest.mark.parametrize(
    ("lookup", "data", "weights", "filled", "start", "stalls"),
    [
        (0, 0, 0, 0, 10, {}),
        (10, 10, 10, 10, 10, {}),
        (13, 0, 0, 0, 13, {"cache": 3}),
        (0, 14, 0, 0, 14, {"dram": 4}),
        (0, 0, 13, 15, 15, {"dram": 3, "noc": 2}),
        (0, 0, 0, 16, 16, {"noc": 6}),
        (11, 13, 12, 17, 17, {"cache": 1, "dram": 2, "noc": 4}),
        (12, 11, 11, 11, 12, {"cache": 2}),  # what came earlier takes nothing
        (12, 15, 13, 14, 15, {"cache": 2, "dram": 3}),  # the fill ended while the data were on their way
        (11, 18, 12, 15, 18, {"cache": 1, "dram": 7}),
    ],
)
def test_a_stall_is_attributed_in_order(
    lookup: int, data: int, weights: int, filled: int, start: int, stalls: dict[str, int]
) -> None:
    grid = Grid(
        phase([10, 5], fill_of=[0, 1], fills=FILLS[:2]),
        fill_data=[1, 2],
        pass_data=[0, 1],
        lookups=sorted([0, lookup]),
        activations=[data],
        weights=[0, weights],
        filled=[0, filled],
    )

    assert grid.ends == [10, start + 5]
    assert grid.stalls() == stalls


def test_a_bank_of_partial_sums_is_free_when_it_is_drained() -> None:
    # Three accumulations of one pass each and two banks: the third waits for the job of the first.
    jobs = [job(0), job(1), job(2)]
    made = phase([4, 4, 4, 4], accumulation=[0, 1, -1, 2], jobs=[job(0), job(2), job(3)])

    grid = Grid(made, drained=[20, 30, 40])
    assert grid.ends == [4, 8, 12, 24]
    assert grid.stalls() == {"drain": 8}
    # With one bank the second waits for the first at 20, the third for the second at 30.
    single = Grid(phase([4, 4, 4], accumulation=[0, 1, 2], jobs=jobs), drained=[20, 30, 40], psum_banks=1)
    assert single.ends == [4, 24, 34]


def test_banks_are_counted_over_the_whole_run() -> None:
    # One accumulation and one job in each of three phases.
    phases = [phase([4], jobs=[job(0)]) for _ in range(3)]
    grid = Grid(*phases, drained=[30, 40, 50], closed=[5, 11, 200])

    # The third phase, begun at 11, waits for the job of the first.
    assert grid.ends == [4, 9, 34]
    assert grid.stalls(number=2) == {"drain": 19}


def test_drain_is_what_the_other_causes_leave() -> None:
    made = phase([4, 4, 4], accumulation=[0, 1, 2], jobs=[job(0), job(1), job(2)])
    grid = Grid(made, lookups=[0, 0, 13], drained=[20, 30, 40])

    assert grid.ends == [4, 8, 24]
    assert grid.stalls() == {"cache": 5, "drain": 7}


def test_the_wait_for_the_end_of_the_phase_belongs_to_the_last_pass() -> None:
    made = phase([4, 4], images=[[0], [1]], group=[0, 1])
    grid = Grid(made, closed=[50])
    record = grid.rig.runs[0].phase.record

    assert (record.start_cycle, record.end_cycle) == (0, 50)
    assert dict(record.row(0).stalls) in ({}, dict.fromkeys(("cache", "dram", "noc", "drain"), 0))
    assert record.row(1).stalls["drain"] == 42


def test_the_first_pass_of_a_phase_waits_from_its_start() -> None:
    grid = Grid(phase([4]), phase([4]), closed=[20, 60], lookups=[0, 23])

    assert grid.ends == [4, 27]
    assert grid.stalls(number=1) == {"cache": 3}
    assert grid.rig.runs[1].phase.record.start_cycle == 20


def test_images_that_share_a_pass_share_its_cycles() -> None:
    # 5 + 5 busy cycles and 5 of stall among three images: 4, 3, 3 and 3, 1, 1.
    grid = Grid(phase([5, 5], images=[[4, 7, 9]]), lookups=[0, 10])
    record = grid.rig.runs[0].phase.record

    assert [record.row(index).busy_cycles for index in (4, 7, 9)] == [4, 3, 3]
    assert [record.row(index).stalls["cache"] for index in (4, 7, 9)] == [3, 1, 1]


def test_pe_cycles_are_accounted_for() -> None:
    # 8 PEs; passes of 5 and 7 cycles on 6 and 4 of them.
    made = phase([5, 7], mapped_pes=[6, 4])
    made.record.pe.macs, made.record.pe.gated = 20, 3
    grid = Grid(made)
    pe = grid.rig.runs[0].phase.record.pe

    assert pe.swap == 8 * 2
    assert pe.unmapped == 2 * 4 + 4 * 6
    # The rest: 8 x 12 cycles less 20 MACs, 3 gated, 16 and 32.
    assert pe.imbalance == 96 - 20 - 3 - 16 - 32
    assert pe.total() == 96


# barrier: tile. Rows of cycles, without the swap: F(r, p) = max(F(r, p - 1), ready(p)) + d(r) + 1.


def drifting(rows: list[list[int]], feed: list[int], **options: Any) -> Phase:
    """Return a phase of passes whose rows may drift; *feed* with the swap, as the program has it."""
    cycles = [max(*row, network - 1) + 1 for row, network in zip(rows, feed, strict=True)]
    return phase(cycles, rows=rows, feed_cycles=feed, **options)


def test_rows_wait_for_each_other_only_at_the_end_of_a_tile() -> None:
    # Row 0: 10, 1; row 1: 1, 10. In step: 11 + 11. Drifting: row 0 ends at 11, 13; row 1 at 2, 13.
    rows = [[10, 1], [1, 10]]

    assert Grid(drifting(rows, [1, 1]), barrier="tile").ends == [11, 13]
    assert Grid(drifting(rows, [1, 1])).ends == [11, 22]


def test_a_new_accumulation_begins_with_all_rows() -> None:
    # The second pass starts a new tile at 11, so row 1 ends at 22.
    made = drifting([[10, 1], [1, 10]], [1, 1], accumulation=[0, 1])

    assert Grid(made, barrier="tile").ends == [11, 22]


def test_a_new_accumulation_begins_with_the_network_too() -> None:
    # The network is idle from 1 to 11, but the words of the second tile follow the end of the first: 11 + 9.
    made = drifting([[10, 1], [1, 1]], [1, 9], accumulation=[0, 1])

    assert Grid(made, barrier="tile").ends == [11, 20]


def test_a_pass_is_busy_from_the_end_of_the_one_before_or_when_it_is_ready() -> None:
    # Pass 1 is ready at 5 (its rows begin then: row 0 at 11, row 1 at 5): ends at max(11 + 2, 5 + 11) = 16.
    grid = Grid(drifting([[10, 1], [1, 10]], [1, 1]), barrier="tile", lookups=[0, 5])
    assert grid.ends == [11, 16]
    assert grid.stalls() == {}
    assert grid.part.busy_cycles == 11 + 5
    # Ready at 14, after the end of pass 0: a stall of 3, then 11 cycles.
    late = Grid(drifting([[10, 1], [1, 10]], [1, 1]), barrier="tile", lookups=[0, 14])
    assert late.ends == [11, 25]
    assert late.stalls() == {"cache": 3}
    assert late.part.busy_cycles == 11 + 11


def test_the_activation_network_drifts_too() -> None:
    # Rows end at 3 and 6; the network takes 9 and 2: 9, 11.
    assert Grid(drifting([[2, 2], [2, 2]], [9, 2]), barrier="tile").ends == [9, 11]


def test_a_row_without_words_still_swaps() -> None:
    # The network is done at 2: the slow row has nothing in the second pass, and swaps once more all the same.
    assert Grid(drifting([[0], [0]], [1, 1]), barrier="tile").ends == [1, 2]
    assert Grid(drifting([[10], [0]], [1, 1]), barrier="tile").ends == [11, 12]


def test_rows_that_wait_for_data_are_not_held_by_the_grid() -> None:
    # Pass 1 waits for activations until 20, although all rows were free at 3: dram.
    grid = Grid(drifting([[2, 2], [2, 2]], [1, 1]), barrier="tile", pass_data=[0, 1], activations=[20])

    assert grid.ends == [3, 23]
    assert grid.stalls() == {"dram": 17}
