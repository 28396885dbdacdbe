"""How the parts of the machine wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from simpy import Environment, Event
from simpy.events import EventPriority

__all__ = ["Progress", "late", "when_done"]

#: After everything else in the same cycle; SimPy's own priorities are 0 (urgent) and 1 (normal).
LATE = EventPriority(2)


class Progress:
    """A count that only grows, such as "passes done": a process waits until it reaches a value.

    Parts work in program order, so one number says all that a neighbour needs to know. A bounded buffer of depth n
    between two of them is "start k when the consumer's progress has reached k - n". Waiting for a value that is already
    reached costs nothing: test :attr:`value` first.
    """

    __slots__ = ("_environment", "_order", "_waiting", "value")

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._waiting: list[tuple[int, int, Event]] = []
        self._order = count()
        #: How many are done.
        self.value = 0

    def advance(self) -> None:
        """Count one more and wake whoever waited for it, in this cycle."""
        self.value += 1
        while self._waiting and self._waiting[0][0] <= self.value:
            heappop(self._waiting)[2].succeed()

    def until(self, value: int) -> Event:
        """Return an event that happens when the count reaches *value*; the count must be lower now."""
        event = Event(self._environment)
        heappush(self._waiting, (value, next(self._order), event))
        return event


def when_done(event: Event, call: Callable[[Event], None]) -> None:
    """Call *call* when a fresh *event* happens."""
    assert event.callbacks is not None  # noqa: S101 - SimPy clears them only once the event has happened
    event.callbacks.append(call)


def late(environment: Environment) -> Event:
    """Return an event at the end of the current cycle, when all that ends in it has ended and been seen."""
    event = Event(environment)
    event._ok, event._value = True, None
    environment.schedule(event, priority=LATE)
    return event
