"""The Pareto front, where accuracies are known to an interval only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mimesim.accuracy import Difference
from mimesim.compare.point import COSTS, Point, compare_accuracy

__all__ = ["Mark", "marks", "rivals"]

Mark = Literal["front", "not told apart", "dominated"]


def marks(points: Sequence[Point], costs: Sequence[str] = COSTS) -> list[Mark]:
    """Return for each point whether it is on the front of accuracy (more) and *costs* (less).

    A *rival* of a point costs no more in anything. ``dominated``: some rival is surely no less accurate, and better in
    something. ``not told apart``: some rival may be as accurate, for the 95 % interval of the difference of their
    accuracies does not say. ``front``: neither. Where no point has an accuracy, costs alone decide.
    """
    return [_mark(rivals(points, number, costs)) for number in range(len(points))]


def rivals(points: Sequence[Point], number: int, costs: Sequence[str] = COSTS) -> list[tuple[Point, Difference | None]]:
    """Return the points that may be better than point *number*: they cost no more, and are not surely less accurate.

    With each comes its accuracy minus that of the point. Equal ones are not better.
    """
    point, found = points[number], []
    exact = all(one.accuracy is None for one in points)
    for place, other in enumerate(points):
        if place == number or any(other.cost(name) > point.cost(name) for name in costs):
            continue
        apart = Difference(0.0, 0.0) if exact else compare_accuracy(other, point)
        cheaper = any(other.cost(name) < point.cost(name) for name in costs)
        if apart is None or apart.high > 0 or (apart.high == 0 and cheaper):
            found.append((other, apart))
    return found


def _mark(better: Sequence[tuple[Point, Difference | None]]) -> Mark:
    if not better:
        return "front"
    # One that is no less accurate for sure: above, or, as with the same networks, equal without doubt.
    sure = any(apart is not None and (apart.low > 0 or (apart.low == apart.high == 0)) for _, apart in better)
    return "dominated" if sure else "not told apart"
