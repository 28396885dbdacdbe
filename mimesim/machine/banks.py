"""The SRAM banks of the caches and what collides in them (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

from simpy import Event

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.errors import InputError
from mimesim.machine.clock import Clock
from mimesim.machine.kinds import ACTIVATIONS, READS, THRESHOLDS, WEIGHTS

__all__ = ["BankArbiter", "banks_of", "check_banks", "collides", "colliding", "make_arbiters", "stream_uses"]


class _Use(NamedTuple):
    """A stream: the private cache that it uses (-1: any), whether it writes, and the banks that it takes."""

    cache: int
    write: bool
    banks: int


@dataclass(slots=True)
class _Stream:
    """A stream that is active, and the cycles that it has to go."""

    name: str
    use: _Use
    cycles: int


def stream_uses(hardware: Hardware) -> dict[str, _Use]:
    """Return what each stream takes, by priority."""
    caches, noc = hardware.caches, hardware.noc
    streams = {
        "fill": (-1, True, noc.fill_words_per_cycle),
        "pe_grid": (ACTIVATIONS, False, noc.activation_words_per_cycle),
        "noc": (WEIGHTS, False, noc.weight_words_per_cycle),
        "cmp": (THRESHOLDS, False, noc.threshold_words_per_cycle),
    }
    if caches.write_policy == "write_back":
        streams["outputs"] = (ACTIVATIONS, True, noc.output_words_per_cycle)
    return {name: _Use(cache, write, -(-words // caches.bank_words)) for name, (cache, write, words) in streams.items()}


def banks_of(hardware: Hardware) -> int:
    """Return the banks of one cache."""
    caches = hardware.caches
    return (caches.banks or 0) * (len(READS) if caches.organisation == "unified" else 1)


def _collides(hardware: Hardware, kind: int) -> bool:
    """Return whether the streams of a cache can need more banks than there are."""
    unified = hardware.caches.organisation == "unified"
    uses = [use for use in stream_uses(hardware).values() if unified or use.cache in (-1, kind)]
    directions = [[use.banks for use in uses if use.write is write] for write in (False, True)]
    if hardware.caches.ports == 1:
        directions = [directions[0] + directions[1]]
    return any(sum(banks) > banks_of(hardware) for banks in directions)


def colliding(hardware: Hardware) -> list[bool]:
    """Return, by kind, whether streams can meet in the banks of its cache and make each other wait."""
    if hardware.caches.banks is None:
        return [False] * len(READS)
    return [_collides(hardware, kind) for kind in range(len(READS))]


def collides(hardware: Hardware) -> bool:
    """Return whether they can in any cache."""
    return any(colliding(hardware))


def check_banks(hardware: Hardware, schedule: Schedule) -> None:
    """Raise :class:`InputError` where the banks cannot carry a single stream, or make no sense with the rest."""
    caches = hardware.caches
    if caches.banks is None:
        if caches.ports == 1:
            raise InputError("hardware", "needs caches.banks: ports are those of a bank", key="caches.ports", value=1)
        return
    name, use = max(stream_uses(hardware).items(), key=lambda entry: entry[1].banks)
    available = banks_of(hardware)
    if use.banks > available:
        rule = (
            f"makes {available} banks of {caches.bank_words} words a cache; "
            f"stream {name} alone needs {use.banks} of them in a cycle"
        )
        raise InputError("hardware", rule, key="caches.banks", value=caches.banks)
    if schedule.barrier == "tile" and collides(hardware):
        rule = "lets streams collide, which is not defined with schedule.barrier = tile: give it more banks, or null"
        raise InputError("hardware", rule, key="caches.banks", value=caches.banks)


class BankArbiter:
    """Serves the streams of one cache, cycle for cycle by priority; a stream that finds too few banks loses the cycle.

    Ports: one fill, known when it is submitted; one stream of each other sort. Latency: a stream's own cycles and those
    that it loses. Books: cycles lost, by stream. Promises: what happens in a cycle is settled only when it is over, by
    when every fill and stream that is active in it is known; between two changes all cycles are alike and are taken
    together.
    """

    def __init__(self, environment: Clock, hardware: Hardware) -> None:
        self._environment = environment
        self._uses = stream_uses(hardware)
        self._order = list(self._uses)
        self._banks = banks_of(hardware)
        self._shared_port = hardware.caches.ports == 1
        self._fills: deque[tuple[int, int]] = deque()
        self._active: list[_Stream] = []
        self._settled = 0
        self.lost: Counter[str] = Counter()

    def fill(self, first: int, end: int) -> None:
        """Say that the cache is filled in the cycles from *first* to before *end*, neither of which is over."""
        self._fills.append((first, end))

    def run(self, name: str, cycles: int) -> Generator[Event, None, None]:
        """Be active as stream *name* until *cycles* cycles are not lost."""
        if not cycles:
            return
        self._settle()
        stream = _Stream(name, self._uses[name], cycles)
        self._active.append(stream)
        self._active.sort(key=lambda other: self._order.index(other.name))
        while stream.cycles:
            yield self._environment.timeout(stream.cycles)
            self._settle()

    def _settle(self) -> None:
        """Serve all cycles that are over."""
        now, fills = self._environment.cycle, self._fills
        while self._active and self._settled < now:
            self._serve(now)
        self._settled = now
        while fills and fills[0][1] <= now:
            fills.popleft()

    def _serve(self, now: int) -> None:
        """Serve alike cycles: up to *now*, to the end of a stream, or to the begin or end of a fill."""
        begin, fills = self._settled, self._fills
        while fills and fills[0][1] <= begin:
            fills.popleft()
        until, filling = now, False
        if fills:
            first, end = fills[0]
            filling = first <= begin
            until = min(until, end if filling else first)
        # Banks taken by reads and by writes.
        taken = [0, self._uses["fill"].banks if filling else 0]
        served, losing = [], []
        for stream in self._active:
            before = sum(taken) if self._shared_port else taken[stream.use.write]
            if before + stream.use.banks > self._banks:
                losing.append(stream)
                continue
            taken[stream.use.write] += stream.use.banks
            served.append(stream)
            until = min(until, begin + stream.cycles)
        for stream in served:
            stream.cycles -= until - begin
            if not stream.cycles:
                self._active.remove(stream)
        for stream in losing:
            self.lost[stream.name] += until - begin
        self._settled = until


def make_arbiters(environment: Clock, hardware: Hardware) -> list[BankArbiter | None]:
    """Return the arbiter of each kind's cache (of a unified cache the same for all), None where nothing collides."""
    found = [BankArbiter(environment, hardware) if one else None for one in colliding(hardware)]
    return found[:1] * len(READS) if hardware.caches.organisation == "unified" else found
