"""The PE grid: runs the passes and knows what it waited for (``docs/machine.md``, sections 6.3 and 7)."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.ledger import STALLS, PhaseRecord
from mimesim.machine.banks import BankArbiter
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram
from mimesim.machine.kinds import ACTIVATIONS, WEIGHTS
from mimesim.machine.observer import Observer
from mimesim.machine.progress import when_done
from mimesim.machine.stream import PassStream, PhaseRun
from mimesim.schedule.loopnest import Group

__all__ = ["PEGrid", "book_pe_cycles", "book_time"]

_CACHE, _DRAM, _NOC, _DRAIN = range(len(STALLS))


class PEGrid:
    """Runs one pass after the other on all PEs.

    Ports: the weight banks, the activation network, the banks of partial sums. Latency: the pass's own cycles, with one
    to swap banks, and what it loses in the banks of the cache (*arbiter*). Books: busy cycles and stalls of each image,
    PE cycles. Promises: busy + stalls = elapsed cycles of every phase, exactly; passes run in program order.
    """

    def __init__(
        self,
        environment: Clock,
        hardware: Hardware,
        schedule: Schedule,
        stream: PassStream,
        dram: Dram,
        arbiter: BankArbiter | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._environment = environment
        self._observer = observer
        self._arbiter = arbiter
        self._stream = stream
        self._weights, self._activations = dram.arrivals[WEIGHTS], dram.arrivals[ACTIVATIONS]
        self._psum_banks = hardware.scratchpad.psum_banks
        self._pes = hardware.grid.pes
        self._rows = hardware.grid.rows
        self._drifts = schedule.barrier == "tile"
        # Drain jobs up to the end of each of the latest accumulations: a bank is free when they are done.
        self._drained = [0] * self._psum_banks
        self.busy_cycles = 0
        environment.process(self._run())

    def _run(self) -> Generator[Event, None, None]:
        stream, environment = self._stream, self._environment
        number = 0
        while (run := stream.phase(number)) is not None:
            record = run.phase.record
            record.start_cycle = environment.cycle
            yield from (self._drift(run) if self._drifts else self._march(run))
            ended = environment.cycle
            number += 1
            yield stream.phases_done.until(number)
            record.end_cycle = environment.cycle
            last = run.phase.groups[run.phase.group[-1]].images[-1].index
            record.row(last).stalls["drain"] += environment.cycle - ended
            if self._observer is not None:
                self._observer.stalled(run.phase, "drain", ended, environment.cycle)
                self._observer.phase_ran(run.phase, record.start_cycle, record.end_cycle)

    def _conditions(self, run: PhaseRun, place: int, waited: list[int], since: int) -> Generator[Event, None, None]:
        """Wait for everything that a pass needs but the pass before it, and attribute the cycles after *since*.

        Each cause takes, in the order of :data:`STALLS`, what lies between the causes before it and its own time.
        """
        stream, environment = self._stream, self._environment
        number, fill = run.first_pass + place, run.phase.fill[place]
        if stream.passes_looked_up.value <= number:
            yield stream.passes_looked_up.until(number + 1)
        looked_up = environment.cycle
        if fill >= 0 and stream.fills_done.value <= run.first_fill + fill:
            yield stream.fills_done.until(run.first_fill + fill + 1)
        filled = environment.cycle
        request = run.pass_data[place]
        arrived = self._activations[request - 1] if request else 0
        if arrived > environment.cycle:
            yield environment.timeout(arrived - environment.cycle)
        if run.phase.accumulation[place] >= 0:
            if stream.jobs_done.value < self._drained[0]:
                yield stream.jobs_done.until(self._drained[0])
            accumulation = run.phase.accumulation[place]
            self._drained = [*self._drained[1:], run.first_job + run.phase.jobs_of[accumulation]]
        start = environment.cycle
        if start <= since:
            return
        if fill >= 0 and (request := run.fill_data[fill]):
            arrived = max(arrived, self._weights[request - 1])
        for cause, until in ((_CACHE, looked_up), (_DRAM, arrived), (_NOC, filled), (_DRAIN, start)):
            if until > since:
                waited[cause] += until - since
                if self._observer is not None:
                    self._observer.stalled(run.phase, STALLS[cause], since, until)
                since = until

    def _march(self, run: PhaseRun) -> Generator[Event, None, None]:
        """Run the passes of a phase with all rows in step (``barrier: pass``)."""
        stream, environment, phase = self._stream, self._environment, run.phase
        waited = [[0] * len(STALLS) for _ in phase.groups]
        looked_up, passes_done, fills_done = stream.passes_looked_up, stream.passes_done, stream.fills_done
        activations, requests, timeout = self._activations, run.pass_data, environment.timeout
        number, lost = run.first_pass, 0
        for place, cycles in enumerate(phase.cycles):
            # The first test is the common case, in which nothing has to be waited for.
            if not (
                looked_up.value > number
                and ((request := requests[place]) == 0 or activations[request - 1] <= environment.cycle)
                and phase.accumulation[place] < 0
                and fills_done.value > run.first_fill + phase.fill[place]
            ):
                yield from self._conditions(run, place, waited[phase.group[place]], environment.cycle)
            if self._arbiter is None:
                yield timeout(cycles)
            else:
                feed = phase.feed_cycles[place] - 1
                lost = yield from self._read(self._arbiter, cycles, feed)
                waited[phase.group[place]][_CACHE] += lost
                if self._observer is not None and lost:
                    self._observer.stalled(phase, STALLS[_CACHE], environment.cycle - lost, environment.cycle)
            if self._observer is not None:
                end = environment.cycle - lost
                self._observer.pass_ran(phase, place, end - cycles, end)
            number += 1
            passes_done.advance()
        self._book(run, phase.cycles, waited)

    def _read(self, arbiter: BankArbiter, cycles: int, feed: int) -> Generator[Event, None, int]:
        """Run one pass of *cycles*, of which *feed* read the cache, and return by how much conflicts lengthen it."""
        environment = self._environment
        planned = environment.cycle + cycles
        yield from arbiter.run("pe_grid", feed)
        # Its last cycle swaps the banks.
        yield environment.timeout(max(planned - environment.cycle, 1))
        return environment.cycle - planned

    def _drift(self, run: PhaseRun) -> Generator[Event, None, None]:
        """Run the passes of a phase with rows that wait for each other only at the end of an accumulation."""
        environment, phase = self._environment, run.phase
        waited = [[0] * len(STALLS) for _ in phase.groups]
        busy: list[int] = []
        end = network = environment.cycle
        rows: list[int] = []
        for place, row_cycles in enumerate(phase.rows):
            if phase.accumulation[place] >= 0:
                rows, network = [end] * self._rows, end
            yield from self._conditions(run, place, waited[phase.group[place]], end)
            ready = environment.cycle
            begin = max(end, ready)
            padded = row_cycles + [0] * (self._rows - len(row_cycles))
            rows = [max(free, ready) + cycles + 1 for free, cycles in zip(rows, padded, strict=True)]
            network = max(network, ready) + phase.feed_cycles[place]
            end = max(network, *rows)
            busy.append(end - begin)
            if self._observer is not None:
                self._observer.pass_ran(phase, place, begin, end)
            when_done(environment.timeout(end - ready), self._pass_ended)
        # The last pass ends later than its conditions held, by one cycle at least.
        yield environment.timeout(end - environment.cycle)
        self._book(run, busy, waited)

    def _pass_ended(self, _: Event) -> None:
        self._stream.passes_done.advance()

    def _book(self, run: PhaseRun, busy: list[int], waited: list[list[int]]) -> None:
        """Split what the passes took among the images of their groups."""
        phase, record = run.phase, run.phase.record
        worked = [0] * len(phase.groups)
        unmapped = 0
        for group, mapped, cycles in zip(phase.group, phase.mapped_pes, busy, strict=True):
            worked[group] += cycles
            unmapped += (self._pes - mapped) * (cycles - 1)
        self.busy_cycles += sum(busy)
        book_time(record, phase.groups, worked, waited)
        book_pe_cycles(record, self._pes, len(busy), sum(busy), unmapped)


def book_time(
    record: PhaseRecord, groups: Sequence[Group], worked: Sequence[int], waited: Sequence[Sequence[int]]
) -> None:
    """Split what the passes of each group took, and what they waited for by cause, among its images."""
    for number, members in enumerate(groups):
        images = [image.index for image in members.images]
        for image, share in zip(images, _split(worked[number], len(images)), strict=True):
            record.row(image).busy_cycles += share
        for name, cycles in zip(STALLS, waited[number], strict=True):
            for image, share in zip(images, _split(cycles, len(images)), strict=True):
                record.row(image).stalls[name] += share


def book_pe_cycles(record: PhaseRecord, pes: int, passes: int, busy: int, unmapped: int) -> None:
    """Book what swaps take and PEs without an output; what is left of the *busy* cycles is imbalance."""
    pe = record.pe
    pe.swap += pes * passes
    pe.unmapped += unmapped
    pe.imbalance = pes * busy - (pe.total() - pe.imbalance)


def _split(cycles: int, parts: int) -> list[int]:
    """Return *cycles* in whole parts, the remainder to the first."""
    share, rest = divmod(cycles, parts)
    return [share + rest, *[share] * (parts - 1)]
