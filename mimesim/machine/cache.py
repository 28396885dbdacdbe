"""The caches: tags and replacement (``docs/machine.md``, section 6.1).

Lookups come in program order and never wait, so what hits is a property of the schedule alone; the controller turns
what an eviction has to wait for into time.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from mimesim.machine.kinds import ACTIVATIONS, READS, THRESHOLDS, WEIGHTS

__all__ = ["Cache", "Victims", "no_victims"]

#: By kind: the highest user (fill, pass or drain job) of what a lookup step evicts, -1 for none; the step waits for it.
Victims = list[int]


def no_victims() -> Victims:
    """Return the victims of a step that evicts nothing."""
    return [-1] * len(READS)


@dataclass(slots=True)
class _Line:
    """A resident block: its size in words, its kind, the last of its users and the scope in which that one ran."""

    words: int
    kind: int
    user: int
    scope: int


class Cache:
    """One directory of blocks with least-recently-used replacement; a unified cache has one for all kinds.

    Ports: one lookup stream from the controller. Latency: none of its own, a step of the controller takes
    ``caches.lookup_cycles``. Books nothing: the controller books what misses. Promises: never holds more than
    *capacity* words, and with ``pin`` never evicts a block whose scope has not ended.
    """

    def __init__(self, capacity: int, *, pin: bool = False) -> None:
        self.capacity = capacity
        self.used = 0
        self._pin = pin
        self._lines: OrderedDict[int, _Line] = OrderedDict()
        self._scopes = [0] * len(READS)

    def __len__(self) -> int:
        """Return the number of resident blocks."""
        return len(self._lines)

    def __contains__(self, address: int) -> bool:
        """Return whether the block at *address* is resident."""
        return address in self._lines

    def enter(self, loop: int, phase: int) -> None:
        """Begin a scope: *loop* numbers the iteration within which parameters are used, *phase* that of activations."""
        self._scopes[WEIGHTS] = self._scopes[THRESHOLDS] = loop
        self._scopes[ACTIVATIONS] = phase

    def lookup(self, address: int, words: int, kind: int, user: int, victims: Victims) -> bool:
        """Use the block at *address* and return whether it was resident; a miss makes room and inserts it.

        *user* numbers the fill, pass or drain job that needs the block. What has to leave is added to *victims*.
        """
        line = self._lines.get(address)
        if line is not None:
            line.user = user
            line.scope = self._scopes[kind]
            self._lines.move_to_end(address)
            return True
        if self.used + words > self.capacity and not self._make_room(words, victims):
            return False
        self._lines[address] = _Line(words, kind, user, self._scopes[kind])
        self.used += words
        return False

    def lookup_all(self, addresses: list[int], words: int, kind: int, user: int, victims: Victims) -> list[int]:
        """Look up blocks of equal size in order and return those that miss."""
        lines, missing, scope = self._lines, [], self._scopes[kind]
        for address in addresses:
            line = lines.get(address)
            if line is not None:
                line.user = user
                line.scope = scope
                lines.move_to_end(address)
            else:
                self.lookup(address, words, kind, user, victims)
                missing.append(address)
        return missing

    def _make_room(self, words: int, victims: Victims) -> bool:
        """Evict least recently used blocks until *words* fit; with ``pin`` only ended ones, and all or none."""
        if not self._pin:
            lines, room = self._lines, self.capacity - words
            while self.used > room:
                _, line = lines.popitem(last=False)
                self.used -= line.words
                if line.user > victims[line.kind]:
                    victims[line.kind] = line.user
            return True
        leaving, freed = [], 0
        for address, line in self._lines.items():
            if self.used - freed + words <= self.capacity:
                break
            if line.scope != self._scopes[line.kind]:
                leaving.append(address)
                freed += line.words
        if self.used - freed + words > self.capacity:
            return False
        for address in leaving:
            line = self._lines.pop(address)
            self.used -= line.words
            victims[line.kind] = max(victims[line.kind], line.user)
        return True
