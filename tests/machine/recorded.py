"""A replay that notes when each step of each part ended."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from simpy import Event

from mimesim.ledger import CaseLedger
from mimesim.machine import accelerator
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram, Runs
from mimesim.machine.progress import Progress
from mimesim.machine.stream import PassStream, PhaseRun
from mimesim.schedule.program import CasePlan, Phase

#: Steps by part, as :class:`PassStream` counts them.
STEPS = ("fills_looked_up", "passes_looked_up", "fills_done", "passes_done", "jobs_done", "phases_done")


@dataclass
class Recording:
    """The ends of all steps by name, every request as (kind, submitted, bursts, completed), and the phases that ran."""

    ends: dict[str, list[int]] = field(default_factory=dict)
    requests: list[tuple[int, int, int, int]] = field(default_factory=list)
    runs: list[PhaseRun] = field(default_factory=list)
    ledger: CaseLedger = field(default_factory=CaseLedger)


def record(plan: CasePlan, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Replay *plan* and return what happened when."""
    recording = Recording()

    class RecordedStream(PassStream):
        def __init__(self, environment: Clock, phases: Iterator[Phase]) -> None:
            super().__init__(environment, phases)

            def watch(progress: Progress, ends: list[int]) -> Generator[Event, None, None]:
                while True:
                    yield progress.until(len(ends) + 1)
                    ends.extend([environment.cycle] * (progress.value - len(ends)))

            for name in STEPS:
                environment.process(watch(getattr(self, name), recording.ends.setdefault(name, [])))

        def close(self, number: int) -> None:
            run = self.phase(number)
            assert run is not None
            recording.runs.append(run)
            super().close(number)

    class RecordedDram(Dram):
        def __init__(self, environment: Clock, hardware: Any, observer: Any) -> None:
            super().__init__(environment, hardware, observer)
            self._clock = environment

        def submit(self, kind: int, runs: Runs) -> None:
            super().submit(kind, runs)
            bursts = sum(count for _, count in runs)
            recording.requests.append((kind, self._clock.cycle, bursts, self.arrivals[kind][-1]))

    monkeypatch.setattr(accelerator, "PassStream", RecordedStream)
    monkeypatch.setattr(accelerator, "Dram", RecordedDram)
    recording.ledger = accelerator.replay(plan)
    return recording
