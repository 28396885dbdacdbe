from __future__ import annotations

from typing import Any

from mimesim.machine.kinds import WEIGHTS
from mimesim.machine.weight_loader import WeightLoader
from tests.machine.rig import Rig, block, fill, phase
from tests.schedule.small import hardware


def loader(rig: Rig, data: list[int]) -> tuple[WeightLoader, list[int]]:
    """Return the loader and the ends of its fills; fill k needs the first data[k] requests."""
    rig.runs[0].fill_data.extend(data)
    dram: Any = rig.dram
    made = WeightLoader(rig.clock, hardware(), rig.stream, dram)
    return made, rig.watch(rig.stream.fills_done)


def fills(*cycles: int) -> list[Any]:
    return [fill(block(number), length) for number, length in enumerate(cycles)]


def test_a_fill_starts_when_it_is_looked_up_and_its_data_is_there() -> None:
    rig = Rig(phase([1, 1], fill_of=[0, 1], fills=fills(10, 10)))
    made, ends = loader(rig, [1, 2])
    rig.progress(rig.stream.fills_looked_up, 3, 4)
    rig.arrive(WEIGHTS, 7, 30)
    rig.clock.run()

    # The data of the first arrive at 7; those of the second at 30, long after the first fill ended.
    assert ends == [17, 40]
    assert made.busy_cycles == 20


def test_a_block_that_was_resident_waits_for_its_lookup_alone() -> None:
    rig = Rig(phase([1, 1], fill_of=[0, 1], fills=fills(10, 10)))
    _, ends = loader(rig, [1, 1])
    rig.progress(rig.stream.fills_looked_up, 3, 25)
    rig.arrive(WEIGHTS, 4)
    rig.clock.run()

    assert ends == [14, 35]


def test_fills_come_one_after_the_other() -> None:
    rig = Rig(phase([1, 1], fill_of=[0, 1], fills=fills(10, 5)))
    _, ends = loader(rig, [1, 1])
    rig.progress(rig.stream.fills_looked_up, 0, 0)
    rig.arrive(WEIGHTS, 0)
    rig.clock.run()

    assert ends == [10, 15]


def test_a_bank_is_overwritten_only_when_its_passes_have_ended() -> None:
    # Fill 0 serves passes 0 to 2, fill 1 pass 3, fill 2 pass 4, fill 3 pass 5.
    rig = Rig(phase([1] * 6, fill_of=[0, 0, 0, 1, 2, 3], fills=fills(2, 2, 2, 2)))
    _, ends = loader(rig, [0, 0, 0, 0])
    rig.progress(rig.stream.fills_looked_up, 0, 0, 0, 0)
    rig.progress(rig.stream.passes_done, 20, 30, 40, 50, 60, 70)
    rig.clock.run()

    # Fill 2 waits for pass 2 (of fill 0) at 40, fill 3 for pass 3 (of fill 1) at 50.
    assert ends == [2, 4, 42, 52]


def test_the_banks_are_shared_by_the_phases() -> None:
    # Fill 0 and 1 are of the first phase; fill 2, of the second, waits for pass 0, fill 3 for passes 1 and 2.
    rig = Rig(phase([1] * 3, fill_of=[0, 1, 1], fills=fills(2, 2)), phase([1] * 2, fill_of=[0, 1], fills=fills(2, 2)))
    rig.runs[1].fill_data.extend([0, 0])
    _, ends = loader(rig, [0, 0])
    rig.progress(rig.stream.fills_looked_up, 0, 0, 0, 0)
    rig.progress(rig.stream.passes_done, 20, 30, 40)
    rig.clock.run()

    assert ends == [2, 4, 22, 42]


def test_a_phase_without_weights_is_passed_over() -> None:
    rig = Rig(phase([1]), phase([1], fill_of=[0], fills=fills(2)))
    rig.runs[1].fill_data.append(0)
    _, ends = loader(rig, [])
    rig.progress(rig.stream.fills_looked_up, 9)
    rig.clock.run()

    assert ends == [11]
