"""What the parts see of each other: which steps have ended, which data has arrived, and what is booked."""

from __future__ import annotations

from dataclasses import dataclass, field

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule

from .banks import Banks
from .evictions import Evictions
from .ledger import Ledger
from .program import Pass, Program
from .storage import Block

__all__ = ["Request", "World"]


@dataclass
class Request:
    """A DRAM request; *rank* is its place among those submitted in one cycle, *done* the cycle of completion.

    ``outputs`` is the write of a drain job, ``evicted`` that of a lookup step.
    """

    kind: str
    blocks: list[Block]
    submitted: int
    done: int | None = None

    @property
    def rank(self) -> int:
        return ("evicted", "weights", "activations", "thresholds", "outputs").index(self.kind)

    @property
    def write(self) -> bool:
        return self.kind in ("evicted", "outputs")


@dataclass
class World:
    """The state shared by the parts; an end is None until the cycle in which it is reached."""

    program: Program
    hardware: Hardware
    schedule: Schedule
    ledger: Ledger
    lookup_end: list[int | None] = field(default_factory=list)  # by pass: its last lookup step
    pass_start: list[int | None] = field(default_factory=list)
    pass_end: list[int | None] = field(default_factory=list)
    fill_lookup_end: list[int | None] = field(default_factory=list)
    fill_end: list[int | None] = field(default_factory=list)
    job_end: list[int | None] = field(default_factory=list)
    phase_end: list[int | None] = field(default_factory=list)
    # The requests that bring the data of a pass, a fill, a job; filled when the lookups are made.
    pass_requests: dict[int, set[int]] = field(default_factory=dict)
    fill_requests: dict[int, set[int]] = field(default_factory=dict)
    job_requests: dict[int, set[int]] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    waiting: list[Request] = field(default_factory=list)
    evictions: Evictions = field(init=False)
    banks: Banks = field(init=False)
    writes: dict[int, Request] = field(default_factory=dict)  # by job
    evicted: list[tuple[int, Request]] = field(default_factory=list)  # with the phase of the step
    busy: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("controller", "dram", "noc", "pe_grid", "cmp"), 0)
    )

    def __post_init__(self) -> None:
        passes, fills = len(self.program.passes), len(self.program.fills)
        self.lookup_end, self.pass_start, self.pass_end = [None] * passes, [None] * passes, [None] * passes
        self.fill_lookup_end, self.fill_end = [None] * fills, [None] * fills
        self.job_end = [None] * len(self.program.jobs)
        self.evictions = Evictions(self.program)
        self.banks = Banks(self.hardware)
        self.phase_end = [None] * len(self.program.phases)

    def submit(self, request: Request) -> None:
        self.waiting.append(request)

    def arrived(self, wanted: set[int]) -> bool:
        """Whether all of these requests are complete."""
        return all(number in self.requests and self.requests[number].done is not None for number in wanted)

    def arrival(self, wanted: set[int]) -> int:
        """Return the cycle in which the last of these requests was complete."""
        return max((self.requests[number].done or 0 for number in wanted), default=0)

    def pass_conditions(self, made: Pass) -> bool:
        """Whether everything that a pass waits for is there, but for the end of the previous pass."""
        if self.lookup_end[made.index] is None or not self.arrived(self.pass_requests[made.index]):
            return False
        if made.fill is not None and self.fill_end[made.fill] is None:
            return False
        if made.first_of_accumulation:
            freed = made.accumulation - self.hardware.scratchpad.psum_banks
            if freed >= 0:
                # Jobs end in order, so the last job of that accumulation stands for all before it.
                return self.job_end[self.program.last_job_of_accumulation[freed]] is not None
        return True
