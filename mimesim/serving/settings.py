"""What is served, how, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mimesim.config.explain import suggest
from mimesim.config.workload import Case
from mimesim.energy import PriceList
from mimesim.errors import InputError
from mimesim.serving.arrivals import Arrivals
from mimesim.serving.costs import CacheState
from mimesim.serving.metrics import CaseMetrics
from mimesim.serving.policies import POLICIES, Deadline, Policy

__all__ = ["Outcome", "Settings", "Stream"]


@dataclass(frozen=True)
class Settings:
    """How the accelerator serves: times in milliseconds, *queue* 0 for any number of waiting requests.

    *sort* sorts each batch by task and image; *remembered* is how many different batches are looked up, not replayed.
    """

    policies: tuple[str, ...]
    deadline_ms: float
    wait_ms: float = 0.0
    queue: int = 1000
    sort: bool = False
    caches: CacheState = "cold"
    remembered: int = 10_000

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in self.policies:
            if name not in POLICIES:
                raise InputError("--policy", f"there is no such policy; {suggest(name, POLICIES)}", value=name)
            if self.policies.count(name) > 1:
                raise InputError("--policy", "is given twice", value=name)
        for option, value, least in (
            ("--deadline-ms", self.deadline_ms, 0),
            ("--wait-ms", self.wait_ms, 0),
            ("--queue", self.queue, 0),
            ("--memo", self.remembered, 1),
        ):
            if not least <= value < float("inf"):
                raise InputError(option, f"must be a number, at least {least}", value=value)

    def policy(self, name: str, clock_mhz: float) -> Policy:
        """Return policy *name* on a machine of this clock."""
        return Deadline(_cycles(self.deadline_ms, clock_mhz)) if name == Deadline.name else POLICIES[name]()

    def wait_cycles(self, clock_mhz: float) -> int:
        """Return how long a request may wait for others that fill its batch."""
        return _cycles(self.wait_ms, clock_mhz)


@dataclass(frozen=True)
class Stream:
    """Requests to serve, and what tables call them: their mean rate, that rate over the reference's capacity, the mix.

    *number* counts the streams of a run. Rate and load are None where all requests come at once.
    """

    number: int
    arrivals: Arrivals
    rate_per_s: float | None
    load: float | None
    mix: str


@dataclass(frozen=True)
class Outcome:
    """What became of one stream on one case under one policy. *shared*: the case's tasks have weights in common.

    *engines* replayed the case's batches, for whatever stream and policy.
    """

    stream: Stream
    policy: str
    case: Case
    shared: bool
    clock_mhz: float
    prices: PriceList
    metrics: CaseMetrics
    engines: tuple[str, ...] = field(default=(), compare=False)

    @property
    def name(self) -> dict[str, Any]:
        """What tells it from the others."""
        stream = self.stream
        return {
            "load": stream.load,
            "rate_per_s": stream.rate_per_s,
            "mix": stream.mix,
            "policy": self.policy,
            "case": self.case.name,
        }


def _cycles(milliseconds: float, clock_mhz: float) -> int:
    return round(milliseconds * clock_mhz * 1000)
