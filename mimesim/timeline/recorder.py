"""Records what the parts of the machine did, each on a track of its own."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby

from mimesim.config.hardware import Hardware
from mimesim.schedule.program import DrainJob, Fill, Phase
from mimesim.timeline.events import TICKS, Events, Slice, Track, Window

__all__ = ["Recorder"]

_GRID: Track = ("PE grid",)
_TAGS: Track = ("caches", "tag lookups")
_READS = ("weights", "activations", "thresholds")
#: Events of unwanted layers that are gathered before they are dropped.
_GATHERED = 100_000
#: Cycles over which the bandwidth of DRAM is averaged.
_SPAN = 256


class Recorder:
    """The observer of one case's replay; :meth:`finish` returns what is in the window."""

    def __init__(self, hardware: Hardware, window: Window) -> None:
        self._window = window
        self._events = Events()
        ratio = Fraction(hardware.dram.clock_mhz) / Fraction(hardware.clock_mhz)
        #: A clock is so many ticks, as a fraction.
        self._clock = TICKS * ratio.denominator, ratio.numerator
        self._burst_clocks = hardware.dram.burst_clocks
        self._burst_words = hardware.burst_words
        self._banks = hardware.dram.organisation.banks
        self._unified = hardware.caches.organisation == "unified"
        self._caches = ("all",) if self._unified else _READS
        #: Events that belong to phases that are over.
        self._kept = 0, 0
        self._kept_requests = self._kept_bursts = 0
        self._used: list[int] = []
        #: By task, the slice that it is in.
        self._running: dict[str, Slice] = {}
        #: When each write-back buffer is free.
        self._buffers: list[int] = []
        #: (tick, requests more) and (tick, bursts), over all channels.
        self._requests: list[tuple[int, int]] = []
        self._bursts: list[tuple[int, int]] = []

    def finish(self) -> Events:
        """Return everything that was recorded."""
        waiting = 0
        for tick, together in groupby(sorted(self._requests), key=lambda change: change[0]):
            waiting += sum(change for _, change in together)
            self._count(tick, ("DRAM", "requests"), waiting)
        last = -1
        span = _SPAN * TICKS
        for number, bursts in groupby(sorted(self._bursts), key=lambda burst: burst[0] // span):
            if number > last + 1:
                self._count((last + 1) * span, ("DRAM", f"words in {_SPAN} cycles"), 0)
            total = sum(count for _, count in bursts) * self._burst_words
            self._count(number * span, ("DRAM", f"words in {_SPAN} cycles"), total)
            last = number
        return self._events

    def phase_ran(self, phase: Phase, start: int, end: int) -> None:
        """Keep or drop what was recorded since the phase before."""
        events = self._events
        for task in list(self._running):
            self._leave(task)
        if not self._wanted(phase):
            self._drop(end)
            return
        inside = self._window.end is None or start < self._window.end
        if inside and end > self._window.first and events.cut is None and end > start:
            details = {"passes": phase.record.passes, "images": len(phase.record.images)}
            events.slices.append(Slice(start * TICKS, end * TICKS, _GRID, phase.record.layer, details))
        self._kept = len(events.slices), len(events.counters)
        self._kept_requests, self._kept_bursts = len(self._requests), len(self._bursts)

    def _wanted(self, phase: Phase) -> bool:
        return not self._window.layers or phase.record.layer in self._window.layers

    def _drop(self, before: int) -> None:
        """Drop what began before a cycle, but not what belongs to phases that were kept."""
        self._events.drop(*self._kept, before=before * TICKS)
        for log, kept in ((self._requests, self._kept_requests), (self._bursts, self._kept_bursts)):
            log[kept:] = [entry for entry in log[kept:] if entry[0] >= before * TICKS]

    def pass_ran(self, phase: Phase, place: int, start: int, end: int) -> None:
        """A slice of the grid, and of every task whose images it works for."""
        if not self._wanted(phase):
            # What a layer that nobody wants to see leaves behind is not gathered to its end.
            if len(self._events) - sum(self._kept) > _GATHERED:
                self._drop(start)
            return
        if not self._window.holds(start * TICKS):
            return
        self._slice(start * TICKS, end * TICKS, _GRID, "pass", {"pass": place, "group": phase.group[place]})
        members = phase.groups[phase.group[place]].images
        tasks = {image.task for image in members}
        for task in [task for task in self._running if task not in tasks]:
            self._leave(task)
        name = phase.record.layer
        for task in sorted(tasks):
            before = self._running.get(task)
            begin = start * TICKS if before is None else before.start
            self._running[task] = Slice(begin, end * TICKS, ("tasks", task), name)

    def _leave(self, task: str) -> None:
        one = self._running.pop(task)
        self._slice(one.start, one.end, one.track, one.name)

    def stalled(self, phase: Phase, cause: str, start: int, end: int) -> None:
        """A slice of the grid."""
        self._slice(start * TICKS, end * TICKS, _GRID, f"stall: {cause}")

    def looked_up(self, phase: Phase, place: int, start: int, end: int, used: Sequence[int]) -> None:
        """A slice of the tags, and what the caches hold where that changed."""
        self._slice(start * TICKS, end * TICKS, _TAGS, "lookup", {"pass": place})
        if list(used) != self._used:
            for name, words, before in zip(self._caches, used, self._used or [-1] * len(used), strict=True):
                if words != before:
                    self._count(end * TICKS, ("caches", f"words in {name}"), words)
            self._used = list(used)

    def filled(self, phase: Phase, fill: Fill, start: int, end: int) -> None:
        """A slice of the weight network."""
        self._slice(start * TICKS, end * TICKS, ("NoC", "weights"), "fill", {"words": fill.block.filled})

    def drained(self, phase: Phase, job: DrainJob, start: int, end: int) -> None:
        """A slice of the comparators."""
        details = {"thresholds": sum(use.block.values for use in job.thresholds), "runs": len(job.writes)}
        self._slice(start * TICKS, end * TICKS, ("CMP",), "drain", details)

    def requested(self, kind: str, start: int, end: int, bursts: int, port_cycles: int) -> None:
        """A slice of a cache's fill port or of a write-back buffer."""
        if self._window.holds(start * TICKS) and self._events.cut is None:
            self._requests += [(start * TICKS, 1), (end * TICKS, -1)]
        details = {"bursts": bursts}
        if kind in _READS:
            name = "all" if self._unified else kind
            self._slice((end - port_cycles) * TICKS, end * TICKS, ("caches", f"fill of {name}"), kind, details)
            return
        free = [number for number, until in enumerate(self._buffers) if until <= start]
        if not free:
            free = [len(self._buffers)]
            self._buffers.append(0)
        self._buffers[free[0]] = end
        self._slice(start * TICKS, end * TICKS, ("write-back", f"buffer {free[0]}"), "outputs", details)

    def served(self, channel: int, ends: Sequence[int], write: bool) -> None:
        """A slice of a channel's data bus."""
        start, end = self._tick(ends[0] - self._burst_clocks), self._tick(ends[-1])
        if self._window.holds(start) and self._events.cut is None:
            self._bursts += [(self._tick(one - self._burst_clocks), 1) for one in ends]
        track = ("DRAM", f"channel {channel}", "data bus")
        self._slice(start, end, track, "write" if write else "read", {"bursts": len(ends)})

    def transferred(self, channel: int, bank: int, row: int, ends: Sequence[int], write: bool) -> None:
        """A slice of a bank."""
        start, end = self._tick(ends[0] - self._burst_clocks), self._tick(ends[-1])
        name = f"{'write' if write else 'read'} row {row}"
        self._slice(start, end, ("DRAM", f"channel {channel}", f"bank {bank}"), name, {"bursts": len(ends)})

    def activated(self, channel: int, bank: int, row: int, clock: int) -> None:
        """An instant of a bank."""
        tick = self._tick(clock)
        self._slice(tick, tick, ("DRAM", f"channel {channel}", f"bank {bank}"), f"activate row {row}")

    def refreshed(self, channel: int, rank: int, start: int, end: int) -> None:
        """A slice of a rank."""
        track = ("DRAM", f"channel {channel}", f"refresh of rank {rank}")
        self._slice(self._tick(start), self._tick(end), track, "refresh")

    def _slice(self, start: int, end: int, track: Track, name: str, details: dict[str, int] | None = None) -> None:
        events = self._events
        if self._window.holds(start) and events.cut is None:
            events.slices.append(Slice(start, end, track, name, details))
            self._mind_the_limit(start)

    def _count(self, tick: int, track: Track, value: int) -> None:
        if self._window.holds(tick) and self._events.cut is None:
            self._events.counters.append((tick, track, value))

    def _mind_the_limit(self, tick: int) -> None:
        gathered = sum(self._kept) if self._window.layers else len(self._events)
        if gathered >= self._window.limit:
            self._events.cut = tick

    def _tick(self, clock: int) -> int:
        """Return the tick of a DRAM clock."""
        return clock * self._clock[0] // self._clock[1]
