"""Accuracies measured on so many test images: how far they can be trusted, and whether two can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

__all__ = ["NORMAL", "Difference", "difference", "interval"]

#: The normal distribution's 95 % on both sides.
NORMAL = 1.96

#: An accuracy, a fraction, and the test images that it was measured on.
Measured = tuple[float, int]


@dataclass(frozen=True)
class Difference:
    """A difference of two accuracies and half the width of its 95 % interval, as fractions."""

    value: float
    margin: float

    @property
    def low(self) -> float:
        """The lower end of the interval."""
        return self.value - self.margin

    @property
    def high(self) -> float:
        """The upper end of the interval."""
        return self.value + self.margin


def interval(tasks: Sequence[Measured]) -> float:
    """Return half the width of the 95 % interval of the mean accuracy over *tasks*, each measured on images of its own.

    The normal approximation of the binomial: good to a tenth of a point at 2,000 images.
    """
    return NORMAL * sqrt(sum(max(share * (1 - share), 1e-12) / images for share, images in tasks)) / len(tasks)


def difference(one: Sequence[Measured], other: Sequence[Measured]) -> Difference:
    """Return the mean accuracy over the tasks of *one* minus that of *other*, as if all were measured independently.

    The standard error of two binomials, sqrt(p(1 - p) / n + q(1 - q) / m), in which one success and one failure are
    added to each sample (Agresti and Caffo, The American Statistician 54, 2000): 0 of 20 is no certainty. Of networks
    that were tested on the same images the true interval is narrower, if anything.
    """
    value = sum(share for share, _ in one) / len(one) - sum(share for share, _ in other) / len(other)
    variance = 0.0
    for tasks in (one, other):
        for share, images in tasks:
            added = (share * images + 1) / (images + 2)
            variance += added * (1 - added) / (images + 2) / len(tasks) ** 2
    return Difference(value, NORMAL * sqrt(variance))
