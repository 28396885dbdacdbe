"""Numbers as people read them: a unit that suits the largest, few digits."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Scale", "cell_text", "number", "ratio", "scale"]

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
#: Energies come in picojoules, or in multiples of one MAC's.
_JOULES = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


class Scale(NamedTuple):
    """What to divide by, and the unit of the quotient."""

    factor: float
    unit: str

    def text(self, value: float) -> str:
        """Return *value* with its unit."""
        return f"{number(value / self.factor)} {self.unit}".rstrip()


def scale(largest: float, unit: str) -> Scale:
    """Return the unit in which *largest*, given in *unit* (``B``, ``cycles``, ``mac``, ``pJ``), is from 1 to 1000."""
    steps = _JOULES if unit == "pJ" else tuple((factor, prefix + unit) for factor, prefix in _PREFIXES)
    return Scale(*next((step for step in steps if abs(largest) >= step[0]), steps[-1]))


def number(value: float) -> str:
    """Return *value* to three digits, without an exponent where it is of an everyday size."""
    if value == 0:
        return "0"
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    digits = 3 if abs(value) < 1e-3 else next(d for d in (0, 1, 2, 3, 4, 5) if abs(value) >= 10.0 ** (2 - d) - 1e-12)
    return f"{value:.3g}" if abs(value) < 1e-3 else f"{value:.{digits}f}"


def ratio(first: str, mine: float, its: float) -> str:
    """Return, for the end of a sentence, how many times *mine* is *its*, the *first* case's; nothing of nothing."""
    return f" ({first} takes {number(its / mine)} times that)" if mine and its else ""


def cell_text(value: str | int | float | None) -> str:
    """Return a cell of a table as text: whole numbers in full, others to four digits."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"
