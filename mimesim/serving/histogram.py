"""Percentiles of any number of whole values in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from math import ceil

__all__ = ["RELATIVE_ERROR", "Histogram"]

_BITS = 11
#: No percentile is further from the exact one than this, relative to it.
RELATIVE_ERROR = 2.0**-_BITS


class Histogram:
    """Counts of whole values >= 0 in buckets that grow with the value, as HdrHistogram (G. Tene, 2012) has them.

    A bucket keeps the upper eleven bits of a value: up to 2047 it holds one value, above that a range whose middle is
    at most :data:`RELATIVE_ERROR` away from any value in it. Count, sum and maximum are exact. A thousand buckets cover
    each factor of two, so latencies between a cycle and an hour take at most 32,000 of them, whatever their number.
    """

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.maximum = 0
        #: By (bits dropped, bits kept).
        self._buckets: Counter[tuple[int, int]] = Counter()

    def add(self, value: int) -> None:
        """Count one value."""
        dropped = max(0, value.bit_length() - _BITS)
        self._buckets[dropped, value >> dropped] += 1
        self.count += 1
        self.total += value
        self.maximum = max(self.maximum, value)

    @classmethod
    def merged(cls, parts: Iterable[Histogram]) -> Histogram:
        """Return the histogram of all values of *parts* together."""
        whole = cls()
        for part in parts:
            whole._buckets.update(part._buckets)
            whole.count += part.count
            whole.total += part.total
            whole.maximum = max(whole.maximum, part.maximum)
        return whole

    @property
    def mean(self) -> float | None:
        """The mean of all values; None of none."""
        return self.total / self.count if self.count else None

    def percentile(self, percent: float) -> float | None:
        """Return the smallest value that at least *percent* % of the values do not exceed; None of no values.

        That is ``numpy.percentile(values, percent, method="inverted_cdf")``, within :data:`RELATIVE_ERROR`.
        """
        if not self.count:
            return None
        # 99.9 means what is written, not the binary fraction beside it.
        rank = max(1, ceil(Fraction(str(percent)) * self.count / 100))
        seen = 0
        for (dropped, kept), count in sorted(self._buckets.items()):
            seen += count
            if seen >= rank:
                return float(min(self.maximum, (kept << dropped) + ((1 << dropped) - 1) / 2))
        raise AssertionError("the buckets hold every value")
