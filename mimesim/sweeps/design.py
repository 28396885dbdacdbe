"""The points of a design, in an order that depends on the file alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from math import exp, log
from random import Random as Stream
from typing import Any

from mimesim.sweeps.settings import Design, Random, Range

__all__ = ["draw", "points_of", "text_of"]


def points_of(design: Design) -> list[dict[str, Any]]:
    """Return the settings of each point by key; a point that is there already is left out.

    Of a grid the last key changes fastest. Of a random design, each key has a stream of its own, seeded by the seed and
    the key: other keys, their order and more points change nothing about the values drawn so far.
    """
    if design.grid is not None:
        points = [dict(zip(design.grid, values, strict=True)) for values in product(*design.grid.values())]
    elif design.list is not None:
        points = [dict(point) for point in design.list]
    else:
        points = _drawn(design.random) if design.random is not None else []
    found: dict[str, dict[str, Any]] = {}
    for point in points:
        found.setdefault(text_of(point), point)
    return list(found.values())


def _drawn(random: Random) -> list[dict[str, Any]]:
    # Not for secrets; and of Python's generator, random() is what stays the same from version to version.
    streams = {key: Stream(f"{random.seed} {key}") for key in random.ranges}  # noqa: S311
    return [{key: draw(random.ranges[key], streams[key].random()) for key in streams} for _ in range(random.n)]


def draw(range_: Range, part: float) -> Any:
    """Return the value of *range_* at *part* (from 0 to below 1) of the way."""
    if range_.choice is not None:
        return range_.choice[int(part * len(range_.choice))]
    if range_.integers is not None:
        first, last = range_.integers
        return first + int(part * (last - first + 1))
    if range_.log is not None:
        low, high = range_.log
        return _rounded(exp(log(low) + part * (log(high) - log(low))))
    low, high = range_.uniform or (0.0, 0.0)
    return _rounded(low + part * (high - low))


def _rounded(value: float) -> float:
    """Six digits: what people can read and type again."""
    return float(f"{value:.6g}")


def text_of(settings: Mapping[str, Any]) -> str:
    """Return *settings* as one line."""
    return json.dumps(settings, sort_keys=True, allow_nan=False)
