"""Which bits of how many words are wrong: drawn without looking at each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mimesim.errors import InputError

__all__ = ["MOST_FLIPS", "Ints", "Upsets", "count_bits", "draw_flips", "generator"]

Ints = npt.NDArray[np.int64]

#: Flips of one draw that are held in memory at once.
MOST_FLIPS = 5_000_000
#: Where flips are this frequent NumPy lists all places to choose some of them, so few words are drawn at a time.
_FREQUENT = 0.01
_FEW_WORDS = 1 << 16


def count_bits(masks: Ints) -> int:
    """Return how many bits are set in *masks* together."""
    return (
        int(sum(int(((masks >> bit) & 1).sum()) for bit in range(int(masks.max()).bit_length()))) if len(masks) else 0
    )


@dataclass(frozen=True)
class Upsets:
    """Wrong words: *words* numbers them, ascending and each once, *masks* says which bits of each are inverted.

    Independent flips are one way to make them (:func:`draw_flips`); whatever else makes stored words wrong, such as
    the levels of a multi-level cell, is a function that returns the same two arrays.
    """

    words: Ints
    masks: Ints

    def __len__(self) -> int:
        """Wrong words."""
        return len(self.words)

    @property
    def flips(self) -> int:
        """Bits that are wrong."""
        return count_bits(self.masks)

    def take(self, rows: npt.NDArray[np.bool_] | Ints) -> Upsets:
        """Return some of them."""
        return Upsets(self.words[rows], self.masks[rows])

    @classmethod
    def none(cls) -> Upsets:
        """Return no upsets."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))


def generator(seed: int, *names: object) -> np.random.Generator:
    """Return the source of randomness of *seed* for what *names* tell apart."""
    return np.random.default_rng([seed, *"/".join(map(str, names)).encode()])


def draw_flips(random: np.random.Generator, words: int, bits: int, rate: float) -> Upsets:
    """Flip each bit of *words* words of *bits* with probability *rate*, independently.

    Their number is binomial, and given their number every set of places is equally likely: the same distribution as a
    decision for each bit, at a cost that grows with the flips. Raises :class:`InputError` where more than
    :data:`MOST_FLIPS` are to be expected.
    """
    total = words * bits
    if total == 0 or rate == 0.0:
        return Upsets.none()
    if total * rate > MOST_FLIPS:
        rule = f"flips {total * rate:.3g} of {total} bits at once, more than {MOST_FLIPS}: choose a lower rate"
        raise InputError("--rate", rule, value=rate)
    few = _FEW_WORDS * bits if rate > _FREQUENT else total
    parts = []
    for start in range(0, total, few):
        size = min(few, total - start)
        count = int(random.binomial(size, rate))
        parts.append(start + random.choice(size, count, replace=False, shuffle=False).astype(np.int64))
    places = np.sort(np.concatenate(parts))
    wrong, first = np.unique(places // bits, return_index=True)
    masks = np.left_shift(np.int64(1), places % bits)
    return Upsets(wrong, np.bitwise_or.reduceat(masks, first) if len(wrong) else masks)
