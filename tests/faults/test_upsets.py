"""Flips: how many, where, and the same for the same seed."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.faults.upsets import MOST_FLIPS, Upsets, count_bits, draw_flips, generator


def test_no_rate_and_no_words_flip_nothing() -> None:
    assert len(draw_flips(generator(0), 1000, 16, 0.0)) == 0
    assert len(draw_flips(generator(0), 0, 16, 1.0)) == 0
    assert Upsets.none().flips == 0


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_at_rate_one_every_bit_flips(bits: int) -> None:
    upsets = draw_flips(generator(1), 50, bits, 1.0)
    assert upsets.words.tolist() == list(range(50))
    assert upsets.masks.tolist() == [2**bits - 1] * 50
    assert upsets.flips == 50 * bits


@pytest.mark.parametrize(("words", "rate"), [(20_000, 0.01), (200_000, 0.7), (10**11, 1e-9)])
def test_their_number_is_binomial(words: int, rate: float) -> None:
    total = 16 * words
    for seed in range(3):
        upsets = draw_flips(generator(seed), words, 16, rate)
        assert abs(upsets.flips - total * rate) < 5 * sqrt(total * rate * (1 - rate))
        assert np.all(np.diff(upsets.words) > 0)
        assert upsets.words[-1] < words
        assert np.all((upsets.masks > 0) & (upsets.masks < 2**16))


def test_every_bit_is_as_likely_as_any_other() -> None:
    random, trials, rate = generator(5), 4000, 0.25
    seen = np.zeros((3, 8))
    for _ in range(trials):
        upsets = draw_flips(random, 3, 8, rate)
        for word, mask in zip(upsets.words, upsets.masks, strict=True):
            seen[word] += mask >> np.arange(8) & 1
    assert np.all(np.abs(seen - trials * rate) < 5 * sqrt(trials * rate * (1 - rate)))


def test_the_same_seed_draws_the_same_and_another_name_does_not() -> None:
    def draw(*names: object) -> list[int]:
        return draw_flips(generator(*names), 10_000, 16, 0.001).words.tolist()  # type: ignore[arg-type]

    assert draw(3, "a") == draw(3, "a")
    assert draw(3, "a") != draw(3, "b")
    assert draw(3, "a") != draw(4, "a")


def test_more_than_memory_holds_is_refused() -> None:
    with pytest.raises(InputError, match=r"--rate: 0\.5: flips 8e\+08 of 1600000000 bits at once"):
        draw_flips(generator(0), 10**8, 16, 0.5)
    assert MOST_FLIPS < 0.5 * 16 * 10**8


def test_bits_are_counted() -> None:
    assert count_bits(np.array([0b1011, 0, 2**32 - 1])) == 35
    assert count_bits(np.zeros(0, np.int64)) == 0
