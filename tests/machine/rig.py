"""One part of the machine at a time: a hand-made phase, and neighbours that do what the test says, when it says so."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
from simpy import Event

from mimesim.ledger import PhaseRecord
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Runs
from mimesim.machine.kinds import KINDS, WRITE_BACK
from mimesim.machine.progress import Progress, when_done
from mimesim.machine.stream import PassStream, PhaseRun
from mimesim.schedule.blocks import StoredBlocks
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Group
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock
from mimesim.schedule.program import DrainJob, Fill, Phase, ThresholdUse
from tests.schedule.small import Masks, chain, conv

_SOURCE = Masks(chain((1, 1, 1), conv(1)))


def block(address: int, bursts: int = 1) -> ParameterBlock:
    """Return a block of parameters full of values."""
    return ParameterBlock(address, bursts, values=32 * bursts, index=0, norm=0, filled=32 * bursts)


def region(address: int, blocks: int, image: int = 0) -> ActivationRegion:
    """Return a tensor of full blocks of one burst each."""
    full = np.full(blocks, 32)
    return ActivationRegion.of(address, StoredBlocks(full, 0 * full, full // 32, 1), image)


def fill(weights: ParameterBlock, cycles: int = 1, image: int = 0) -> Fill:
    return Fill(weights, cycles, image, "shared")


def job(
    after: int,
    cycles: int = 1,
    thresholds: Sequence[ParameterBlock] = (),
    writes: Runs | None = None,
    outputs: Sequence[tuple[ActivationRegion, list[int]]] = (),
) -> DrainJob:
    uses = [ThresholdUse(one, 0, "a") for one in thresholds]
    return DrainJob(after, cycles, uses, writes or [], list(outputs))


def phase(
    cycles: Sequence[int],
    *,
    fill_of: Sequence[int] | None = None,
    fills: Sequence[Fill] = (),
    jobs: Sequence[DrainJob] = (),
    accumulation: Sequence[int] | None = None,
    images: Sequence[Sequence[int]] = ((0,),),
    group: Sequence[int] | None = None,
    **lists: Any,
) -> Phase:
    """Return a phase of passes that take *cycles*: one accumulation, one image, no lookups, unless said otherwise."""
    count = len(cycles)
    starts = list(accumulation) if accumulation is not None else [0] + [-1] * (count - 1)
    ends = [*[place for place, index in enumerate(starts) if index > 0], count]
    jobs_of = [sum(one.after < end for one in jobs) for end in ends]
    members = [
        Group(("shared",), tuple(Image(index, "a", index, _SOURCE) for index in indices)) for indices in images
    ]  # fmt: skip
    record = PhaseRecord(0, "conv1", "conv", tuple(index for indices in images for index in indices), passes=count)
    defaults: dict[str, Any] = {
        "mapped_pes": [1] * count,
        "lookups": [[] for _ in cycles],
        "scope": [0] * count,
    }
    return Phase(
        record,
        0,
        groups=members,
        cycles=list(cycles),
        fill=list(fill_of) if fill_of is not None else [-1] * count,
        accumulation=starts,
        group=list(group) if group is not None else [0] * count,
        fills=list(fills),
        jobs=list(jobs),
        jobs_of=jobs_of,
        **defaults | lists,
    )


class StubDram:
    """Remembers what is submitted; a request completes when the test says: reads in advance, writes in this order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.arrivals = [array("q") for _ in KINDS]
        self.writes: list[int] = []
        self.submitted: list[tuple[int, int, Runs]] = []

    def submit(self, kind: int, runs: Runs) -> None:
        self.submitted.append((self._clock.cycle, kind, runs))
        if kind == WRITE_BACK:
            self.arrivals[kind].append(self.writes.pop(0))


class Rig:
    """A clock, a stream of hand-made phases and a stub of DRAM."""

    def __init__(self, *phases: Phase) -> None:
        self.clock = Clock()
        self.stream = PassStream(self.clock, iter(phases))
        self.dram = StubDram(self.clock)
        self.runs: list[PhaseRun] = [run for number in range(len(phases)) if (run := self.stream.phase(number))]

    def at(self, cycle: int, call: Callable[[], object]) -> None:
        """Do something in a cycle."""
        when_done(self.clock.timeout(cycle), lambda _: call())

    def progress(self, progress: Progress, *cycles: int) -> None:
        """Let *progress* advance in each of these cycles."""
        for cycle in cycles:
            self.at(cycle, progress.advance)

    def arrive(self, kind: int, *cycles: int) -> None:
        """Let the requests of *kind* complete in these cycles."""
        (self.dram.writes if kind == WRITE_BACK else self.dram.arrivals[kind]).extend(cycles)

    def watch(self, progress: Progress) -> list[int]:
        """Return a list that will hold the cycle of each advance of *progress*."""
        seen: list[int] = []

        def watching() -> Generator[Event, None, None]:
            while True:
                yield progress.until(len(seen) + 1)
                seen.extend([self.clock.cycle] * (progress.value - len(seen)))

        self.clock.process(watching())
        return seen
