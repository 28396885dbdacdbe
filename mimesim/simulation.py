"""Run a workload: every case on its batches, and everything the results need to know about it."""

from __future__ import annotations

from dataclasses import dataclass

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.ledger import CaseLedger

__all__ = ["CaseResult", "ReplayedImage"]


@dataclass(frozen=True, slots=True)
class ReplayedImage:
    """An image of the replay: its place in it, its task, its number in the trace and its id in the data set."""

    index: int
    batch: int
    task: str
    number: int
    image_id: int


@dataclass(frozen=True)
class CaseResult:
    """What one case did: its settings, fully resolved, its ledger, and the conservation laws that it breaks."""

    case: str
    scheme: str
    skipping: Skipping
    mode: Mode
    trace: str
    trace_digest: str
    tasks: tuple[str, ...]
    images: tuple[ReplayedImage, ...]
    hardware: Hardware
    schedule: Schedule
    ledger: CaseLedger
    violations: tuple[str, ...] = ()
