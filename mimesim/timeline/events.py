"""What a timeline holds: slices, instants and counters on named tracks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mimesim.errors import InputError

__all__ = ["TICKS", "Events", "Slice", "Window"]

#: Ticks of a cycle: a viewer takes them for nanoseconds and shows a cycle as a microsecond. DRAM clocks are finer.
TICKS = 1000

#: From the outermost inwards: the names of a track and of those that it is shown below.
Track = tuple[str, ...]


class Slice(NamedTuple):
    """Something that *track* did from tick *start* to *end*; with *end* equal to *start* it takes no time."""

    start: int
    end: int
    track: Track
    name: str
    details: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Window:
    """What of a run is recorded: cycles from *first* to before *end*, phases of *layers* (all, if empty).

    At most *limit* events of a case.
    Raises :class:`InputError` if it holds nothing.
    """

    first: int = 0
    end: int | None = None
    layers: frozenset[str] = frozenset()
    limit: int = 250_000

    def __post_init__(self) -> None:
        """Refuse what is no window."""
        if self.first < 0 or (self.end is not None and self.end <= self.first):
            raise InputError("timeline", "must be two cycles FROM:TO, the first below the second", key="cycles")
        if self.limit < 1:
            raise InputError("timeline", "must be at least 1", key="limit", value=self.limit)

    def holds(self, tick: int) -> bool:
        """Return whether what begins at *tick* is recorded."""
        return tick >= self.first * TICKS and (self.end is None or tick < self.end * TICKS)


@dataclass
class Events:
    """What was recorded; *cut* is the tick from which on nothing is, where there was too much."""

    slices: list[Slice] = field(default_factory=list)
    #: (tick, track, value)
    counters: list[tuple[int, Track, int]] = field(default_factory=list)
    cut: int | None = None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.slices) + len(self.counters)

    def drop(self, slices: int, counters: int, before: int) -> None:
        """Drop what begins before tick *before*, but not the first so many *slices* and *counters*."""
        self.slices[slices:] = [one for one in self.slices[slices:] if one.start >= before]
        self.counters[counters:] = [one for one in self.counters[counters:] if one[0] >= before]

    def ordered(self) -> Iterator[tuple[int, bool, Slice]]:
        """Yield (tick, whether it begins, slice); on every track slices follow each other or lie in each other."""
        # What ends goes before what begins; the longest begins first, and the latest to begin ends first.
        edges = [(one.start, 1, -one.end, number, True, one) for number, one in enumerate(self.slices)]
        edges += [
            (one.end, 0, -one.start, -number, False, one)
            for number, one in enumerate(self.slices)
            if one.end > one.start
        ]
        for tick, _, _, _, begins, one in sorted(edges, key=lambda edge: edge[:4]):
            yield tick, begins, one
