"""The CMP units and the write-back (``docs/machine.md``, sections 6.4 and 6.6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.machine.banks import BankArbiter
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram
from mimesim.machine.kinds import ACTIVATIONS, READS, THRESHOLDS, WRITE_BACK
from mimesim.machine.observer import Observer
from mimesim.machine.progress import late
from mimesim.machine.stream import PassStream, PhaseRun
from mimesim.schedule.program import DrainJob

__all__ = ["Comparators"]


class Comparators:
    """Drain finished partial sums: load thresholds, compare, mask, pool in place, and write complete blocks to DRAM.

    Ports: the threshold network, the output network, one request stream into DRAM. Latency: threshold load, compare and
    output one after the other, and cycles lost in the banks of the caches (*arbiters*). Books: its busy cycles; words
    are booked with the program. Promises: jobs run in program order; at most ``writeback_buffers`` write requests are
    incomplete; a phase ends when everything it wrote is in DRAM, and what its lookups evicted as well.
    """

    def __init__(
        self,
        environment: Clock,
        hardware: Hardware,
        stream: PassStream,
        dram: Dram,
        arbiters: Sequence[BankArbiter | None] = (None,) * len(READS),
        observer: Observer | None = None,
    ) -> None:
        self._environment = environment
        self._observer = observer
        self._load, self._store = arbiters[THRESHOLDS], arbiters[ACTIVATIONS]
        self._stream = stream
        self._dram = dram
        self._thresholds, self._arrivals = dram.arrivals[THRESHOLDS], dram.arrivals[WRITE_BACK]
        #: Completions of the latest write requests: as many as may be incomplete.
        self._writes: deque[int] = deque(maxlen=hardware.writeback_buffers)
        self.busy_cycles = 0
        environment.process(self._run())

    def _run(self) -> Generator[Event, None, None]:
        number = 0
        while (run := self._stream.phase(number)) is not None:
            yield from self._drain(run)
            if self._writes:
                yield from self._wait_for(self._writes[-1])
            yield from self._wait_for(run.written_back)
            # What DRAM is asked for in this cycle is counted with the phase that ends in it.
            yield late(self._environment)
            self._stream.close(number)
            number += 1

    def _drain(self, run: PhaseRun) -> Generator[Event, None, None]:
        stream, environment = self._stream, self._environment
        for number, job in enumerate(run.phase.jobs):
            ended = run.first_pass + job.after + 1
            if stream.passes_done.value < ended:
                yield stream.passes_done.until(ended)
            if request := run.job_data[number]:
                yield from self._wait_for(self._thresholds[request - 1])
            if job.writes and len(self._writes) == self._writes.maxlen:
                yield from self._wait_for(self._writes[0])
            began = environment.cycle
            if self._load is None and self._store is None:
                yield environment.timeout(job.cycles)
            else:
                yield from self._steps(job)
            self.busy_cycles += job.cycles
            if self._observer is not None:
                self._observer.drained(run.phase, job, began, environment.cycle)
            stream.jobs_done.advance()
            if job.writes:
                # Reads of the same cycle go first.
                yield late(environment)
                self._dram.submit(WRITE_BACK, job.writes)
                self._writes.append(self._arrivals[-1])

    def _steps(self, job: DrainJob) -> Generator[Event, None, None]:
        """Load thresholds, compare, and store into a cache, one after the other."""
        for arbiter, name, cycles in (
            (self._load, "cmp", job.load_cycles),
            (None, "", job.cycles - job.load_cycles - job.store_cycles),
            (self._store, "outputs", job.store_cycles),
        ):
            if arbiter is None:
                yield self._environment.timeout(cycles)
            else:
                yield from arbiter.run(name, cycles)

    def _wait_for(self, cycle: int) -> Generator[Event, None, None]:
        if cycle > self._environment.cycle:
            yield self._environment.timeout(cycle - self._environment.cycle)
