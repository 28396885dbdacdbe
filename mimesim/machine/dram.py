"""The DRAM as a part of the machine: requests, arbitration and the caches' fill ports (``docs/machine.md``, section 6.5)."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from heapq import heappop, heappush

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.machine.clock import Clock
from mimesim.machine.dram_bank import DramDevice
from mimesim.machine.progress import Progress, late

__all__ = ["STREAMS", "Dram"]

#: What shares the channel, in the order in which requests of the same cycle are granted.
STREAMS = ("weights", "activations", "thresholds", "write_back")


class Dram:
    """Grants requests first come, first served and tells when each is complete.

    Ports: four request streams; three (or one unified) fill ports into the caches. Latency: that of the device, then the
    fill port's. Books: clocks of the data bus. Promises: requests of one stream complete in the order of submission.
    :attr:`arrived` counts the completed requests of each stream.
    """

    def __init__(self, environment: Clock, hardware: Hardware) -> None:
        self._environment = environment
        self._queue_depth = hardware.dram.queue
        self._clocks_per_cycle = Fraction(hardware.dram.timing.clock_mhz) / Fraction(hardware.clock_mhz)
        self._burst_words = hardware.burst_words
        self._fill_words = hardware.noc.fill_words_per_cycle
        unified = hardware.caches.organisation == "unified"
        self._port = {stream: "unified" if unified else stream for stream in STREAMS}
        self._port_free = dict.fromkeys(self._port.values(), 0)
        self._waiting: list[tuple[int, int, list[tuple[int, int]]]] = []
        self._in_flight = 0
        self._wake: Event | None = None
        self.device = DramDevice(hardware.dram)
        self.arrived = [Progress(environment) for _ in STREAMS]
        environment.process(self._run())

    def submit(self, stream: int, runs: list[tuple[int, int]]) -> None:
        """Queue a request for *runs* of (address, bursts); *stream* indexes :data:`STREAMS`."""
        heappush(self._waiting, (self._environment.cycle, stream, runs))
        self._rouse()

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.triggered:
            self._wake.succeed()

    def _run(self) -> Generator[Event, None, None]:
        environment = self._environment
        while True:
            if not self._waiting or self._in_flight == self._queue_depth:
                self._wake = Event(environment)
                yield self._wake
                self._wake = None
            # Whoever submits in this cycle is heard before anyone is granted.
            yield late(environment)
            while self._waiting and self._in_flight < self._queue_depth:
                self._grant(*heappop(self._waiting)[1:])

    def _grant(self, stream: int, runs: list[tuple[int, int]]) -> None:
        now = self._environment.cycle
        ratio = self._clocks_per_cycle
        clock = -(-now * ratio.numerator // ratio.denominator)
        over = self.device.serve(clock, runs, STREAMS[stream] == "write_back")
        cycle = -(-over * ratio.denominator // ratio.numerator)
        if STREAMS[stream] != "write_back":
            port = self._port[STREAMS[stream]]
            words = sum(bursts for _, bursts in runs) * self._burst_words
            cycle = max(cycle, max(self._port_free[port], now) - (-words // self._fill_words))
            self._port_free[port] = cycle
        self._in_flight += 1
        done = self._environment.timeout(cycle - now, stream)
        assert done.callbacks is not None  # noqa: S101 - a fresh event always has them
        done.callbacks.append(self._complete)

    def _complete(self, done: Event) -> None:
        self._in_flight -= 1
        self.arrived[done.value].advance()
        self._rouse()
