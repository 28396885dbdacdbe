"""What is counted, by hand on a small stream; and what must add up on any."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from mimesim.serving.arrivals import Drawn, Poisson
from mimesim.serving.costs import BatchCost
from mimesim.serving.metrics import CaseMetrics
from mimesim.serving.policies import Batcher, Deadline, Fifo, Grouped, Policy
from mimesim.serving.request import Request, arrival_cycle
from mimesim.serving.server import serve_stream
from tests.serving.rig import cost_of

TASKS = ("apples", "pears")


def served(stream: Sequence[Request], batcher: Batcher) -> CaseMetrics:
    metrics = CaseMetrics(TASKS)
    serve_stream(stream, batcher, lambda batch: cost_of(batch, 10 * len(batch)), metrics)
    return metrics


def test_a_stream_worked_through() -> None:
    # 100: apple 0 starts, until 110. 102: pear 1 waits, 104: pear 2 waits, 105: apple 3 finds the queue full.
    # 110: pears 1 and 2 start, until 130. 140: apple 4 starts, until 150.
    stream = [
        Request(number, time, task, 0)
        for number, (time, task) in enumerate(
            [(100, "apples"), (102, "pears"), (104, "pears"), (105, "apples"), (140, "apples")]
        )
    ]
    metrics = served(stream, Batcher(Fifo(), 2, capacity=2))
    apples, pears = metrics.tasks.values()
    assert (apples.arrived, apples.served, apples.rejected) == (3, 2, 1)
    assert (pears.arrived, pears.served, pears.rejected) == (2, 2, 0)
    assert [apples.latency.percentile(p) for p in (50, 100)] == [10, 10]
    assert [pears.latency.percentile(p) for p in (50, 100)] == [26, 28]
    assert (apples.waiting.total, pears.waiting.total) == (0, 8 + 6)
    assert (metrics.first_arrival, metrics.last_end, metrics.makespan, metrics.busy_cycles) == (100, 150, 50, 40)
    # One waits for 2 cycles, two for 6.
    assert (metrics.queue_cycles, metrics.queue_maximum) == (2 + 12, 2)
    assert (metrics.switches_between, metrics.switches_inside) == (2, 0)
    assert {key: (tally.count, tally.cycles) for key, tally in metrics.batches.items()} == {
        (1, 1): (2, 20),
        (2, 1): (1, 20),
    }
    # Own energy is 100 and the request's number; 7 for each of a batch is shared.
    assert (apples.quanta, pears.quanta) == (100 + 104 + 7 + 7, 101 + 102 + 14)


def test_switches_inside_a_batch_and_between_batches() -> None:
    tasks = ["apples", "pears", "apples", "pears", "pears", "apples"]
    stream = [Request(number, 0, task, 0) for number, task in enumerate(tasks)]
    metrics = served(stream, Batcher(Fifo(), 3))
    assert (metrics.switches_inside, metrics.switches_between) == (2 + 1, 1)
    assert metrics.batches[3, 2].count == 2
    grouped = served(stream, Batcher(Grouped(), 3))
    assert (grouped.switches_inside, grouped.switches_between) == (0, 1)


def test_shared_energy_is_split_evenly() -> None:
    metrics = CaseMetrics(TASKS)
    batch = [Request(0, 0, "apples", 0), Request(1, 0, "apples", 1), Request(2, 0, "pears", 0)]
    metrics.started(batch, 0, 0)
    metrics.ended(batch, 0, 9, BatchCost(9, 0, (1, 2, 4), 10))
    assert metrics.tasks["apples"].quanta == 3 + Fraction(20, 3)
    assert metrics.tasks["pears"].quanta == 4 + Fraction(10, 3)
    assert metrics.whole.quanta == 17


POLICIES = st.one_of(st.builds(Fifo), st.builds(Grouped), st.builds(Deadline, st.integers(0, 50)))
STREAMS = st.lists(st.tuples(st.integers(0, 15), st.sampled_from(TASKS)), min_size=1, max_size=60)


@given(STREAMS, POLICIES, st.integers(1, 4), st.integers(0, 30), st.one_of(st.none(), st.integers(1, 5)))
def test_the_books_balance(
    gaps: list[tuple[int, str]], policy: Policy, full: int, wait: int, capacity: int | None
) -> None:
    time, stream = 0, []
    for number, (gap, task) in enumerate(gaps):
        time += gap
        stream.append(Request(number, time, task, 0))
    metrics = served(stream, Batcher(policy, full, wait, capacity))
    whole = metrics.whole
    assert whole.arrived == len(stream) == whole.served + whole.rejected
    assert whole.served == sum(size * tally.count for (size, _), tally in metrics.batches.items())
    assert metrics.busy_cycles == 10 * whole.served <= metrics.makespan
    assert whole.quanta == sum(tally.quanta for tally in metrics.batches.values())
    # The area under the queue is what its requests waited together (Little's law, exactly).
    assert metrics.queue_cycles == whole.waiting.total
    assert whole.latency.total == whole.waiting.total + sum(
        size * tally.cycles for (size, _), tally in metrics.batches.items()
    )


def peak_bytes(requests: int) -> int:
    """Return the most memory that a stream takes, with everything that is kept of it."""
    arrivals = Drawn(Poisson(10_000.0), {"apples": 0.6, "pears": 0.4}, 3, 0, requests)
    tracemalloc.start()
    stream = (Request(n, arrival_cycle(at, 1.0), task, image) for n, (at, task, image) in enumerate(arrivals))
    metrics = CaseMetrics(TASKS)
    serve_stream(stream, Batcher(Grouped(), 3), lambda batch: cost_of(batch, 20 * len(batch)), metrics)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert metrics.whole.served == requests
    return peak


def test_memory_does_not_grow_with_the_number_of_requests() -> None:
    peak_bytes(200)
    few, many = peak_bytes(2000), peak_bytes(20_000)
    # Longer queues come up in a longer stream, and latencies that fill more buckets, of at most 2000 here.
    assert many < few + 64_000
