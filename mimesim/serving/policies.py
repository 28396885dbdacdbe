"""Batching policies: which waiting requests go into the next batch, and when."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from typing import ClassVar

from mimesim.serving.request import Request

__all__ = ["POLICIES", "Batcher", "Deadline", "Fifo", "Grouped", "Policy"]

#: Waiting requests that may share a batch, the oldest first; none is empty.
Lane = Sequence[Request]


class Policy(ABC):
    """Sorts requests into lanes, each in order of arrival, and says from which lane the next batch is taken."""

    #: The name that the command line knows.
    name: ClassVar[str]

    @abstractmethod
    def lane(self, request: Request) -> str:
        """Return the lane of *request*; a batch holds requests of one lane."""

    def patience(self, wait: int) -> int:
        """Return the cycles after which a request makes its lane ready, where *wait* is what was asked for."""
        return wait

    def choose(self, lanes: Mapping[str, Lane], full: int, now: int, last_task: str | None) -> str:
        """Return one of *lanes*, all of them ready; *full* requests fill a batch, *last_task* ended the last one.

        Here: that of the oldest request.
        """
        return min(lanes, key=lambda name: lanes[name][0].number)


class Fifo(Policy):
    """Arrival order: a batch is the oldest requests, whatever their tasks."""

    name: ClassVar[str] = "fifo"

    def lane(self, request: Request) -> str:
        """Return the one lane there is."""
        return ""


class Grouped(Policy):
    """A batch is of one task, that of the oldest request; later requests of the task overtake others.

    No request starves: once its lane is ready, every batch holds the oldest request of the ready lanes, so that of the
    requests before it each takes one batch at most.
    """

    name: ClassVar[str] = "grouped"

    def lane(self, request: Request) -> str:
        """Return the request's task."""
        return request.task


class Deadline(Grouped):
    """A batch is of one task, that which fills it best; once the oldest request has waited *deadline* cycles, its task.

    Of tasks that fill it equally well (what does not fit any more does not count) the last batch's task goes first,
    then that of the oldest request. No request starves: while one is overdue, batches are taken as by ``grouped``.
    """

    name: ClassVar[str] = "deadline"

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline

    def patience(self, wait: int) -> int:
        """Wait no longer than the deadline."""
        return min(wait, self.deadline)

    def choose(self, lanes: Mapping[str, Lane], full: int, now: int, last_task: str | None) -> str:
        """Return the fullest lane, or that of the oldest request if it is overdue."""
        oldest = super().choose(lanes, full, now, last_task)
        if now - lanes[oldest][0].arrival >= self.deadline:
            return oldest
        return min(lanes, key=lambda name: (-min(full, len(lanes[name])), name != last_task, lanes[name][0].number))


POLICIES: dict[str, type[Policy]] = {kind.name: kind for kind in (Fifo, Grouped, Deadline)}


class Batcher:
    """The queue of one accelerator, and how batches of at most *batch_images* are taken from it.

    A lane is *ready* when it holds a full batch, or its oldest request has waited *wait* cycles. Of the ready lanes the
    policy chooses. With a *capacity*, a request that finds so many waiting is refused. The machine has a batch in order
    of arrival; if *tasks* are given, sorted by their order and then by image, so that fewer different batches come up.
    """

    def __init__(
        self,
        policy: Policy,
        batch_images: int,
        wait: int = 0,
        capacity: int | None = None,
        tasks: Sequence[str] = (),
    ) -> None:
        self._policy = policy
        self._order = {task: number for number, task in enumerate(tasks)}
        self._full = batch_images
        self._patience = policy.patience(wait)
        self._capacity = capacity
        self._lanes: dict[str, deque[Request]] = {}
        self._last_task: str | None = None
        self._waiting = 0

    def __len__(self) -> int:
        """Return how many requests wait."""
        return self._waiting

    def offer(self, request: Request) -> bool:
        """Let *request* wait; return False if there is no room for it."""
        if self._capacity is not None and self._waiting >= self._capacity:
            return False
        self._lanes.setdefault(self._policy.lane(request), deque()).append(request)
        self._waiting += 1
        return True

    def take(self, now: int) -> list[Request]:
        """Remove and return the next batch, in the order in which the machine has it; empty if no lane is ready."""
        ready = {
            name: lane
            for name, lane in self._lanes.items()
            if len(lane) >= self._full or lane[0].arrival + self._patience <= now
        }
        if not ready:
            return []
        name = self._policy.choose(ready, self._full, now, self._last_task)
        lane = self._lanes[name]
        batch = [lane.popleft() for _ in range(min(self._full, len(lane)))]
        if not lane:
            del self._lanes[name]
        self._waiting -= len(batch)
        if self._order:
            batch.sort(key=lambda request: (self._order[request.task], request.image, request.number))
        self._last_task = batch[-1].task
        return batch

    def ready_at(self) -> int | None:
        """Return the cycle at which the first lane is ready if nothing more arrives; None if nothing waits."""
        oldest = min((lane[0].arrival for lane in self._lanes.values()), default=None)
        return None if oldest is None else oldest + self._patience
