"""What is counted while a stream is served: latencies, batches, switches, energy, the queue. Memory is bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from mimesim.serving.costs import BatchCost
from mimesim.serving.histogram import Histogram
from mimesim.serving.request import Request

__all__ = ["BatchTally", "CaseMetrics", "TaskTally"]


@dataclass
class TaskTally:
    """The requests of one task. Times are in cycles, energy in quanta of the price list.

    *latency* is from a request's arrival to the end of its batch, *waiting* to its start. *shared* holds, by the
    requests of a batch, the sum of the energy that their images caused together, once for each request of this task.
    """

    arrived: int = 0
    rejected: int = 0
    latency: Histogram = field(default_factory=Histogram)
    waiting: Histogram = field(default_factory=Histogram)
    own: int = 0
    shared: Counter[int] = field(default_factory=Counter)

    @property
    def served(self) -> int:
        """Requests that were served."""
        return self.latency.count

    @property
    def quanta(self) -> Fraction:
        """The energy of the task: of its images alone, and an equal part of what each batch's images shared."""
        return self.own + sum((Fraction(quanta, size) for size, quanta in self.shared.items()), Fraction())

    @classmethod
    def merged(cls, parts: Iterable[TaskTally]) -> TaskTally:
        """Return the tally of several tasks together."""
        tallies = list(parts)
        whole = cls(
            arrived=sum(part.arrived for part in tallies),
            rejected=sum(part.rejected for part in tallies),
            latency=Histogram.merged(part.latency for part in tallies),
            waiting=Histogram.merged(part.waiting for part in tallies),
            own=sum(part.own for part in tallies),
        )
        for part in tallies:
            whole.shared.update(part.shared)
        return whole


@dataclass
class BatchTally:
    """Batches of equally many requests and tasks: how many, their cycles and their energy in quanta."""

    count: int = 0
    cycles: int = 0
    shortest: int = 0
    longest: int = 0
    quanta: int = 0
    dram_words: int = 0

    def add(self, cost: BatchCost) -> None:
        """Count one batch."""
        self.shortest = min(self.shortest, cost.cycles) if self.count else cost.cycles
        self.longest = max(self.longest, cost.cycles)
        self.count += 1
        self.cycles += cost.cycles
        self.quanta += cost.quanta
        self.dram_words += cost.dram_words


class CaseMetrics:
    """Everything about one stream on one machine; an :class:`Observer` of the server.

    *tasks* are tallied apart. *batches* are tallied by (requests, different tasks). A switch is a change of task from
    one request to the next in the order in which the machine has them: *between* batches, or *inside* one. Who serves
    notes how many batches were replayed (the others were looked up), and the laws that these replays broke.
    """

    def __init__(self, tasks: Iterable[str]) -> None:
        self.tasks = {task: TaskTally() for task in tasks}
        self.batches: dict[tuple[int, int], BatchTally] = {}
        self.switches_between = self.switches_inside = 0
        self.queue_maximum = 0
        #: Requests waiting, summed over cycles.
        self.queue_cycles = 0
        self.first_arrival: int | None = None
        self.last_end = 0
        self.batches_replayed = 0
        self.violations: list[str] = []
        self._last_task: str | None = None
        self._waiting = self._since = 0

    def arrived(self, request: Request, accepted: bool, waiting: int) -> None:
        """Count an arrival."""
        tally = self.tasks[request.task]
        tally.arrived += 1
        tally.rejected += not accepted
        if self.first_arrival is None:
            self.first_arrival = request.arrival
        self._queue(request.arrival, waiting)

    def started(self, batch: Sequence[Request], cycle: int, waiting: int) -> None:
        """Count the switches, and what waits from now on."""
        tasks = [request.task for request in batch]
        self.switches_between += self._last_task not in (None, tasks[0])
        self.switches_inside += sum(first != second for first, second in pairwise(tasks))
        self._last_task = tasks[-1]
        self._queue(cycle, waiting)

    def ended(self, batch: Sequence[Request], start: int, end: int, cost: BatchCost) -> None:
        """Count a batch and its requests."""
        self.last_end = end
        size = len(batch)
        for request, own in zip(batch, cost.own, strict=True):
            tally = self.tasks[request.task]
            tally.latency.add(end - request.arrival)
            tally.waiting.add(start - request.arrival)
            tally.own += own
            if cost.shared:
                tally.shared[size] += cost.shared
        self.batches.setdefault((size, len({request.task for request in batch})), BatchTally()).add(cost)

    @property
    def whole(self) -> TaskTally:
        """The requests of all tasks."""
        return TaskTally.merged(self.tasks.values())

    @property
    def busy_cycles(self) -> int:
        """Cycles in which a batch ran."""
        return sum(tally.cycles for tally in self.batches.values())

    @property
    def makespan(self) -> int:
        """Cycles from the first arrival to the end of the last batch."""
        return max(0, self.last_end - (self.first_arrival or 0))

    def _queue(self, cycle: int, waiting: int) -> None:
        self.queue_cycles += self._waiting * (cycle - self._since)
        self.queue_maximum = max(self.queue_maximum, waiting)
        self._waiting, self._since = waiting, cycle
