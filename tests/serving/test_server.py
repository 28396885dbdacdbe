"""The server against a slow second one, against queueing theory, and by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimesim.errors import InputError
from mimesim.serving.arrivals import Drawn, Poisson
from mimesim.serving.costs import BatchCost
from mimesim.serving.metrics import CaseMetrics
from mimesim.serving.policies import POLICIES, Batcher, Deadline, Fifo, Grouped, Policy
from mimesim.serving.request import Request, arrival_cycle
from mimesim.serving.server import serve_stream
from tests.serving.brute import Rules, serve_slowly
from tests.serving.rig import Notes, cost_of, fixed_cost

TASKS = ("apples", "pears", "plums")


def requests(*arrivals: tuple[int, str]) -> list[Request]:
    return [Request(number, time, task, 0) for number, (time, task) in enumerate(arrivals)]


def served(stream: Sequence[Request], rules: Rules, cycles: int) -> Notes:
    notes = Notes()
    batcher = Batcher(made(rules), rules.batch_images, rules.wait, rules.capacity)
    serve_stream(stream, batcher, lambda batch: cost_of(batch, cycles), notes)
    return notes


def made(rules: Rules) -> Policy:
    return Deadline(rules.deadline) if rules.policy == "deadline" else POLICIES[rules.policy]()


@st.composite
def streams(draw: st.DrawFn) -> list[Request]:
    gaps = draw(st.lists(st.integers(0, draw(st.sampled_from([3, 12, 40]))), min_size=1, max_size=40))
    tasks = st.sampled_from(TASKS[: draw(st.integers(1, 3))])
    time, found = 0, []
    for gap in gaps:
        time += gap
        found.append((time, draw(tasks)))
    return requests(*found)


RULES = st.builds(
    Rules,
    policy=st.sampled_from(sorted(POLICIES)),
    batch_images=st.integers(1, 4),
    wait=st.sampled_from([0, 1, 5, 30]),
    deadline=st.sampled_from([0, 1, 10, 25, 100]),
    capacity=st.one_of(st.none(), st.integers(1, 8)),
)


@settings(max_examples=400)
@given(streams(), RULES, st.integers(1, 20))
def test_the_server_agrees_with_a_slow_one(stream: list[Request], rules: Rules, base: int) -> None:
    def cycles(batch: Sequence[Request]) -> int:
        # Whatever tells batches apart, in their order.
        return base + 3 * len(batch) + sum(place * TASKS.index(one.task) for place, one in enumerate(batch))

    notes = Notes()
    batcher = Batcher(made(rules), rules.batch_images, rules.wait, rules.capacity)
    serve_stream(stream, batcher, lambda batch: cost_of(batch, cycles(batch)), notes)
    ran, rejected = serve_slowly(stream, rules, cycles)
    assert notes.ran == [tuple(batch) for batch in ran]
    assert notes.rejected == rejected
    assert len(batcher) == 0
    # Every request is served once or rejected once, and batches follow each other.
    assert sorted([number for _, _, numbers in notes.ran for number in numbers] + rejected) == list(range(len(stream)))
    assert all(end <= start for (_, end, _), (start, _, _) in zip(notes.ran, notes.ran[1:], strict=False))


@given(streams(), st.integers(1, 4), st.integers(1, 30))
def test_a_deadline_that_is_always_over_is_grouped(stream: list[Request], full: int, cycles: int) -> None:
    grouped = served(stream, Rules("grouped", full, 0, 0, None), cycles)
    assert served(stream, Rules("deadline", full, 0, 0, None), cycles) == grouped


@given(streams(), st.integers(1, 4), st.integers(1, 30))
def test_a_stream_of_one_task_is_served_alike_by_all(stream: list[Request], full: int, cycles: int) -> None:
    alone = [request._replace(task="pears") for request in stream]
    found = [served(alone, Rules(policy, full, 0, 50, None), cycles).ran for policy in POLICIES]
    assert found[1:] == found[:-1]


@given(streams(), st.integers(1, 4), st.integers(1, 30))
def test_no_request_starves_when_grouped(stream: list[Request], full: int, cycles: int) -> None:
    """A request starts after no more batches than there were older requests in the queue and running when it came."""
    notes = served(stream, Rules("grouped", full, 0, 0, None), cycles)
    started = {number: place for place, (_, _, numbers) in enumerate(notes.ran) for number in numbers}
    starts = [start for start, _, _ in notes.ran]
    for request in stream:
        before = sum(start < request.arrival for start in starts)
        older = sum(one.number < request.number and started[one.number] >= before for one in stream)
        assert started[request.number] - before <= older


@given(streams(), st.integers(1, 4), st.integers(1, 30), st.integers(0, 60))
def test_an_overdue_request_is_overtaken_by_older_tasks_only(
    stream: list[Request], full: int, cycles: int, deadline: int
) -> None:
    """Once a request is overdue, every batch holds the oldest one of the queue until it is served."""
    notes = served(stream, Rules("deadline", full, 0, deadline, None), cycles)
    started = {number: start for start, _, numbers in notes.ran for number in numbers}
    for request in stream:
        for start, _, numbers in notes.ran:
            if request.arrival + deadline <= start < started[request.number]:
                waiting = [one.number for one in stream if one.arrival <= start <= started[one.number]]
                assert min(waiting) in numbers


def test_arrival_order_mixes_tasks_and_grouping_does_not() -> None:
    stream = requests((0, "apples"), (1, "apples"), (2, "pears"), (3, "apples"), (4, "pears"))
    assert served(stream, Rules("fifo", 3, 0, 0, None), 10).ran == [(0, 10, [0]), (10, 20, [1, 2, 3]), (20, 30, [4])]
    assert served(stream, Rules("grouped", 3, 0, 0, None), 10).ran == [
        (0, 10, [0]),
        (10, 20, [1, 3]),
        (20, 30, [2, 4]),
    ]


def test_a_deadline_fills_batches_until_one_is_overdue() -> None:
    # Pears fill a batch and keep coming; the apple waits for its deadline, not for them to end.
    stream = requests((0, "pears"), (1, "apples"), *((time, "pears") for time in range(2, 42, 2)))
    ran = served(stream, Rules("deadline", 2, 0, 25, None), 10).ran
    assert ran[:4] == [(0, 10, [0]), (10, 20, [2, 3]), (20, 30, [4, 5]), (30, 40, [1])]


def test_an_unfilled_batch_waits_as_long_as_it_is_told() -> None:
    stream = requests((5, "apples"), (9, "pears"), (11, "apples"))
    assert served(stream, Rules("grouped", 2, 8, 0, None), 10).ran == [(11, 21, [0, 2]), (21, 31, [1])]
    assert served(stream, Rules("fifo", 3, 4, 0, None), 10).ran == [(9, 19, [0, 1]), (19, 29, [2])]
    assert served(stream[:1], Rules("fifo", 3, 4, 0, None), 10).ran == [(9, 19, [0])]


def test_what_arrives_as_a_batch_ends_makes_the_next_one() -> None:
    stream = requests((0, "apples"), (10, "apples"), (10, "pears"))
    assert served(stream, Rules("fifo", 2, 0, 0, None), 10).ran == [(0, 10, [0]), (10, 20, [1, 2])]


def test_a_full_queue_rejects() -> None:
    stream = requests(*((time, "apples") for time in (0, 1, 2, 3, 11)))
    notes = served(stream, Rules("fifo", 1, 0, 0, 2), 10)
    assert notes.rejected == [3]
    assert [numbers for _, _, numbers in notes.ran] == [[0], [1], [2], [4]]


def test_a_sorted_batch_goes_by_task_and_image() -> None:
    notes = Notes()
    stream = [
        Request(0, 0, "plums", 0),
        Request(1, 0, "pears", 1),
        Request(2, 0, "apples", 2),
        Request(3, 0, "pears", 0),
    ]
    serve_stream(stream, Batcher(Fifo(), 4, tasks=TASKS), lambda batch: cost_of(batch, 5), notes)
    assert notes.ran == [(0, 5, [2, 3, 1, 0])]


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_the_mean_wait_is_that_of_an_m_d_1_queue(load: float) -> None:
    """Pollaczek and Khinchine: Poisson arrivals and a fixed service time s wait load s / (2 (1 - load)) in the mean.

    The mean over independent streams, within four standard errors; a stream is long against the time in which a queue
    forgets that it began empty.
    """
    service, mhz = 1000, 1.0
    means = []
    for seed in range(20):
        metrics = CaseMetrics(["apples"])
        arrivals = Drawn(Poisson(load * 1e6 * mhz / service), {"apples": 1.0}, 1, seed, requests=3000)
        stream = (Request(n, arrival_cycle(one.picoseconds, mhz), one.task, 0) for n, one in enumerate(arrivals))
        serve_stream(stream, Batcher(Grouped(), 1), lambda _: fixed_cost(service), metrics)
        means.append(metrics.whole.waiting.mean or 0.0)
        assert metrics.whole.served == 3000
        assert metrics.whole.waiting.total == metrics.queue_cycles
    expected = load * service / (2 * (1 - load))
    error = stdev(means) / sqrt(len(means))
    assert error < 0.05 * expected
    assert abs(fmean(means) - expected) < 4 * error


def test_costs_are_asked_for_once_a_batch_and_in_order() -> None:
    asked: list[list[int]] = []

    def cost(batch: Sequence[Request]) -> BatchCost:
        asked.append([request.number for request in batch])
        return cost_of(batch, 4)

    notes = Notes()
    serve_stream(requests((0, "apples"), (1, "pears"), (1, "apples")), Batcher(Fifo(), 2), cost, notes)
    assert asked == [numbers for _, _, numbers in notes.ran] == [[0], [1, 2]]


def test_what_goes_wrong_comes_out_as_it_is() -> None:
    problem = InputError("hardware", "is too small", key="caches")

    def cost(_: Sequence[Request]) -> BatchCost:
        raise problem

    def broken() -> Iterator[Request]:
        yield Request(0, 5, "apples", 0)
        raise problem

    for stream, costs in ((requests((0, "apples")), cost), (broken(), lambda batch: cost_of(batch, 9))):
        with pytest.raises(InputError) as raised:
            serve_stream(stream, Batcher(Fifo(), 2), costs, Notes())
        assert raised.value is problem


def test_no_requests_are_no_batches() -> None:
    notes = Notes()
    serve_stream([], Batcher(Fifo(), 2), lambda batch: cost_of(batch, 4), notes)
    assert notes.ran == []
