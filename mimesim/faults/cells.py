"""Multi-level cells: levels that are distributions, and the words that are misread where neighbours overlap.

A cell of b bits is programmed to one of 2**b levels; what is read back is a normal variate around the level's mean. A
read takes it for the level whose density is the highest there, so it errs beyond the point where the densities of
neighbours cross. Only the next level above or below is ever taken for it. This is the model of the public fault
injectors nvmFI and msxFI (repositories lpentecost/NVMExplorer and gloriawu2014/MemSysExplorer), from which the levels
of :data:`RRAM` are; levels are part of a technology, ``workloads/envm``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import erfc, log, sqrt

import numpy as np

from mimesim.config.envm import Envm
from mimesim.config.technology import Array
from mimesim.errors import InputError
from mimesim.faults.upsets import MOST_FLIPS, Ints, Upsets

__all__ = ["RRAM", "Level", "Levels", "crossing", "draw_misreads", "levels_of", "split_word"]


@dataclass(frozen=True)
class Level:
    """Mean and standard deviation of what is read, in units of the range from the lowest to the highest mean."""

    mean: float
    sigma: float


def crossing(low: Level, high: Level) -> float:
    """Return where, between their means, the normal densities of two levels are equal.

    Equal logarithms, ((x - m) / s)^2 / 2 + ln s on both sides, are a quadratic in x; with equal deviations the point
    lies midway. Raises :class:`ValueError` where one density is the higher one all the way.
    """
    if low.sigma == high.sigma:
        return (low.mean + high.mean) / 2
    first, second = low.sigma**-2, high.sigma**-2
    a = first - second
    b = -2 * (low.mean * first - high.mean * second)
    c = low.mean**2 * first - high.mean**2 * second - 2 * log(high.sigma / low.sigma)
    # from q, the larger in magnitude, the other root follows without cancellation
    q = -(b + (1 if b >= 0 else -1) * sqrt(max(b * b - 4 * a * c, 0.0))) / 2
    for root in (q / a, c / q):
        if low.mean < root < high.mean:
            return root
    raise ValueError(f"levels {low} and {high} do not cross between their means")


def _above(x: float) -> float:
    """The probability that a standard normal variate exceeds *x*."""
    return 0.5 * erfc(x / sqrt(2))


@dataclass(frozen=True)
class Levels:
    """The levels of a kind of cell, from the lowest; there are 2**bits."""

    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        """Refuse what is no cell."""
        if len(self.levels) < 2 or len(self.levels) & (len(self.levels) - 1):
            raise ValueError(f"{len(self.levels)} levels are no power of two from 2 on")
        if any(low.mean >= high.mean for low, high in pairwise(self.levels)):
            raise ValueError("the means of levels must rise")

    @property
    def bits(self) -> int:
        """Bits of a cell."""
        return len(self.levels).bit_length() - 1

    @cached_property
    def crossings(self) -> tuple[float, ...]:
        """Where a read decides between each level and the next."""
        return tuple(crossing(low, high) for low, high in pairwise(self.levels))

    @cached_property
    def up(self) -> tuple[float, ...]:
        """The probability of each level to be taken for the next higher one."""
        found = [_above((at - low.mean) / low.sigma) for at, low in zip(self.crossings, self.levels, strict=False)]
        return (*found, 0.0)

    @cached_property
    def down(self) -> tuple[float, ...]:
        """The probability of each level to be taken for the next lower one."""
        found = [
            _above((high.mean - at) / high.sigma) for at, high in zip(self.crossings, self.levels[1:], strict=True)
        ]
        return (0.0, *found)

    @property
    def mean_misread(self) -> float:
        """The probability that a cell is misread, all levels being as frequent as each other."""
        return (sum(self.up) + sum(self.down)) / len(self.levels)


def levels_of(array: Array) -> Mapping[int, Levels]:
    """Return the levels of the cells of a technology by their bits; empty where none are published."""
    return {
        bits: Levels(tuple(Level(mean, sigma) for mean, sigma in levels)) for bits, levels in enumerate(array.levels, 1)
    }


#: Resistive cells by their bits.
RRAM: Mapping[int, Levels] = levels_of(Envm.model_validate("rram"))


def split_word(word_bits: int, cell_bits: int) -> tuple[tuple[int, int], ...]:
    """Return (lowest bit, bits) of each cell of a word, from the lowest.

    Where the cells do not fill the word, the highest has fewer bits, and only as many levels: of 16 bits in cells of
    three, the sign bit lies in a cell of two levels.
    """
    return tuple((low, min(cell_bits, word_bits - low)) for low in range(0, word_bits, cell_bits))


def draw_misreads(
    random: np.random.Generator, words: Ints, word_bits: int, cell_bits: int, kinds: Mapping[int, Levels] = RRAM
) -> Upsets:
    """Draw which of *words* (two's complement of *word_bits*) are misread from cells of *cell_bits*, and how.

    A level is the plain binary number of the bits in the cell. Of all cells at one place of the words that hold one
    level, a binomial number is misread, and which ones is drawn without replacement: the same distribution as a
    decision for each cell, at a cost that grows with the words only in counting levels. Raises :class:`InputError`
    for a cell that *kinds* does not have, or where more than :data:`MOST_FLIPS` misreads are to be expected.
    """
    if cell_bits not in kinds:
        raise InputError("--bits-per-cell", f"must be one of {', '.join(map(str, kinds))}", value=cell_bits)
    stored = np.asarray(words, np.int64) % 2**word_bits
    places: list[Ints] = []
    masks: list[Ints] = []
    for low, bits in split_word(word_bits, cell_bits):
        kind = kinds[bits]
        level = (stored >> low) & (2**bits - 1)
        counts = np.bincount(level, minlength=2**bits)
        for number, count in enumerate(counts.tolist()):
            up, down = kind.up[number], kind.down[number]
            if count * (up + down) > MOST_FLIPS:
                raise InputError("--bits-per-cell", f"makes more than {MOST_FLIPS} misreads at once", value=cell_bits)
            misread = int(random.binomial(count, up + down)) if count else 0
            if not misread:
                continue
            chosen = np.flatnonzero(level == number)[random.choice(count, misread, replace=False, shuffle=False)]
            risen = random.random(misread) < up / (up + down)
            places.append(chosen)
            masks.append((number ^ np.where(risen, number + 1, number - 1)) << low)
    if not places:
        return Upsets.none()
    place, mask = np.concatenate(places), np.concatenate(masks)
    order = np.argsort(place, kind="stable")
    wrong, first = np.unique(place[order], return_index=True)
    # cells of one word share no bits
    return Upsets(wrong, np.bitwise_or.reduceat(mask[order], first))
