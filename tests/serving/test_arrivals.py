"""Drawn arrivals: their rates and laws against the formulas, and what they depend on."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from math import exp, sqrt
from statistics import fmean, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimesim.errors import InputError
from mimesim.serving.arrivals import Bursty, Drawn, Poisson, Process, Uniforms
from mimesim.serving.mix import even_mix, mix_name, parse_mix, skewed_mix
from mimesim.serving.request import PICOSECONDS, arrival_cycle

TASKS = ("apples", "pears", "plums")
MIX = {"apples": 0.6, "pears": 0.3, "plums": 0.1}


def counts(process: Process, window: float, windows: int, seed: int = 3) -> list[int]:
    """Return how many requests fall into each of *windows* stretches of *window* seconds."""
    found: Counter[int] = Counter()
    time = 0.0
    for gap in process.gaps(Uniforms(seed, 0)):
        time += gap
        if time >= window * windows:
            break
        found[int(time / window)] += 1
    return [found[number] for number in range(windows)]


def test_poisson_gaps_are_exponential() -> None:
    gaps = list(islice(Poisson(50.0).gaps(Uniforms(1, 0)), 40_000))
    # Mean and standard deviation are both 1 / rate; four standard errors.
    assert fmean(gaps) == pytest.approx(0.02, abs=4 * 0.02 / sqrt(len(gaps)))
    assert sqrt(variance(gaps)) == pytest.approx(0.02, rel=0.03)
    beyond = sum(gap > 0.04 for gap in gaps) / len(gaps)
    assert beyond == pytest.approx(0.1353, abs=0.008)


def test_poisson_counts_are_as_variable_as_they_are_many() -> None:
    found = counts(Poisson(10.0), 1.0, 4000)
    assert fmean(found) == pytest.approx(10, abs=4 * sqrt(10 / 4000))
    assert variance(found) / fmean(found) == pytest.approx(1, abs=0.1)


@given(st.floats(0.01, 1e6), st.floats(1, 20), st.floats(0.01, 0.99), st.floats(0.1, 1e3))
def test_bursts_leave_the_mean_rate_as_it_is(rate: float, factor: float, share: float, requests: float) -> None:
    if factor * share > 1:
        with pytest.raises(InputError, match="bursts alone exceed the mean rate"):
            Bursty(rate, factor, share, requests)
        return
    bursty = Bursty(rate, factor, share, requests)
    assert bursty.burst_rate == factor * rate
    assert bursty.quiet_rate >= 0
    assert share * bursty.burst_rate + (1 - share) * bursty.quiet_rate == pytest.approx(rate, rel=1e-9)


def test_bursty_counts_have_the_mean_and_the_variance_of_the_process() -> None:
    # Fischer and Meier-Hellstern 1993: Var N(t) = m t + 2 k (t - (1 - exp(-s t)) / s) / s, with k = p (1 - p) times the
    # square of the difference of the rates and s the sum of the rates at which the states change.
    bursty = Bursty(10.0, 4.0, 0.2, 8.0)
    assert (bursty.burst_rate, bursty.quiet_rate) == (40.0, pytest.approx(2.5))
    # A burst lasts 8 / 40 = 0.2 s, the time between two of them 0.8 s: s = 5 + 1.25.
    s, k = 6.25, 0.2 * 0.8 * 37.5**2
    for window in (0.5, 2.0):
        term = window - (1 - exp(-s * window)) / s
        found = counts(bursty, window, 12_000)
        expected = 10 * window + 2 * k * term / s
        assert fmean(found) == pytest.approx(10 * window, abs=5 * sqrt(expected * (1 + 2 / (s * window)) / 12_000))
        assert variance(found) == pytest.approx(expected, rel=0.08)


def test_bursts_with_nothing_between_them() -> None:
    bursty = Bursty(10.0, 10.0, 0.1, 5.0)
    assert bursty.quiet_rate == pytest.approx(0)
    assert fmean(counts(bursty, 1.0, 5000)) == pytest.approx(10, rel=0.06)


def test_a_stream_is_drawn_again_the_same() -> None:
    drawn = Drawn(Poisson(1000.0), MIX, 3, seed=7, requests=500)
    assert list(drawn) == list(drawn)
    assert list(drawn) != list(Drawn(Poisson(1000.0), MIX, 3, seed=8, requests=500))
    assert all(one.picoseconds <= other.picoseconds for one, other in pairwise(drawn))


def test_times_do_not_depend_on_the_mix_and_scale_with_the_rate() -> None:
    times = [arrival.picoseconds for arrival in Drawn(Poisson(1000.0), MIX, 3, requests=200)]
    assert times == [arrival.picoseconds for arrival in Drawn(Poisson(1000.0), even_mix(TASKS), 1, requests=200)]
    slow = [arrival.picoseconds for arrival in Drawn(Poisson(500.0), MIX, 3, requests=200)]
    assert all(abs(2 * fast - late) <= 400 for fast, late in zip(times, slow, strict=True))
    tasks = [arrival.task for arrival in Drawn(Poisson(1000.0), MIX, 3, requests=200)]
    assert tasks == [arrival.task for arrival in Drawn(Bursty(1000.0), MIX, 3, requests=200)]


def test_tasks_come_as_often_as_the_mix_says_and_their_images_take_turns() -> None:
    arrivals = list(Drawn(Poisson(1.0), MIX, 4, requests=20_000))
    shares = Counter(arrival.task for arrival in arrivals)
    for task, share in MIX.items():
        assert shares[task] / 20_000 == pytest.approx(share, abs=4 * sqrt(share * (1 - share) / 20_000))
        images = [arrival.image for arrival in arrivals if arrival.task == task]
        assert images == [number % 4 for number in range(len(images))]


def test_a_task_without_a_share_never_comes() -> None:
    assert {arrival.task for arrival in Drawn(Poisson(1.0), skewed_mix(TASKS, 1.0), 1, requests=300)} == {"apples"}
    assert {arrival.task for arrival in Drawn(Poisson(1.0), skewed_mix(TASKS, 0.0), 1, requests=300)} == {
        "pears",
        "plums",
    }


def test_a_stream_ends_in_time() -> None:
    drawn = Drawn(Poisson(1000.0), MIX, 1, seconds=2.0)
    longer = list(Drawn(Poisson(1000.0), MIX, 1, requests=5000))
    assert list(drawn) == [arrival for arrival in longer if arrival.picoseconds <= 2 * PICOSECONDS]
    assert drawn.expected == 2000


def test_a_request_is_seen_in_the_first_whole_cycle() -> None:
    assert [arrival_cycle(time, 200.0) for time in (0, 1, 4999, 5000, 5001)] == [0, 1, 1, 1, 2]
    assert arrival_cycle(10**12, 0.3) == 300_000
    assert arrival_cycle(10**18 + 1, 100.0) == 10**14 + 1


def test_mixes_are_read_and_named() -> None:
    assert parse_mix("apples=0.6, pears=0.3,plums=0.1", TASKS) == pytest.approx(MIX)
    assert parse_mix("pears=1", TASKS) == {"apples": 0, "pears": 1, "plums": 0}
    assert skewed_mix(TASKS, 0.5) == {"apples": 0.5, "pears": 0.25, "plums": 0.25}
    assert mix_name(MIX) == "0.6/0.3/0.1"
    assert skewed_mix(("apples",), 1.0) == {"apples": 1.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("apples=0.6,pears=0.3", "--mix: 'apples=0.6,pears=0.3': the shares must sum to 1, these sum to 0.9"),
        ("apples=0.6,paers=0.4", "--mix: 'paers': the workload has no such task; did you mean 'pears'?"),
        ("apples=0.5,apples=0.5", "--mix: 'apples': names the same task twice"),
        ("apples=nan,pears=1", "--mix: apples = 'nan': must be a number from 0 to 1"),
        ("apples=-1,pears=2", "--mix: apples = '-1': must be a number from 0 to 1"),
        ("apples=many", "--mix: apples = 'many': must be a number from 0 to 1"),
        ("apples", "--mix: 'apples': must be TASK=SHARE,TASK=SHARE,..."),
        ("", "--mix: '': must be TASK=SHARE,TASK=SHARE,..."),
    ],
)
def test_a_bad_mix_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        parse_mix(text, TASKS)
    assert str(error.value) == message


def test_bad_shares_are_refused() -> None:
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="must be from 0 to 1"):
            skewed_mix(TASKS, share)
    with pytest.raises(InputError, match="the workload has one task"):
        skewed_mix(("apples",), 0.5)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bad_rate_is_refused(rate: float) -> None:
    for process in (Poisson, Bursty):
        with pytest.raises(InputError, match=r"--rate: .*must be a number of requests per second, more than 0"):
            process(rate)


def test_bad_bursts_and_lengths_are_refused() -> None:
    for bad in ({"factor": 0.5}, {"share": 0.0}, {"share": 1.0}, {"requests": 0.0}, {"factor": float("nan")}):
        with pytest.raises(InputError, match="--burst-"):
            Bursty(1.0, **bad)
    for wrong in ({"requests": 0}, {"seconds": 0.0}, {"seconds": float("inf")}, {"requests": 1, "seed": -1}, {}):
        with pytest.raises(InputError):
            Drawn(Poisson(1.0), MIX, 1, **{"seed": 0, **wrong})
