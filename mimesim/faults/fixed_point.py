"""Numbers as words of memory: two's complement with a power of two as the unit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FixedPoint"]

#: Beyond this a unit of float32 would no longer be a normal number, whatever the largest magnitude is.
_MOST_FRACTION_BITS = 126


@dataclass(frozen=True)
class FixedPoint:
    """Signed words of *bits*; a word ``q`` stands for ``q / 2**fraction``, q from -2**(bits-1) to 2**(bits-1) - 1."""

    bits: int
    fraction: int

    @classmethod
    def of(cls, values: npt.ArrayLike, bits: int) -> FixedPoint:
        """Return the format with the finest unit that holds the largest magnitude m of *values* without clipping.

        fraction = floor(log2((2**(bits-1) - 1) / m)); 0 where there is no value but 0.
        """
        array = np.asarray(values, dtype=np.float64)
        largest = float(np.abs(array).max()) if array.size else 0.0
        if largest == 0.0:
            return cls(bits, 0)
        largest = max(largest, 2.0**-_MOST_FRACTION_BITS)
        fraction = math.floor(math.log2((2 ** (bits - 1) - 1) / largest))
        # log2 of a float may round up to the next whole number
        while largest * 2.0**fraction > 2 ** (bits - 1) - 1:
            fraction -= 1
        return cls(bits, min(fraction, _MOST_FRACTION_BITS))

    def encode(self, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the nearest words (halves to even)."""
        return np.rint(np.asarray(values, dtype=np.float64) * 2.0**self.fraction).astype(np.int64)

    def decode(self, words: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return what *words* stand for."""
        values: npt.NDArray[np.float64] = np.asarray(words, dtype=np.float64) * 2.0**-self.fraction
        return values

    def flip(self, words: npt.ArrayLike, masks: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return *words* with the bits set in *masks* (0 to 2**bits - 1) inverted; bit ``bits - 1`` is the sign."""
        modulus, sign = 2**self.bits, 2 ** (self.bits - 1)
        flipped = (np.asarray(words, dtype=np.int64) % modulus) ^ np.asarray(masks, dtype=np.int64)
        result: npt.NDArray[np.int64] = np.where(flipped >= sign, flipped - modulus, flipped)
        return result

    def upset(self, values: npt.ArrayLike, masks: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return what the words of *values* stand for once the bits of *masks* have flipped."""
        return self.decode(self.flip(self.encode(values), masks))
