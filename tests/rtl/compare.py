"""One case through the simulator, the Verilog model and NumPy, and everything in which they have to agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule, Skipping
from mimesim.network import Network
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import CasePlan, plan_case
from mimesim.schemes import Mime, Scheme
from tests.machine.recorded import Recording, record
from tests.rtl.arithmetic import Numbers, Thresholds, at_density
from tests.rtl.device import SOURCES, Steps, outputs, run
from tests.rtl.vectors import Vectors, vectors

__all__ = ["Case", "Outcome", "agree", "cycles_agree", "simulated", "through_both", "values_agree"]


@dataclass(frozen=True)
class Case:
    """A run: *images* of each task, all in one batch unless *batch* says fewer."""

    network: Network
    hardware: Hardware
    scheme: Scheme = field(default_factory=Mime)
    skipping: Skipping = "per_position"
    tasks: tuple[str, ...] = ("a",)
    images: int = 1
    batch: int = 1000
    thresholds: Thresholds = field(default_factory=lambda: at_density(0.5))
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = 0


@dataclass
class Outcome:
    """What came out of a case on both sides."""

    plan: CasePlan
    recording: Recording
    numbers: Numbers
    made: Vectors
    steps: Steps

    def passes(self) -> list[int]:
        """Return the length of each pass of the hardware in cycles."""
        return [e - s for s, e in zip(self.steps.starts["pass"], self.steps.ends["pass"], strict=True)]


def simulated(recording: Recording) -> Steps:
    """Return start and end of each step in the simulator."""
    steps = Steps()
    lengths: dict[str, Callable[[Any], Sequence[int]]] = {
        "fill": lambda phase: [fill.cycles for fill in phase.fills],
        "pass": lambda phase: phase.cycles,
        "job": lambda phase: [job.cycles for job in phase.jobs],
    }
    for part, name in (("fill", "fills_done"), ("pass", "passes_done"), ("job", "jobs_done")):
        cycles = [length for run in recording.runs for length in lengths[part](run.phase)]
        steps.ends[part] = recording.ends[name]
        steps.starts[part] = [end - length for end, length in zip(steps.ends[part], cycles, strict=True)]
    return steps


def through_both(case: Case, folder: Path, sources: Sequence[Path] = SOURCES) -> Outcome:
    """Run a case on the simulator and on the hardware, or on another made of *sources*."""
    numbers = Numbers(case.network, case.scheme, case.tasks, case.images, case.thresholds, case.seed)
    batches = compose_batches(numbers, case.tasks, "pipelined", case.images, case.batch)
    plan = plan_case(
        case.network, case.scheme, case.skipping, case.hardware, case.schedule, batches, case.tasks, CostBook()
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        recording = record(plan, monkeypatch)
    made = vectors(plan, recording, numbers)
    return Outcome(plan, recording, numbers, made, run(made, folder, sources))


def agree(case: Case, folder: Path) -> Outcome:
    """Run a case on both; demand the same start and end of every step, and the values and masks that NumPy computes."""
    outcome = through_both(case, folder)
    cycles_agree(outcome)
    values_agree(outcome)
    return outcome


def cycles_agree(outcome: Outcome) -> None:
    """Demand that every step of the hardware starts and ends with the simulator's."""
    expected, found = simulated(outcome.recording), outcome.steps
    for part in ("pass", "fill", "job"):
        assert found.starts[part] == expected.starts[part], f"starts of each {part}"
        assert found.ends[part] == expected.ends[part], f"ends of each {part}"


def values_agree(outcome: Outcome) -> None:
    """Demand that the hardware sent the values and masks that NumPy computes."""
    numbers = outcome.numbers
    shapes = {node.name: node.shape for node in numbers.network.nodes}
    images = {image.index: image for batch in outcome.plan.batches for image in batch}
    sent = outputs(outcome.made, outcome.steps, shapes)
    written = {geometry.operation.output for geometry in outcome.plan.geometries}
    assert sent.keys() == {(index, tensor) for index in images for tensor in written}
    for (index, tensor), values in sent.items():
        image = images[index]
        np.testing.assert_array_equal(values, numbers.values[image.task, image.number, tensor], f"{index} {tensor}")
