from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from mimesim.machine.clock import Clock
from mimesim.machine.progress import Progress, late, when_done


def test_a_wait_ends_in_the_cycle_in_which_the_count_is_reached() -> None:
    clock, seen = Clock(), []
    progress = Progress(clock)

    def worker() -> Generator[Event, None, None]:
        for _ in range(3):
            yield clock.timeout(5)
            progress.advance()

    def waiter(value: int) -> Generator[Event, None, None]:
        yield progress.until(value)
        seen.append((value, clock.cycle, progress.value))

    clock.process(worker())
    for value in (3, 1, 2, 1):
        clock.process(waiter(value))
    clock.run()

    assert seen == [(1, 5, 1), (1, 5, 1), (2, 10, 2), (3, 15, 3)]


def test_nobody_is_woken_early() -> None:
    clock = Clock()
    progress = Progress(clock)
    wait = progress.until(2)

    progress.advance()
    assert not wait.triggered
    progress.advance()
    assert wait.triggered


def test_a_bounded_buffer_is_a_wait_for_the_consumer() -> None:
    # A producer of 2-cycle steps may be 2 ahead of a consumer of 5-cycle steps: item k starts when k - 2 is consumed.
    clock, started = Clock(), []
    made, used = Progress(clock), Progress(clock)

    def producer() -> Generator[Event, None, None]:
        for item in range(4):
            if used.value < item - 1:
                yield used.until(item - 1)
            started.append(clock.cycle)
            yield clock.timeout(2)
            made.advance()

    def consumer() -> Generator[Event, None, None]:
        for item in range(4):
            if made.value <= item:
                yield made.until(item + 1)
            yield clock.timeout(5)
            used.advance()

    clock.process(producer())
    clock.process(consumer())
    clock.run()

    # The consumer ends at 7, 12, 17 and 22.
    assert started == [0, 2, 7, 12]
    assert clock.cycle == 22


def test_late_comes_after_everything_else_in_the_cycle() -> None:
    clock, order = Clock(), []

    def note(name: str) -> Event:
        event = clock.timeout(3)
        when_done(event, lambda _: order.append(name))
        return event

    def begin(_: Event) -> None:
        order.append("first")
        when_done(late(clock), lambda _: order.append("late"))
        # Scheduled after the late event, for the same cycle.
        when_done(clock.timeout(0), lambda _: order.append("more"))

    when_done(clock.timeout(3), begin)
    note("second")
    clock.run()

    assert order == ["first", "second", "more", "late"]
    assert clock.cycle == 3
