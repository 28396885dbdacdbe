"""Percentiles from buckets against those from all values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimesim.serving.histogram import RELATIVE_ERROR, Histogram

VALUES = st.lists(st.one_of(st.integers(0, 3000), st.integers(0, 10**13)), min_size=1, max_size=200)
PERCENTS = (0, 1, 25, 50, 90, 95, 99, 100)


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@given(VALUES)
def test_percentiles_are_those_of_the_values(values: list[int]) -> None:
    histogram = filled(values)
    for percent in PERCENTS:
        exact = float(np.percentile(values, percent, method="inverted_cdf"))
        found = histogram.percentile(percent)
        assert found == pytest.approx(exact, rel=RELATIVE_ERROR, abs=0)
        assert exact > 2047 or found == exact
    assert (histogram.count, histogram.total, histogram.maximum) == (len(values), sum(values), max(values))


def test_the_error_is_as_small_as_is_said_on_a_skewed_sample() -> None:
    assert RELATIVE_ERROR <= 0.001
    values = np.random.default_rng(1).lognormal(12, 2, 50_000).astype(int).tolist()
    histogram = filled(values)
    for percent in PERCENTS:
        exact = float(np.percentile(values, percent, method="inverted_cdf"))
        assert histogram.percentile(percent) == pytest.approx(exact, rel=RELATIVE_ERROR, abs=0)


@given(VALUES, VALUES)
def test_merged_parts_are_the_whole(first: list[int], second: list[int]) -> None:
    merged, whole = Histogram.merged([filled(first), filled(second)]), filled(first + second)
    assert vars(merged) == vars(whole)


def test_the_buckets_are_as_few_as_is_said() -> None:
    # An hour at 200 MHz; eight values of every bucket and more.
    histogram = filled([round(1.0001**power) for power in range(275_000)])
    assert histogram.maximum > 3600 * 200_000_000
    assert len(histogram._buckets) <= 32_000


def test_a_percentage_means_what_is_written() -> None:
    # 0.999 x 1000 is a little more than 999 in binary, and would give the last value.
    assert filled(list(range(1, 1001))).percentile(99.9) == 999


def test_nothing_has_no_percentiles() -> None:
    assert Histogram().percentile(50) is None
    assert Histogram().mean is None
    assert filled([3, 4]).mean == 3.5
