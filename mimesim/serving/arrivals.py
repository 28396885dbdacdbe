"""Drawn arrivals: Poisson and bursty streams, seeded, one request at a time."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, log1p
from typing import Any, ClassVar, Protocol

import numpy as np

from mimesim.errors import InputError
from mimesim.serving.mix import Mix
from mimesim.serving.request import PICOSECONDS, Arrival

__all__ = ["PROCESSES", "Arrivals", "Bursty", "Drawn", "Poisson", "Process", "Turns", "Uniforms"]

_BLOCK = 1024


class Arrivals(Protocol):
    """A stream of requests that can be had again from its beginning, in the order of their arrival."""

    @property
    def expected(self) -> int:
        """How many requests there are, or about how many."""

    def __iter__(self) -> Iterator[Arrival]:
        """Yield the arrivals."""

    def describe(self) -> dict[str, Any]:
        """Return what decides the stream, as JSON values."""


class Uniforms:
    """Numbers drawn evenly from [0, 1): PCG64 by seed and *use*, so that streams for different uses are independent."""

    def __init__(self, seed: int, use: int) -> None:
        self._generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(use,)))
        self._drawn: list[float] = []

    def draw(self) -> float:
        """Return the next one."""
        if not self._drawn:
            self._drawn = self._generator.random(_BLOCK).tolist()[::-1]
        return self._drawn.pop()

    def exponential(self, rate: float) -> float:
        """Return a time that is exponentially distributed with mean 1 / *rate*."""
        return -log1p(-self.draw()) / rate


class Turns:
    """The images of each task take turns: request k of a task gets image k modulo *images*."""

    def __init__(self, images: int) -> None:
        self._images = images
        self._requests: Counter[str] = Counter()

    def next(self, task: str) -> int:
        """Return the image of the next request of *task*."""
        number = self._requests[task]
        self._requests[task] = number + 1
        return number % self._images


class Process(Protocol):
    """When requests come, whatever their tasks; a dataclass."""

    name: ClassVar[str]

    @property
    def rate_per_s(self) -> float:
        """Requests per second, in the mean."""

    def gaps(self, uniforms: Uniforms) -> Iterator[float]:
        """Yield the seconds from each request to the next, without end, the first from time 0."""


@dataclass(frozen=True)
class Poisson:
    """Independent requests: exponential gaps with mean 1 / rate."""

    name: ClassVar[str] = "poisson"
    rate_per_s: float

    def __post_init__(self) -> None:
        """Refuse what is no rate."""
        _check_rate(self.rate_per_s)

    def gaps(self, uniforms: Uniforms) -> Iterator[float]:
        """Yield the seconds between requests."""
        while True:
            yield uniforms.exponential(self.rate_per_s)


@dataclass(frozen=True)
class Bursty:
    """A two-state Markov-modulated Poisson process (W. Fischer, K. Meier-Hellstern, Performance Evaluation 18, 1993).

    In a burst requests come at *factor* x rate, otherwise at rate x (1 - *share* x *factor*) / (1 - *share*), where
    *share* is the part of the time that is burst: the mean rate is the rate exactly. Bursts and the time between them
    are exponentially distributed; a burst has *requests* requests in the mean, so it lasts requests / (factor x rate).
    The first state is drawn by its share, so the rate is the mean rate from the very beginning.
    """

    name: ClassVar[str] = "bursty"
    rate_per_s: float
    factor: float = 5.0
    share: float = 0.1
    requests: float = 20.0

    def __post_init__(self) -> None:
        """Refuse what cannot be, above all bursts that alone exceed the mean rate."""
        _check_rate(self.rate_per_s)
        if not isfinite(self.factor) or self.factor < 1:
            raise InputError("--burst-factor", "must be at least 1", value=self.factor)
        if not 0 < self.share < 1:
            raise InputError("--burst-share", "must be more than 0 and less than 1", value=self.share)
        if not isfinite(self.requests) or self.requests <= 0:
            raise InputError("--burst-requests", "must be more than 0", value=self.requests)
        if self.factor * self.share > 1:
            rule = f"times --burst-factor {self.factor:g} must be at most 1, or bursts alone exceed the mean rate"
            raise InputError("--burst-share", rule, value=self.share)

    @property
    def burst_rate(self) -> float:
        """Requests a second in a burst."""
        return self.factor * self.rate_per_s

    @property
    def quiet_rate(self) -> float:
        """Requests a second between bursts."""
        return self.rate_per_s * (1 - self.share * self.factor) / (1 - self.share)

    def gaps(self, uniforms: Uniforms) -> Iterator[float]:
        """Yield the seconds between requests."""
        mean_burst = self.requests / self.burst_rate
        # By [burst]: the rate, and the mean time in the state.
        rates = (self.quiet_rate, self.burst_rate)
        means = (mean_burst * (1 - self.share) / self.share, mean_burst)
        burst = uniforms.draw() < self.share
        left = uniforms.exponential(1 / means[burst])
        gap = 0.0
        while True:
            # The process has no memory: what a change of state cuts off is drawn anew at the new rate.
            step = uniforms.exponential(rates[burst]) if rates[burst] > 0 else left
            if step < left:
                left -= step
                yield gap + step
                gap = 0.0
            else:
                gap += left
                burst = not burst
                left = uniforms.exponential(1 / means[burst])


#: The processes by the name that the command line knows.
PROCESSES: dict[str, type[Poisson | Bursty]] = {kind.name: kind for kind in (Poisson, Bursty)}


@dataclass(frozen=True)
class Drawn:
    """Requests at the times of *process*, each of a task drawn by *mix*; the images of a task take turns.

    It ends after *requests* requests, or with the last one that comes within *seconds*; one of them is None. Times do
    not depend on the mix, nor tasks on the times; a time is rounded to a picosecond.
    """

    process: Process
    mix: Mix
    images: int
    seed: int = 0
    requests: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse a stream without an end, or without a beginning."""
        if (self.requests is None) == (self.seconds is None):
            raise InputError("serve", "give one of --requests and --seconds")
        if self.requests is not None and self.requests < 1:
            raise InputError("--requests", "must be at least 1", value=self.requests)
        if self.seconds is not None and not (isfinite(self.seconds) and self.seconds > 0):
            raise InputError("--seconds", "must be more than 0", value=self.seconds)
        if self.seed < 0:
            raise InputError("--seed", "must not be negative", value=self.seed)

    @property
    def expected(self) -> int:
        """How many requests there will be, in the mean."""
        if self.requests is not None:
            return self.requests
        return max(1, round(self.process.rate_per_s * (self.seconds or 0)))

    def __iter__(self) -> Iterator[Arrival]:
        """Draw the arrivals."""
        gaps, tasks = self.process.gaps(Uniforms(self.seed, 0)), Uniforms(self.seed, 1)
        names = [task for task, share in self.mix.items() if share]
        bounds = list(accumulate(self.mix[task] for task in names))[:-1]
        turns = Turns(self.images)
        end = None if self.seconds is None else round(self.seconds * PICOSECONDS)
        time = number = 0
        while number != self.requests:
            time += round(next(gaps) * PICOSECONDS)
            if end is not None and time > end:
                return
            task = names[bisect(bounds, tasks.draw())]
            yield Arrival(time, task, turns.next(task))
            number += 1

    def describe(self) -> dict[str, Any]:
        """Return process, mix, length and seed."""
        return {
            "arrivals": self.process.name,
            **vars(self.process),
            "mix": dict(self.mix),
            "images_per_task": self.images,
            "seed": self.seed,
            "requests": self.requests,
            "seconds": self.seconds,
        }


def _check_rate(rate: float) -> None:
    if not isfinite(rate) or rate <= 0:
        raise InputError("--rate", "must be a number of requests per second, more than 0", value=rate)
