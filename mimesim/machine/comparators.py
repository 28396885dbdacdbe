"""The CMP units and the write-back (``docs/machine.md``, sections 6.4 and 6.6)."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram
from mimesim.machine.kinds import THRESHOLDS, WRITE_BACK
from mimesim.machine.stream import PassStream, PhaseRun

__all__ = ["Comparators"]


class Comparators:
    """Drain finished partial sums: load thresholds, compare, mask, pool in place, and write complete blocks to DRAM.

    Ports: the threshold network, the output network, one request stream into DRAM. Latency: threshold load, compare
    and output one after the other. Books: its busy cycles; words are booked with the program. Promises: jobs run in
    program order; at most ``writeback_buffers`` write requests are incomplete; a phase ends when everything it wrote is
    in DRAM.
    """

    def __init__(self, environment: Clock, hardware: Hardware, stream: PassStream, dram: Dram) -> None:
        self._environment = environment
        self._stream = stream
        self._dram = dram
        self._buffers = hardware.writeback_buffers
        self._written = 0
        self.busy_cycles = 0
        environment.process(self._run())

    def _run(self) -> Generator[Event, None, None]:
        number = 0
        while (run := self._stream.phase(number)) is not None:
            yield from self._drain(run)
            writes_done = self._dram.arrived[WRITE_BACK]
            if writes_done.value < self._written:
                yield writes_done.until(self._written)
            self._stream.close(number)
            number += 1

    def _drain(self, run: PhaseRun) -> Generator[Event, None, None]:
        stream = self._stream
        thresholds, writes_done = self._dram.arrived[THRESHOLDS], self._dram.arrived[WRITE_BACK]
        for number, job in enumerate(run.phase.jobs):
            ended = run.first_pass + job.after + 1
            if stream.passes_done.value < ended:
                yield stream.passes_done.until(ended)
            if thresholds.value < run.job_data[number]:
                yield thresholds.until(run.job_data[number])
            if job.writes and self._written - writes_done.value >= self._buffers:
                yield writes_done.until(self._written - self._buffers + 1)
            yield self._environment.timeout(job.cycles)
            self.busy_cycles += job.cycles
            stream.jobs_done.advance()
            if job.writes:
                self._written += 1
                self._dram.submit(WRITE_BACK, job.writes)
