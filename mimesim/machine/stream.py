"""The pass stream: what all parts follow, phase by phase, and how far each has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mimesim.ledger import PhaseRecord
from mimesim.machine.clock import Clock
from mimesim.machine.progress import Progress
from mimesim.schedule.program import Phase

__all__ = ["PassStream", "PhaseRun"]


@dataclass(slots=True)
class PhaseRun:
    """A phase while it runs, and where its passes, fills, drain jobs and accumulations begin in the run's numbering.

    The controller notes which request brings the data of each fill, pass and drain job: the count of completed requests
    of that stream which says that it is there. *written_back* is the cycle in which the latest write of blocks that it
    evicted is complete.
    """

    number: int
    phase: Phase
    first_pass: int
    first_fill: int
    first_job: int
    fill_data: list[int] = field(default_factory=list)
    pass_data: list[int] = field(default_factory=list)
    job_data: list[int] = field(default_factory=list)
    written_back: int = 0


class PassStream:
    """Hands the phases of a program to the parts, building each when the first part reaches it."""

    def __init__(self, environment: Clock, phases: Iterator[Phase]) -> None:
        self._phases = phases
        self._runs: dict[int, PhaseRun] = {}
        self._built = 0
        self._passes = self._fills = self._jobs = 0
        #: Lookups that the controller has ended: of passes, and of fills.
        self.passes_looked_up = Progress(environment)
        self.fills_looked_up = Progress(environment)
        self.fills_done = Progress(environment)
        self.passes_done = Progress(environment)
        self.jobs_done = Progress(environment)
        self.phases_done = Progress(environment)
        #: Called with the record of a phase in the cycle in which it ends.
        self.closing: Callable[[PhaseRecord], None] | None = None

    def phase(self, number: int) -> PhaseRun | None:
        """Return the phase with this number, or None after the last one."""
        while number >= self._built:
            phase = next(self._phases, None)
            if phase is None:
                return None
            self._runs[self._built] = PhaseRun(self._built, phase, self._passes, self._fills, self._jobs)
            self._built += 1
            self._passes += len(phase.cycles)
            self._fills += len(phase.fills)
            self._jobs += len(phase.jobs)
        return self._runs[number]

    def close(self, number: int) -> None:
        """Drop a phase that has ended."""
        run = self._runs.pop(number)
        if self.closing is not None:
            self.closing(run.phase.record)
        self.phases_done.advance()
