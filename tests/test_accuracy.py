"""Intervals of accuracies: by hand, and against drawn tests."""

from __future__ import annotations

import numpy as np
import pytest

from mimesim.accuracy import Difference, difference, interval


def test_an_interval_by_hand() -> None:
    # 1.96 * sqrt(0.5 * 0.5 / 100)
    assert interval([(0.5, 100)]) == pytest.approx(0.098)
    # four tasks alike: half as wide
    assert interval([(0.5, 100)] * 4) == pytest.approx(0.049)
    assert 0 < interval([(1.0, 100)]) < 1e-6


def test_a_difference_by_hand() -> None:
    found = difference([(0.5, 98)], [(0.5, 98)])
    # with the two images added: 0.25 / 100, twice
    assert (found.value, found.margin) == (0.0, pytest.approx(1.96 * np.sqrt(0.005)))
    assert (found.low, found.high) == (-found.margin, found.margin)
    several = difference([(0.9, 98), (0.5, 98)], [(0.4, 98), (0.2, 98)])
    assert several.value == pytest.approx(0.4)
    assert difference([(0.2, 98), (0.4, 98)], [(0.5, 98), (0.9, 98)]) == Difference(
        pytest.approx(-0.4), pytest.approx(several.margin)
    )


def test_the_interval_of_a_difference_holds_the_truth_in_95_of_100() -> None:
    random = np.random.default_rng(0)
    truth, images, trials = ((0.8, 0.6), (0.7, 0.5)), (200, 300), 4000
    drawn = [[random.binomial(n, share, trials) / n for share, n in zip(one, images, strict=True)] for one in truth]
    held = 0
    for trial in range(trials):
        one, other = ([(float(shares[trial]), n) for shares, n in zip(each, images, strict=True)] for each in drawn)
        found = difference(one, other)
        held += found.low <= 0.1 <= found.high
    assert 0.94 < held / trials < 0.96
