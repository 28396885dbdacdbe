"""The DRAM as a part of the machine: requests, arbitration and fill ports (``docs/machine.md``, section 6.5)."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from heapq import heappush, heappushpop

from mimesim.config.hardware import Hardware
from mimesim.ledger import PhaseRecord
from mimesim.machine.clock import Clock
from mimesim.machine.dram_device import DramDevice
from mimesim.machine.kinds import KINDS, READS, WEIGHTS, WRITE_BACK
from mimesim.machine.observer import Observer

__all__ = ["Dram", "Runs"]

#: Parts of a request: (first burst, bursts).
Runs = list[tuple[int, int]]


class Dram:
    """Grants requests first come, first served and tells when each is complete.

    Ports: four request streams; three (or one unified) fill ports into the caches. Latency: that of the device, then
    the fill port's. Books: clocks of the data bus. Promises: requests of one kind complete in the order of submission.

    Requests are granted in the order in which they are submitted, so nothing that comes later changes what a request
    meets: its whole future is worked out when it is submitted, without an event. :attr:`arrivals` holds, for each kind,
    the cycle in which each request completes; whoever needs the data waits until then.
    """

    def __init__(self, environment: Clock, hardware: Hardware, observer: Observer | None = None) -> None:
        self._environment = environment
        self._observer = observer
        self._queue_depth = hardware.dram.queue
        ratio = Fraction(hardware.dram.clock_mhz) / Fraction(hardware.clock_mhz)
        self._clocks, self._cycles = ratio.numerator, ratio.denominator
        self._burst_words = hardware.burst_words
        self._fill_words = hardware.noc.fill_words_per_cycle
        unified = hardware.caches.organisation == "unified"
        self._port = [WEIGHTS if unified else kind for kind in range(len(READS))]
        self._port_free = [0] * len(READS)
        #: The latest completions, as many as requests may be granted and incomplete; the earliest first.
        self._latest: list[int] = []
        self.device = DramDevice(hardware.dram, observer=observer)
        self._serve = self.device.server
        self._ranks = hardware.dram.organisation.channels * hardware.dram.organisation.ranks
        self._booked: Counter[str] = Counter()
        self.arrivals = [array("q") for _ in KINDS]
        #: Told of every granted request: its clock, its runs, whether it is a write.
        self.trace: Callable[[int, Runs, bool], None] | None = None

    def submit(self, kind: int, runs: Runs) -> None:
        """Serve a request for *runs* of (address, bursts).

        Submissions of one cycle have to come in the order of kinds: the write-back waits for the end of the cycle.
        """
        grant = self._environment.cycle
        latest = self._latest
        if len(latest) == self._queue_depth and latest[0] > grant:
            grant = latest[0]
        clock = -(-grant * self._clocks // self._cycles)
        over = self._serve(clock, runs, kind == WRITE_BACK)
        if self.trace is not None:
            self.trace(clock, runs, kind == WRITE_BACK)
        cycle = -(-over * self._cycles // self._clocks)
        if kind != WRITE_BACK:
            port = self._port[kind]
            words = sum([bursts for _, bursts in runs]) * self._burst_words
            cycle = max(cycle, max(self._port_free[port], grant) - (-words // self._fill_words))
            self._port_free[port] = cycle
        elif self.arrivals[WRITE_BACK] and self.arrivals[WRITE_BACK][-1] > cycle:
            # Another channel may be done with a later write before this one is.
            cycle = self.arrivals[WRITE_BACK][-1]
        if len(latest) == self._queue_depth:
            heappushpop(latest, cycle)
        else:
            heappush(latest, cycle)
        self.arrivals[kind].append(cycle)
        if self._observer is not None:
            bursts = sum([bursts for _, bursts in runs])
            port = -(-bursts * self._burst_words // self._fill_words) if kind != WRITE_BACK else 0
            self._observer.requested(KINDS[kind], self._environment.cycle, cycle, bursts, port)

    def book(self, record: PhaseRecord) -> None:
        """Book under a phase that has just ended the commands since the one before it ended, and the ranks' clocks."""
        clock = -(-self._environment.cycle * self._clocks // self._cycles)
        self.device.settle(clock)
        counts = self.device.counts() + Counter(clocks=clock * self._ranks)
        for name in ("activates", "refreshes", "active_clocks", "clocks"):
            record.commands[name] += counts[name] - self._booked[name]
        self._booked = counts
