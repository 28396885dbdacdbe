"""The accelerator under a stream of requests: arrivals, a queue, one batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Protocol

from simpy import Event

from mimesim.machine.clock import Clock
from mimesim.machine.progress import late
from mimesim.serving.costs import BatchCost
from mimesim.serving.policies import Batcher
from mimesim.serving.request import Request

__all__ = ["Observer", "serve_stream"]

#: Tells what a batch costs; asked once for each batch, in the order in which they run.
Costs = Callable[[Sequence[Request]], BatchCost]


class Observer(Protocol):
    """Who is told what happens, in the order in which it does."""

    def arrived(self, request: Request, accepted: bool, waiting: int) -> None:
        """*request* arrived and was let into the queue, or not; *waiting* are in it now."""

    def started(self, batch: Sequence[Request], cycle: int, waiting: int) -> None:
        """*batch* left the queue and starts; *waiting* are in the queue now."""

    def ended(self, batch: Sequence[Request], start: int, end: int, cost: BatchCost) -> None:
        """*batch* ran from *start* to *end*."""


def serve_stream(requests: Iterable[Request], batcher: Batcher, costs: Costs, observer: Observer) -> None:
    """Serve *requests*, given in the order of their arrival, until all are served or refused.

    What arrives in the cycle in which a batch ends, or in which a lane of the queue becomes ready, is in the queue when
    the next batch is taken. An idle accelerator takes a batch as soon as there is one. Raises what *requests*, *costs*
    and *observer* raise.
    """
    environment = Clock()
    environment.run(until=_Server(environment, requests, batcher, costs, observer).over)


class _Server:
    """Two processes: one lets requests in when they arrive, one takes batches and runs them.

    *over* happens when all is served, or fails with what went wrong: SimPy would raise a copy of it made from its text.
    """

    def __init__(
        self, environment: Clock, requests: Iterable[Request], batcher: Batcher, costs: Costs, observer: Observer
    ) -> None:
        self._environment = environment
        self._batcher = batcher
        self._costs = costs
        self._observer = observer
        self._closed = False
        #: While the accelerator waits for requests: happens when one is let in, or none will come any more.
        self._news: Event | None = None
        self.over = environment.event()
        environment.process(self._guarded(self._arrive(requests)))
        environment.process(self._guarded(self._work()))

    def _guarded(self, process: Generator[Event, None, None]) -> Generator[Event, None, None]:
        try:
            yield from process
        except Exception as error:
            self.over.fail(error)

    def _arrive(self, requests: Iterable[Request]) -> Generator[Event, None, None]:
        environment, batcher = self._environment, self._batcher
        for request in requests:
            if request.arrival > environment.cycle:
                yield environment.timeout(request.arrival - environment.cycle)
            accepted = batcher.offer(request)
            self._observer.arrived(request, accepted, len(batcher))
            if accepted:
                self._tell()
        self._closed = True
        self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.succeed()
            self._news = None

    def _work(self) -> Generator[Event, None, None]:
        environment, batcher = self._environment, self._batcher
        due, timer = -1, Event(environment)
        while True:
            # At the end of the cycle, when all that arrives in it is there.
            yield late(environment)
            start = environment.cycle
            if batch := batcher.take(start):
                self._observer.started(batch, start, len(batcher))
                cost = self._costs(batch)
                yield environment.timeout(cost.cycles)
                self._observer.ended(batch, start, environment.cycle, cost)
                continue
            ready = batcher.ready_at()
            if ready is None and self._closed:
                self.over.succeed()
                return
            self._news = environment.event()
            if ready is None:
                yield self._news
                continue
            if ready != due:
                # One timer for many arrivals: they make no lane ready earlier but by filling it.
                due, timer = ready, environment.timeout(ready - start)
            yield self._news | timer
