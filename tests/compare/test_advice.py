"""Advice on tables made by hand: who is taken, who is named beside it, and with which numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mimesim.compare import Advice, Constraints
from mimesim.compare.advice import Evidence, advise
from mimesim.compare.growth import Growth
from mimesim.compare.suite import Replay
from tests.compare.made import MIXED, TASKS, comparison, point

#: Of 2,000 test images and two tasks, 70 % has an interval of 1.4 points, a difference one of 2.0.
BEST = point("best", 0.70, [40e6, 8192, 4e6, 4000])
NEAR = point("near", 0.69, [20e6, 8192, 3e6, 2000])
FAR = point("far", 0.60, [10e6, 4096, 1e6, 1000])


def line(lines: list[Advice], beginning: str) -> Advice:
    (found,) = [one for one in lines if one.aim.startswith(beginning)]
    return found


def test_those_that_cannot_be_told_apart_are_named_together() -> None:
    lines = comparison([NEAR, FAR, BEST]).advice
    assert lines[0].cases == ("best", "near")
    assert lines[0].text == (
        "Most accurate in the mean: best or near. best measured 70.0 ± 1.4 %; not told apart from it: near 69.0 ± "
        "1.4 %."
    )


def test_the_cheapest_within_the_loss_is_taken_with_its_numbers() -> None:
    lines = comparison([BEST, NEAR, FAR]).advice
    assert line(lines, "Least energy, tasks mixed, at most").text == (
        "Least energy, tasks mixed, at most 2 points below the best accuracy: near. 20.0 Mmac per image, 69.0 ± 1.4 %, "
        "1.0 ± 2.0 points below best (within 2 as measured, not for sure); its weakest task, pears, is 1.0 below the "
        "best there; not told apart from it in accuracy: best (40.0 Mmac per image)."
    )
    assert line(lines, "Highest throughput").cases == ("near",)
    assert line(lines, "Highest throughput").told.startswith("2 kcycles per image, 100000.0 images/s, 69.0")
    assert line(lines, "Least DRAM traffic").cases == ("near",)


@pytest.mark.parametrize(("points", "case"), [(0.0, "best"), (0.9, "best"), (1.0, "near"), (9.9, "near"), (10, "far")])
def test_the_loss_is_the_users(points: float, case: str) -> None:
    lines = comparison([BEST, NEAR, FAR], Constraints(max_loss=points / 100)).advice
    found = line(lines, "Least energy, tasks mixed, at most")
    assert found.cases == (case,)
    assert f"at most {points:g} points below" in found.aim


def test_a_weak_task_is_told() -> None:
    uneven = point("uneven", (0.60, 0.80), [1e6, 1024, 1, 1])
    told = line(comparison([BEST, uneven]).advice, "Least energy, tasks mixed, at most").told
    assert "0.0 ± 2.0 points below best" in told
    assert "its weakest task, apples, is 10.0 below the best there" in told


def test_storage_is_told_for_all_tasks_and_beyond() -> None:
    growth = [Growth("best", (4096, 8192), (0, 0)), Growth("near", (8000, 8300), (0, 0))]
    lines = comparison([BEST, NEAR], growth=growth).advice
    assert line(lines, "Least storage for 2 tasks, at most").cases == ("best",)
    further = line(lines, "Least storage for 10 tasks, extrapolated, at most")
    assert further.cases == ("near",)
    assert "10.4 KiB" in further.told  # 8300 + 8 * 300 bytes
    assert "best (40.0 KiB)" in further.told


def test_a_budget_of_storage() -> None:
    growth = [Growth("best", (4096, 8192), (0, 0)), Growth("far", (2048, 3072), (0, 0))]
    lines = comparison([BEST, FAR], Constraints(storage=6144), growth=growth).advice
    assert line(lines, "Within 6.0 KiB for 2 tasks").text == (
        "Within 6.0 KiB for 2 tasks: far. far measured 60.0 ± 1.5 %. far needs 3.0 KiB. There is room for 5 tasks of "
        "it, extrapolated."
    )
    none = line(comparison([BEST, FAR], Constraints(storage=1000), growth=growth).advice, "Within")
    assert (none.cases, none.told) == ((), "The smallest, far, needs 3.0 KiB.")


def test_a_floor_tells_what_is_above_it_for_sure() -> None:
    lines = comparison([BEST, NEAR, FAR], Constraints(floor=0.685)).advice
    assert line(lines, "Least energy with at least 68.5 % in the mean").told == (
        "20.0 Mmac per image, 69.0 ± 1.4 %, which is above the floor as measured, not for sure; for sure: best, "
        "40.0 Mmac per image, 70.0 ± 1.4 %."
    )
    none = line(comparison([BEST, FAR], Constraints(floor=0.9)).advice, "Least energy with at least")
    assert (none.cases, none.told) == ((), "The best, best, measured 70.0 ± 1.4 %.")


def test_every_floor_of_accuracy_has_its_cheapest() -> None:
    worse = replace(FAR, case="worse", values=replace(FAR.values, energy=15e6))
    found = line(comparison([BEST, NEAR, worse, FAR]).advice, "Least energy, tasks mixed, by floor")
    assert found.cases == ("far", "near", "best")
    assert found.text == (
        "Least energy, tasks mixed, by floor of accuracy as measured: up to 60.0 % far (10.0 Mmac per image); up to "
        "69.0 % near (20.0 Mmac per image); up to 70.0 % best (40.0 Mmac per image)."
    )


def test_latency_is_that_of_the_slowest_task() -> None:
    replays = [Replay(f"singular-{task}-single", "singular", (task,), 1, single=True) for task in TASKS]
    cycles = {("best", "apples"): 100, ("best", "pears"): 400, ("near", "apples"): 300, ("near", "pears"): 200}
    others = [
        [point(name, 0.7, [1, 1, 1, cycles[name, task]], replay=replay) for name in ("best", "near")]
        for task, replay in zip(TASKS, replays, strict=True)
    ]
    lines = comparison([BEST, NEAR], others=others).advice
    found = line(lines, "Least latency of a single image (of the slowest task)")
    assert found.cases == ("near",)
    assert found.told.startswith("0.0015 ms, 69.0")  # 300 cycles at 200 MHz


def test_tasks_one_after_the_other_have_a_line_of_their_own() -> None:
    apart = Replay("singular", "singular", TASKS, 3)
    others = [[replace(BEST, replay=apart), replace(NEAR, replay=apart, values=BEST.values)]]
    others[0][0] = replace(others[0][0], values=FAR.values)
    lines = comparison([BEST, NEAR], others=others).advice
    assert line(lines, "Least energy, one task after the other").cases == ("best",)
    assert "(the best)" in line(lines, "Least energy, one task after the other").told
    assert line(lines, "Least energy, tasks mixed, at most").cases == ("near",)


def test_without_any_accuracy_costs_decide() -> None:
    bare = [replace(one, tested=tuple(each._replace(accuracy=None) for each in one.tested)) for one in (BEST, FAR)]
    lines = comparison(bare, Constraints(storage=5000, floor=0.5)).advice
    assert lines[0].text.startswith("Accuracy unknown: no trace says")
    assert line(lines, "Least energy, tasks mixed").text == (
        "Least energy, tasks mixed: far. 10.0 Mmac per image; next best with 40.0 Mmac per image."
    )
    assert line(lines, "Within 4.9 KiB").cases == ("far",)
    assert not [one for one in lines if "floor" in one.aim or "at least" in one.aim]


def test_a_case_without_accuracy_is_left_out_and_said_to_be() -> None:
    unknown = point("unknown", (0.9, None), [1, 1, 1, 1])
    lines = comparison([BEST, unknown]).advice
    assert lines[1].text == "Accuracy unknown: the traces of unknown do not say; left out below."
    assert not [one for one in lines[2:] if "unknown" in one.cases]


def test_one_scheme_only_is_the_best_of_all() -> None:
    only = point("only", 0.7, replay=replace(MIXED, tasks=("apples",)))
    lines = comparison([only], growth=[Growth("only", (1024,), (0,))]).advice
    assert {one.cases for one in lines} == {("only",)}
    assert line(lines, "Least storage for 1 task, at most").told == "1.0 KiB, 70.0 ± 2.0 % (the best)."
    assert not [one for one in lines if "extrapolated" in one.text]


def test_what_cannot_be_extrapolated_is_not() -> None:
    growth = [Growth("best", (4096, 8192), (0, 0)), Growth("near", (4096, 4096), (0, 0), most=2)]
    found = comparison([BEST, NEAR], growth=growth).advice
    assert line(found, "Least storage for 2 tasks, at most").cases == ("near",)
    assert line(found, "Least storage for 10 tasks, extrapolated, at most").cases == ("best",)


def test_a_part_that_only_one_case_has_is_told_with_it() -> None:
    evidence = Evidence([BEST, NEAR], (), (), [Growth("best", (1,), (0,)), Growth("near", (1,), (0,))],
                        {"near": ["envm"]}, "tasks mixed", "mac", 200.0)  # fmt: skip
    lines = advise(evidence, Constraints())
    assert line(lines, "Least energy, tasks mixed, at most").told.endswith(
        "Not on quite the same hardware: near (envm)."
    )
    assert "hardware" not in line(advise(evidence, Constraints(max_loss=0)), "Least energy, tasks mixed, at most").told
