"""The Pareto front of points that are known exactly."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["dominates", "front"]


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Return whether *one* is nowhere more than *other* and somewhere less: every entry is better if it is less."""
    pairs = list(zip(one, other, strict=True))
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)


def front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Return for each of *points* whether no other dominates it; equal points are on the front together.

    Sorted first, so that only points of the front so far can dominate the next (H. T. Kung et al., "On finding the
    maxima of a set of vectors", JACM 22, 1975, begin in this way).
    """
    order = sorted(range(len(points)), key=lambda number: tuple(points[number]))
    found: list[Sequence[float]] = []
    on_front = [False] * len(points)
    for number in order:
        point = points[number]
        if not any(dominates(best, point) for best in found):
            on_front[number] = True
            found.append(point)
    return on_front
