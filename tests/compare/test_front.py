"""The Pareto front: against brute force where accuracies are exact, and by hand where intervals decide."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimesim.compare import marks
from mimesim.compare.point import COSTS, Point
from tests.compare.made import point

#: Few values, so that points are often equal in something.
CELL = st.integers(0, 3)
EXACT = st.lists(st.tuples(CELL, CELL, CELL, CELL, CELL), min_size=1, max_size=12)


def exact(rows: list[tuple[int, ...]]) -> list[Point]:
    """Points whose accuracies nobody has counted images for: they count as they stand."""
    return [
        point(f"case-{number}", accuracy / 10, [1 + cost for cost in costs], test_images=None)
        for number, (accuracy, *costs) in enumerate(rows)
    ]


@given(EXACT)
def test_the_front_of_exact_accuracies_is_what_nothing_dominates(rows: list[tuple[int, ...]]) -> None:
    def dominated(row: tuple[int, ...]) -> bool:
        gains = [(other[0] - row[0], *(mine - theirs for mine, theirs in zip(row[1:], other[1:], strict=True)))
                 for other in rows]  # fmt: skip
        return any(min(gain) >= 0 and max(gain) > 0 for gain in gains)

    assert marks(exact(rows)) == ["dominated" if dominated(row) else "front" for row in rows]


@given(EXACT)
def test_a_front_of_fewer_costs_is_that_of_points_that_agree_in_the_others(rows: list[tuple[int, ...]]) -> None:
    flat = [(accuracy, energy, 0, 0, 0) for accuracy, energy, *_ in rows]
    assert marks(exact(rows), ("energy",)) == marks(exact(flat))


@given(EXACT, st.sampled_from([20, 500, 20_000]))
def test_intervals_only_take_certainty_away(rows: list[tuple[int, ...]], images: int) -> None:
    sure = marks(exact(rows))
    known = [
        point(f"case-{number}", accuracy / 10, [1 + cost for cost in costs], test_images=images)
        for number, (accuracy, *costs) in enumerate(rows)
    ]
    for before, after in zip(sure, marks(known), strict=True):
        assert after in (before, "not told apart")


@pytest.mark.parametrize(
    ("accuracy", "images", "mark"),
    [
        # of 2,000 images and two tasks, 0.70 and 0.72 differ by 2.0 points with an interval of 2.0
        (0.72, 2000, "front"),
        (0.715, 2000, "not told apart"),
        (0.70, 2000, "not told apart"),
        (0.68, 2000, "not told apart"),
        (0.679, 2000, "dominated"),
        (0.715, 20_000, "front"),
        (0.695, 20_000, "not told apart"),
        (0.690, 20_000, "dominated"),
    ],
)
def test_an_interval_decides(accuracy: float, images: int, mark: str) -> None:
    cheap = point("cheap", 0.70, [1, 1, 1, 1], test_images=images)
    dear = point("dear", accuracy + 0.0005, [2, 1, 1, 1], test_images=images)
    assert marks([dear, cheap]) == [mark, "front"]


def test_the_same_networks_are_exactly_as_accurate() -> None:
    dense, skipping = (
        point(name, 0.7, [energy, 1, 1, 1], networks="same") for name, energy in (("dense", 2.0), ("skipping", 1.0))
    )
    assert marks([dense, skipping]) == ["dominated", "front"]
    twins = [point(name, 0.7, networks="same") for name in ("one", "other")]
    assert marks(twins) == ["front", "front"]


def test_equal_points_of_other_networks_are_not_told_apart() -> None:
    assert marks([point("one", 0.7), point("other", 0.7)]) == ["not told apart"] * 2


def test_without_accuracy_costs_decide_and_with_some_nothing_is_sure() -> None:
    assert marks([point("one", None, [2, 2, 1, 1]), point("other", None)]) == ["dominated", "front"]
    some = [point("known", 0.7, [2, 2, 1, 1]), point("unknown", None)]
    assert marks(some) == ["not told apart", "front"]
    half = [point("known", 0.7, [2, 2, 1, 1]), point("half", (0.9, None))]
    assert marks(half) == ["not told apart", "front"]


@pytest.mark.parametrize("worse", COSTS)
def test_one_cost_that_is_less_is_enough(worse: str) -> None:
    costs = [2.0 if name == worse else 1.0 for name in COSTS]
    assert marks([point("one", 0.9, costs), point("other", 0.1)]) == ["front", "front"]
    assert marks([point("one", 0.1, costs), point("other", 0.9)]) == ["dominated", "front"]


def test_a_single_case_is_its_own_front() -> None:
    assert [marks([point("only", accuracy)]) for accuracy in (0.5, None)] == [["front"], ["front"]]


def test_every_mark_is_possible_beside_every_other() -> None:
    seen = set()
    for values in product((0.1, 0.5, 0.505, 0.9), (1.0, 2.0), (0.1, 0.5, 0.505, 0.9), (1.0, 2.0)):
        first, one, second, two = values
        pair = [point("one", first, [one, 1, 1, 1]), point("other", second, [two, 1, 1, 1])]
        seen.add(tuple(marks(pair)))
    assert ("dominated", "dominated") not in seen
    assert {mark for pair in seen for mark in pair} == {"front", "not told apart", "dominated"}
