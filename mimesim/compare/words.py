"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from mimesim.accuracy import Difference
from mimesim.compare.point import Point

__all__ = ["amount", "kib", "listed", "percent", "points_below", "scale"]

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_MOST_LISTED = 4


def scale(values: Sequence[float]) -> tuple[float, str]:
    """Return by what to divide *values* that stand below each other, and the prefix of their unit."""
    largest = max(values, default=0.0)
    return next(((factor, prefix) for factor, prefix in _PREFIXES if largest >= factor), (1.0, ""))


def amount(value: float, unit: str) -> str:
    """Return *value* with three digits or more, and its unit."""
    factor, prefix = scale([value])
    return f"{number(value / factor)} {prefix}{unit}"


def number(value: float) -> str:
    """Return *value* with three digits or more."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def kib(size: float) -> str:
    """Return a number of bytes in KiB."""
    return f"{size / 1024:,.1f} KiB"


def percent(point: Point) -> str:
    """Return the mean accuracy of *point* in %, with half of its 95 % interval where that is known."""
    if point.accuracy is None:
        return "accuracy unknown"
    wide = "" if point.interval is None else f" ± {100 * point.interval:.1f}"
    return f"{100 * point.accuracy:.1f}{wide} %"


def points_below(loss: Difference) -> str:
    """Return how far below something an accuracy is, in points."""
    margin = f" ± {100 * loss.margin:.1f}" if loss.margin else ""
    return f"{100 * loss.value:.1f}{margin} points below"


def listed(names: Sequence[str]) -> str:
    """Return the first few *names*, and how many more there are."""
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
