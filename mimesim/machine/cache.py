"""The caches: tags and replacement (``docs/machine.md``, section 6.1).

Lookups come in program order and never wait, so what hits is a property of the schedule alone; the controller turns
what an eviction has to wait for into time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable

from mimesim.machine.kinds import ACTIVATIONS, READS, THRESHOLDS, WEIGHTS

__all__ = ["Cache", "Victims", "no_victims"]

#: By kind: the highest user (fill, pass or drain job) of what a lookup step evicts, -1 for none; the step waits for it.
Victims = list[int]


def no_victims() -> Victims:
    """Return the victims of a step that evicts nothing."""
    return [-1] * len(READS)


#: The user and the scope of a block that was there from the beginning.
_NOBODY = -1

#: A resident block: its size in words, its kind, the last of its users and the scope in which that one ran.
_Line = tuple[int, int, int, int]


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

    def hold(self, blocks: Iterable[tuple[int, int, int]]) -> None:
        """Begin with *blocks* (address, words, kind), the least recently used first; nobody uses them any more."""
        for address, words, kind in blocks:
            self._lines[address] = (words, kind, _NOBODY, _NOBODY)
            self.used += words

    def held(self, kinds: Collection[int]) -> tuple[tuple[int, int, int], ...]:
        """Return the resident blocks of *kinds* as :meth:`hold` takes them."""
        return tuple((address, words, kind) for address, (words, kind, _, _) in self._lines.items() if kind in kinds)

    def enter(self, loop: int, phase: int) -> None:
        """Begin a scope: *loop* numbers the iteration within which parameters are used, *phase* that of activations."""
        self._scopes[WEIGHTS] = self._scopes[THRESHOLDS] = loop
        self._scopes[ACTIVATIONS] = phase

    def lookup(self, address: int, words: int, kind: int, user: int, victims: Victims) -> bool:
        """Use the block at *address* and return whether it was resident; a miss makes room and inserts it.

        *user* numbers the fill, pass or drain job that needs the block. What has to leave is added to *victims*.
        """
        return not self.lookup_all([address], words, kind, user, victims)

    def lookup_all(self, addresses: list[int], words: int, kind: int, user: int, victims: Victims) -> list[int]:
        """Look up blocks of equal size in order and return those that miss."""
        lines, missing = self._lines, []
        line = (words, kind, user, self._scopes[kind])
        for address in addresses:
            if address in lines:
                lines[address] = line
                lines.move_to_end(address)
                continue
            missing.append(address)
            if self.used + words > self.capacity and not self._make_room(words, victims):
                continue
            lines[address] = line
            self.used += words
        return missing

    def _make_room(self, words: int, victims: Victims) -> bool:
        """Evict least recently used blocks until *words* fit; with ``pin`` only ended ones, and all or none."""
        lines, room = self._lines, self.capacity - words
        if not self._pin:
            while self.used > room:
                freed, kind, user, _ = lines.popitem(last=False)[1]
                self.used -= freed
                if user > victims[kind]:
                    victims[kind] = user
            return True
        leaving, used = [], self.used
        for address, (size, kind, _, scope) in lines.items():
            if used <= room:
                break
            if scope != self._scopes[kind]:
                leaving.append(address)
                used -= size
        if used > room:
            return False
        for address in leaving:
            _, kind, user, _ = lines.pop(address)
            victims[kind] = max(victims[kind], user)
        self.used = used
        return True
