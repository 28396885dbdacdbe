"""The controller: looks up what each pass needs, ahead of the PE grid (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.machine.banks import BankArbiter
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram, Runs
from mimesim.machine.kinds import ACTIVATIONS, OUTPUTS, READS, THRESHOLDS, WEIGHTS, WRITE_BACK
from mimesim.machine.lookups import Lookups
from mimesim.machine.observer import Observer
from mimesim.machine.stream import PassStream, PhaseRun

__all__ = ["Controller"]


class Controller:
    """Walks all passes in program order, one lookup step each, and asks DRAM for what is missing.

    Ports: the three caches' tags (*lookups*), four request streams into DRAM. Latency: ``caches.lookup_cycles`` a step.
    Books: its busy cycles. Promises: never more than ``prefetch_passes`` ahead of the grid, never evicts what is
    still in use, and looks up in program order whatever the timing; at most ``writeback_buffers`` requests that write
    evicted blocks are incomplete.
    """

    def __init__(
        self,
        environment: Clock,
        hardware: Hardware,
        stream: PassStream,
        dram: Dram,
        lookups: Lookups,
        arbiters: Sequence[BankArbiter | None] = (None,) * len(READS),
        observer: Observer | None = None,
    ) -> None:
        self._environment = environment
        self._observer = observer
        self._arbiters = arbiters
        self._fill_words = hardware.noc.fill_words_per_cycle
        self._stream = stream
        self._dram = dram
        self._lookups = lookups
        self._burst_words = hardware.burst_words
        self._ahead = hardware.prefetch_passes
        self._cycles = hardware.caches.lookup_cycles
        #: Requests so far, by kind.
        self._requests = [0] * len(READS)
        #: Completions of the latest requests that write evicted blocks.
        self._written: deque[int] = deque(maxlen=hardware.writeback_buffers)
        self.busy_cycles = 0
        environment.process(self._run())

    def _run(self) -> Generator[Event, None, None]:
        number = 0
        while (run := self._stream.phase(number)) is not None:
            yield from self._walk(run)
            number += 1

    def _walk(self, run: PhaseRun) -> Generator[Event, None, None]:
        stream, environment, cycles, requests = self._stream, self._environment, self._cycles, self._requests
        passes_done, fills_done, jobs_done = stream.passes_done, stream.fills_done, stream.jobs_done
        timeout, oldest, steps = environment.timeout, run.first_pass - self._ahead, 0
        for place, victims, dirty, weights, activations, thresholds in self._lookups.steps(run):
            if passes_done.value <= oldest + place:
                yield passes_done.until(oldest + place + 1)
            if not place and activations is not None and stream.phases_done.value < run.number:
                yield stream.phases_done.until(run.number)
            if victims is not None:
                if fills_done.value <= victims[WEIGHTS]:
                    yield fills_done.until(victims[WEIGHTS] + 1)
                if passes_done.value <= victims[ACTIVATIONS]:
                    yield passes_done.until(victims[ACTIVATIONS] + 1)
                if jobs_done.value <= (user := max(victims[THRESHOLDS], victims[OUTPUTS])):
                    yield jobs_done.until(user + 1)
            if dirty is not None:
                yield from self._until_a_buffer_is_free()
            yield timeout(cycles)
            steps += 1
            if self._observer is not None:
                now = environment.cycle
                self._observer.looked_up(run.phase, place, now - cycles, now, self._lookups.used())
            if dirty is not None:
                self._write(run, dirty)
            if weights is not None:
                if weights:
                    self._read(WEIGHTS, weights)
                run.fill_data.append(requests[WEIGHTS])
                stream.fills_looked_up.advance()
            if activations is None:
                continue
            if activations:
                self._read(ACTIVATIONS, activations)
            if thresholds is not None:
                if thresholds:
                    self._read(THRESHOLDS, thresholds)
                run.job_data.append(requests[THRESHOLDS])
            run.pass_data.append(requests[ACTIVATIONS])
            stream.passes_looked_up.advance()
        self.busy_cycles += steps * cycles

    def _until_a_buffer_is_free(self) -> Generator[Event, None, None]:
        if len(self._written) == self._written.maxlen and self._written[0] > self._environment.cycle:
            yield self._environment.timeout(self._written[0] - self._environment.cycle)

    def _write(self, run: PhaseRun, dirty: Runs) -> None:
        """Write what leaves dirty."""
        self._dram.submit(WRITE_BACK, dirty)
        run.written_back = self._dram.arrivals[WRITE_BACK][-1]
        self._written.append(run.written_back)

    def _read(self, kind: int, runs: Runs) -> None:
        """Ask for what missed."""
        self._requests[kind] += 1
        self._dram.submit(kind, runs)
        if (arbiter := self._arbiters[kind]) is not None:
            words = sum(bursts for _, bursts in runs) * self._burst_words
            end = self._dram.arrivals[kind][-1]
            arbiter.fill(end - -(-words // self._fill_words), end)
