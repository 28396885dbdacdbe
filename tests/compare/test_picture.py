"""The picture: drawn for any number of cases, the same bytes again, and no number on another."""

from __future__ import annotations

import random

import pytest

from tests.compare.made import comparison, point

pytest.importorskip("matplotlib")

from mimesim.compare.picture import draw_comparison, place_numbers


@pytest.mark.parametrize(("count", "accuracy"), [(1, 0.7), (2, None), (14, 0.7)])
def test_it_is_drawn_and_the_same_again(count: int, accuracy: float | None) -> None:
    dice = random.Random(count)
    found = comparison(
        [point(f"case_{number}", accuracy, [dice.uniform(1, 9) * 1e6, 4096, 1, 1]) for number in range(count)]
    )
    picture = draw_comparison(found, "png")
    assert picture.startswith(b"\x89PNG")
    assert draw_comparison(found, "png") == picture


@pytest.mark.parametrize(("form", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_other_forms(form: str, start: bytes) -> None:
    assert draw_comparison(comparison([point("one", 0.7), point("other", 0.6)]), form).startswith(start)


@pytest.mark.parametrize("seed", range(5))
def test_numbers_keep_off_points_and_each_other(seed: int) -> None:
    dice = random.Random(seed)
    # as in a panel: three heaps of points, some of them on each other
    heaps = [(dice.uniform(0, 400), dice.uniform(0, 400)) for _ in range(3)]
    points = [(x + dice.gauss(0, 12), y + dice.gauss(0, 12)) for x, y in heaps * 4]
    placed = place_numbers(points, 12.0)
    for number, (x, y) in enumerate(placed):
        for other, (left, up) in enumerate([*points, *placed]):
            if other != len(points) + number:
                assert max(abs(x - left), abs(y - up)) > 8
