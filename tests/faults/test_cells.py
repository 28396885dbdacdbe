"""Misreads of multi-level cells against numerical integration, sampling and published means."""

from __future__ import annotations

from math import erfc, exp, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimesim.config.envm import Envm
from mimesim.errors import InputError
from mimesim.faults import cells
from mimesim.faults.cells import RRAM, Level, Levels, crossing, draw_misreads, levels_of, split_word

#: Levels so wide that a few thousand words show every kind of misread.
WIDE = {
    1: Levels((Level(0, 0.3), Level(1, 0.2))),
    2: Levels((Level(0, 0.1), Level(0.3, 0.12), Level(0.7, 0.12), Level(1, 0.15))),
}


def density(x: float, level: Level) -> float:
    return exp(-(((x - level.mean) / level.sigma) ** 2) / 2) / (level.sigma * sqrt(2 * pi))


def test_the_published_means() -> None:
    """The same levels, computed from the injectors' code: 0, 8e-9 and 3.8e-3 misreads a cell."""
    assert RRAM[1].mean_misread == 0
    assert RRAM[2].mean_misread == pytest.approx(8e-9, rel=0.05)
    assert RRAM[3].mean_misread == pytest.approx(3.8e-3, rel=0.01)


@pytest.mark.parametrize("kind", [*RRAM.values(), *WIDE.values()])
def test_neighbours_have_equal_densities_where_they_cross(kind: Levels) -> None:
    for at, low, high in zip(kind.crossings, kind.levels, kind.levels[1:], strict=False):
        assert low.mean < at < high.mean
        assert density(at, low) == pytest.approx(density(at, high), rel=1e-6)


@given(st.floats(0.01, 1), st.floats(0.005, 0.2), st.floats(0.005, 0.2))
def test_crossings_anywhere(distance: float, one: float, other: float) -> None:
    low, high = Level(0, one), Level(distance, other)
    try:
        at = crossing(low, high)
    except ValueError:
        # the narrow level is the higher one at the wide one's mean, or almost
        assert density(0, low) <= density(0, high) * 1.01 or density(distance, high) <= density(distance, low) * 1.01
        return
    assert 0 < at < distance
    assert density(at, low) == pytest.approx(density(at, high), rel=1e-4)


def test_equal_deviations_cross_midway() -> None:
    assert crossing(Level(0.2, 0.1), Level(0.6, 0.1)) == pytest.approx(0.4)


@pytest.mark.parametrize("kind", [RRAM[3], WIDE[2]])
def test_misreads_are_the_area_beyond_the_crossing(kind: Levels) -> None:
    """Trapezoids out to ten deviations."""
    for number, level in enumerate(kind.levels):
        for probability, beyond in (
            (kind.up[number], (kind.crossings[number], np.inf) if number + 1 < len(kind.levels) else None),
            (kind.down[number], (-np.inf, kind.crossings[number - 1]) if number else None),
        ):
            if beyond is None:
                assert probability == 0
                continue
            low, high = np.clip(beyond, level.mean - 10 * level.sigma, level.mean + 10 * level.sigma)
            x = np.linspace(low, high, 200_001)
            y = np.exp(-(((x - level.mean) / level.sigma) ** 2) / 2) / (level.sigma * sqrt(2 * pi))
            area = float(((y[1:] + y[:-1]) / 2 * np.diff(x)).sum())
            assert probability == pytest.approx(area, rel=1e-5)


def test_misreads_of_sampled_cells() -> None:
    """A million reads of each level of a three-bit cell, decided at the crossings."""
    random = np.random.default_rng(1)
    kind, count = RRAM[3], 1_000_000
    for number, level in enumerate(kind.levels):
        read = np.searchsorted(kind.crossings, random.normal(level.mean, level.sigma, count))
        for probability, found in (
            (kind.up[number], (read > number).mean()),
            (kind.down[number], (read < number).mean()),
        ):
            assert abs(found - probability) < 5 * sqrt(max(probability, 1e-7) / count)


@pytest.mark.parametrize(
    ("word", "cell", "expected"),
    [
        (16, 1, tuple((bit, 1) for bit in range(16))),
        (8, 2, ((0, 2), (2, 2), (4, 2), (6, 2))),
        (16, 3, ((0, 3), (3, 3), (6, 3), (9, 3), (12, 3), (15, 1))),
        (8, 3, ((0, 3), (3, 3), (6, 2))),
    ],
)
def test_a_word_is_cut_from_its_lowest_bit(word: int, cell: int, expected: tuple[tuple[int, int], ...]) -> None:
    assert split_word(word, cell) == expected


def test_every_misread_is_of_a_neighbouring_level_and_as_frequent_as_its_probability() -> None:
    random = np.random.default_rng(2)
    words = random.integers(-128, 128, 40_000)
    found = np.zeros((4, 4))
    for _ in range(10):
        upsets = draw_misreads(random, words, 8, 2, WIDE)
        assert (np.diff(upsets.words) > 0).all()
        for low, _bits in split_word(8, 2):
            before = (words % 256 >> low) & 3
            after = before.copy()
            after[upsets.words] ^= (upsets.masks >> low) & 3
            np.add.at(found, (before, after), 1)
    totals = found.sum(1)
    for level in range(4):
        for other in range(4):
            share = found[level, other] / totals[level]
            if other == level + 1:
                expected = WIDE[2].up[level]
            elif other == level - 1:
                expected = WIDE[2].down[level]
            elif other == level:
                expected = 1 - WIDE[2].up[level] - WIDE[2].down[level]
            else:
                assert share == 0
                continue
            assert abs(share - expected) < 5 * sqrt(expected * (1 - expected) / totals[level])


def test_the_highest_cell_may_be_a_smaller_one() -> None:
    """Of three bits in cells of two, the sign is alone in a cell of two levels, whose misreads are its own."""
    kinds = {2: Levels((Level(0, 0.01), Level(0.3, 0.01), Level(0.6, 0.01), Level(1, 0.01))), 1: WIDE[1]}
    words = np.array([-4, -1, 0, 3] * 5000)
    upsets = draw_misreads(np.random.default_rng(0), words, 3, 2, kinds)
    assert set(upsets.masks.tolist()) == {4}
    share = np.bincount(upsets.words % 4, minlength=4) / 5000
    expected = [WIDE[1].down[1], WIDE[1].down[1], WIDE[1].up[0], WIDE[1].up[0]]
    assert share == pytest.approx(expected, abs=0.02)


def test_single_bits_are_never_misread_and_no_words_neither() -> None:
    random = np.random.default_rng(0)
    assert len(draw_misreads(random, np.arange(-500, 500), 16, 1)) == 0
    assert len(draw_misreads(random, np.zeros(0, np.int64), 16, 3)) == 0


def test_the_same_seed_draws_the_same() -> None:
    words = np.arange(-3000, 3000)
    one, other = (draw_misreads(np.random.default_rng(4), words, 16, 3) for _ in range(2))
    assert len(one) > 50
    assert (one.words == other.words).all()
    assert (one.masks == other.masks).all()


def test_what_is_no_cell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="must be one of 1, 2, 3"):
        draw_misreads(np.random.default_rng(0), np.arange(3), 16, 4)
    with pytest.raises(ValueError, match="no power of two"):
        Levels((Level(0, 1), Level(1, 1), Level(2, 1)))
    with pytest.raises(ValueError, match="must rise"):
        Levels((Level(1, 1), Level(0, 1)))
    with pytest.raises(ValueError, match="do not cross"):
        crossing(Level(0, 0.01), Level(0.001, 1))
    monkeypatch.setattr(cells, "MOST_FLIPS", 10)
    with pytest.raises(InputError, match="more than 10 misreads"):
        draw_misreads(np.random.default_rng(0), np.arange(100_000) % 256, 8, 3)


def test_levels_are_the_technologys() -> None:
    charge_trap = levels_of(Envm.model_validate({"technology": "ctt", "read_ns": 1}))
    # Evenly spaced, of the same deviation: a read errs beyond half the distance, at one level's outer side not at all.
    for bits in (1, 2, 3):
        assert charge_trap[bits].mean_misread == pytest.approx(
            (2 ** (bits + 1) - 2) / 2**bits * _half(1 / (2**bits - 1)), rel=1e-3, abs=1e-15
        )
    assert levels_of(Envm.model_validate("fefet")) == {}


def _half(step: float) -> float:
    """The probability of a deviation beyond half a step, in units of 0.02."""
    return erfc(step / 2 / 0.02 / sqrt(2)) / 2
