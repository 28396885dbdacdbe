"""The weight loader: copies chunks from the cache into the scratchpads (``docs/machine.md``, section 6.2)."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.machine.banks import BankArbiter
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram
from mimesim.machine.kinds import WEIGHTS
from mimesim.machine.observer import Observer
from mimesim.machine.stream import PassStream
from mimesim.schedule.program import Fill

__all__ = ["WeightLoader"]

_BANKS = 2


class WeightLoader:
    """Fills the two weight banks of all PEs in turn, by multicast.

    Ports: read port of the weight cache, the weight network. Latency: words over the network's width, plus its latency,
    and cycles lost in the cache's banks (*arbiter*).
    Books: its busy cycles; words are booked with the program. Promises: a bank is overwritten only when all passes that
    use it have ended.
    """

    def __init__(
        self,
        environment: Clock,
        hardware: Hardware,
        stream: PassStream,
        dram: Dram,
        arbiter: BankArbiter | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._environment = environment
        self._observer = observer
        self._latency = hardware.noc.latency_cycles
        self._arbiter = arbiter
        self._stream = stream
        self._arrivals = dram.arrivals[WEIGHTS]
        self.busy_cycles = 0
        environment.process(self._run())

    def _run(self) -> Generator[Event, None, None]:
        stream, environment = self._stream, self._environment
        number = 0
        # The pass after the last one of each of the two latest fills: their banks are free once it may start.
        released = [0] * _BANKS
        while (run := stream.phase(number)) is not None:
            users = _pass_counts(run.phase.fill, len(run.phase.fills))
            last = run.first_pass
            for fill, details in enumerate(run.phase.fills):
                last += users[fill]
                if stream.fills_looked_up.value <= run.first_fill + fill:
                    yield stream.fills_looked_up.until(run.first_fill + fill + 1)
                request, wait = run.fill_data[fill], 0
                if request and (arrival := self._arrivals[request - 1]) > environment.cycle:
                    wait = arrival - environment.cycle
                free = stream.passes_done.value >= released[0]
                if free and (self._arbiter is None or details.block.in_envm):
                    # The common case, in one event: nothing but time lies between now and the end of the fill.
                    began = environment.cycle + wait
                    yield environment.timeout(wait + details.cycles)
                else:
                    began = yield from self._fill(details, wait, released[0])
                if self._observer is not None:
                    self._observer.filled(run.phase, details, began, environment.cycle)
                self.busy_cycles += details.cycles
                stream.fills_done.advance()
                released = [*released[1:], last]
            number += 1

    def _fill(self, details: Fill, wait: int, released: int) -> Generator[Event, None, int]:
        """Copy a chunk, *wait* cycles from now and when pass *released* may start; return when that began."""
        stream, environment = self._stream, self._environment
        yield environment.timeout(wait)
        if stream.passes_done.value < released:
            yield stream.passes_done.until(released)
        began = environment.cycle
        if self._arbiter is None or details.block.in_envm:
            yield environment.timeout(details.cycles)
        else:
            yield from self._arbiter.run("noc", details.cycles - self._latency)
            yield environment.timeout(self._latency)
        return began


def _pass_counts(fill_of_pass: list[int], fills: int) -> list[int]:
    counts = [0] * fills
    for fill in fill_of_pass:
        if fill >= 0:
            counts[fill] += 1
    return counts
