"""The DRAM as a part of the machine: requests, arbitration and fill ports (``docs/machine.md``, section 6.5)."""

from __future__ import annotations

from array import array
from fractions import Fraction
from heapq import heappop, heappush

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.machine.clock import Clock
from mimesim.machine.dram_bank import DramDevice
from mimesim.machine.kinds import KINDS, READS, WEIGHTS, WRITE_BACK
from mimesim.machine.progress import Progress, late, when_done

__all__ = ["Dram", "Runs"]

#: Parts of a request: (first burst, bursts).
Runs = list[tuple[int, int]]


class Dram:
    """Grants requests first come, first served and tells when each is complete.

    Ports: four request streams; three (or one unified) fill ports into the caches. Latency: that of the device, then
    the fill port's. Books: clocks of the data bus. Promises: requests of one kind complete in the order of submission.
    Like SimPy's own resources it acts when it is asked and when something completes; it needs no process.
    :attr:`arrived` counts the completed requests of each kind.
    """

    def __init__(self, environment: Clock, hardware: Hardware) -> None:
        self._environment = environment
        self._queue_depth = hardware.dram.queue
        ratio = Fraction(hardware.dram.timing.clock_mhz) / Fraction(hardware.clock_mhz)
        self._clocks, self._cycles = ratio.numerator, ratio.denominator
        self._burst_words = hardware.burst_words
        self._fill_words = hardware.noc.fill_words_per_cycle
        unified = hardware.caches.organisation == "unified"
        self._port = [WEIGHTS if unified else kind for kind in range(len(READS))]
        self._port_free = [0] * len(READS)
        self._waiting: list[tuple[int, int, Runs]] = []
        self._in_flight = 0
        self._granting = False
        self.device = DramDevice(hardware.dram)
        self.arrived = [Progress(environment) for _ in KINDS]
        #: The cycle in which each request of a kind completed.
        self.arrivals = [array("q") for _ in KINDS]

    def submit(self, kind: int, runs: Runs) -> None:
        """Queue a request for *runs* of (address, bursts)."""
        heappush(self._waiting, (self._environment.cycle, kind, runs))
        self._grant_late()

    def _grant_late(self) -> None:
        """See to it that requests are granted at the end of this cycle, when all that are submitted in it are known."""
        if not self._granting and self._waiting and self._in_flight < self._queue_depth:
            self._granting = True
            when_done(late(self._environment), self._grant)

    def _grant(self, _end_of_cycle: Event) -> None:
        self._granting = False
        now = self._environment.cycle
        clock = -(-now * self._clocks // self._cycles)
        while self._waiting and self._in_flight < self._queue_depth:
            _, kind, runs = heappop(self._waiting)
            over = self.device.serve(clock, runs, kind == WRITE_BACK)
            cycle = -(-over * self._cycles // self._clocks)
            if kind != WRITE_BACK:
                cycle = self._through_port(kind, runs, now, cycle)
            self._in_flight += 1
            when_done(self._environment.timeout(cycle - now, kind), self._complete)

    def _through_port(self, kind: int, runs: Runs, now: int, over: int) -> int:
        """Return the cycle in which the last word of a read has passed its cache's fill port."""
        port = self._port[kind]
        words = sum([bursts for _, bursts in runs]) * self._burst_words
        cycle = max(over, max(self._port_free[port], now) - (-words // self._fill_words))
        self._port_free[port] = cycle
        return cycle

    def _complete(self, done: Event) -> None:
        kind: int = done.value  # type: ignore[assignment]
        self._in_flight -= 1
        self.arrivals[kind].append(self._environment.cycle)
        self.arrived[kind].advance()
        self._grant_late()
