"""The caches: tags and replacement (``docs/machine.md``, section 6.1).

Lookups come in program order and never wait, so what hits is a property of the schedule alone; the controller turns
what an eviction has to wait for into time.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Collection, Iterable

from mimesim.config.hardware import Caches
from mimesim.machine.kinds import ACTIVATIONS, OUTPUTS, READS, THRESHOLDS, WEIGHTS

__all__ = ["NOBODY", "Cache", "Victims", "count_blocks", "make_caches", "no_victims"]

_KINDS = OUTPUTS + 1

#: By kind: the highest user (fill, pass or drain job) of what a lookup step evicts, -1 for none; the step waits for it.
Victims = list[int]


def no_victims() -> Victims:
    """Return the victims of a step that evicts nothing."""
    return [-1] * _KINDS


#: The use of whoever looks up when nobody counts what leaves.
NOBODY = 0

#: The user and the scope of a block that was there from the beginning.
_BEFORE = -1

#: A resident block: its size in words, its kind, the last of its users, its scope and the number of its use.
_Line = tuple[int, int, int, int, int]


class Cache:
    """One directory of blocks with least-recently-used replacement; a unified cache has one for all kinds.

    Ports: one lookup stream from the controller. Latency: none of its own, a step of the controller takes
    ``caches.lookup_cycles``. Books nothing: the controller books what misses. Promises: never holds more than
    *capacity* words, and with ``pin`` never evicts a block whose scope has not ended. :attr:`moved` gathers what was
    evicted and :attr:`moved_uses` what it was used for, until whoever counts it empties them.
    """

    def __init__(self, capacity: int, *, pin: bool = False) -> None:
        self.capacity = capacity
        self.used = 0
        self._pin = pin
        self._lines: OrderedDict[int, _Line] = OrderedDict()
        self._scopes = [0] * _KINDS
        self.dirty: set[int] = set()
        #: Addresses of evicted blocks in the order in which they left, also of dirty ones, which stay in :attr:`dirty`.
        self.moved = array("q")
        self.moved_uses = array("q")
        #: Blocks, over the whole run.
        self.inserted = self.dropped = 0

    def __len__(self) -> int:
        """Return the number of resident blocks."""
        return len(self._lines)

    def __contains__(self, address: int) -> bool:
        """Return whether the block at *address* is resident."""
        return address in self._lines

    def hold(self, blocks: Iterable[tuple[int, int, int, int]]) -> None:
        """Begin with *blocks* that :meth:`held` returned; nobody uses them any more, and they count as inserted."""
        for address, words, kind, use in blocks:
            self._lines[address] = (words, kind, _BEFORE, _BEFORE, use)
            self.used += words
            self.inserted += 1

    def held(self, kinds: Collection[int]) -> tuple[tuple[int, int, int, int], ...]:
        """Return (address, words, kind, use) of the resident blocks of *kinds*, the least recently used first."""
        lines = self._lines.items()
        return tuple((address, words, kind, use) for address, (words, kind, _, _, use) in lines if kind in kinds)

    def enter(self, loop: int, phase: int) -> None:
        """Begin a scope: *loop* numbers the iteration within which parameters are used, *phase* that of activations."""
        self._scopes[WEIGHTS] = self._scopes[THRESHOLDS] = loop
        self._scopes[ACTIVATIONS] = self._scopes[OUTPUTS] = phase

    def uses(self) -> set[int]:
        """Return the numbers of all uses of resident blocks."""
        return {line[4] for line in self._lines.values()}

    def lookup(self, address: int, words: int, kind: int, user: int, victims: Victims, use: int = NOBODY) -> bool:
        """Use the block at *address* and return whether it was resident; a miss makes room and inserts it.

        *user* numbers the fill, pass or drain job that needs the block. What has to leave is added to *victims*.
        """
        lines = self._lines
        if address in lines:
            lines[address] = (words, kind, user, self._scopes[kind], use)
            lines.move_to_end(address)
            return True
        if self.used + words <= self.capacity or self._make_room(words, victims):
            lines[address] = (words, kind, user, self._scopes[kind], use)
            self.used += words
            self.inserted += 1
        return False

    def lookup_all(
        self, addresses: list[int], words: int, kind: int, user: int, victims: Victims, use: int = NOBODY
    ) -> list[int]:
        """Look up blocks of equal size in order and return those that miss."""
        lines, missing = self._lines, []
        line = (words, kind, user, self._scopes[kind], use)
        touch, full = lines.move_to_end, self.capacity - words
        for address in addresses:
            if address in lines:
                lines[address] = line
                touch(address)
                continue
            missing.append(address)
            if self.used > full and not self._make_room(words, victims):
                self.inserted -= 1
                continue
            lines[address] = line
            self.used += words
        self.inserted += len(missing)
        return missing

    def allocate(self, addresses: list[int], words: int, user: int, victims: Victims, use: int = NOBODY) -> list[int]:
        """Insert dirty blocks of equal size that drain job *user* writes; return those that find no room."""
        line, around = (words, OUTPUTS, user, self._scopes[OUTPUTS], use), []
        for address in addresses:
            if self.used + words > self.capacity and not self._make_room(words, victims):
                around.append(address)
                continue
            self._lines[address] = line
            self.dirty.add(address)
            self.used += words
            self.inserted += 1
        return around

    def drop(self, first: int, end: int) -> None:
        """Forget the dirty blocks with addresses from *first* up to, not including, *end*."""
        for address in [address for address in self.dirty if first <= address < end]:
            self.used -= self._lines.pop(address)[0]
            self.dirty.remove(address)
            self.dropped += 1

    def forget(self) -> None:
        """Forget what left: nobody counts it."""
        self.dirty.difference_update(self.moved)
        self.moved, self.moved_uses = array("q"), array("q")

    @property
    def evicted(self) -> int:
        """Blocks that were evicted over the whole run: of all that were inserted, what is not there nor was dropped."""
        return self.inserted - self.dropped - len(self._lines)

    def _make_room(self, words: int, victims: Victims) -> bool:
        """Evict least recently used blocks until *words* fit; with ``pin`` only ended ones, and all or none."""
        lines, room = self._lines, self.capacity - words
        if not self._pin:
            used, leave, note = self.used, self.moved.append, self.moved_uses.append
            while used > room:
                address, (freed, kind, user, _, use) = lines.popitem(False)
                used -= freed
                if user > victims[kind]:
                    victims[kind] = user
                leave(address)
                note(use)
            self.used = used
            return True
        leaving, used = [], self.used
        for address, (size, kind, _, scope, _) in lines.items():
            if used <= room:
                break
            if scope != self._scopes[kind]:
                leaving.append(address)
                used -= size
        if used > room:
            return False
        for address in leaving:
            _, kind, user, _, use = lines.pop(address)
            victims[kind] = max(victims[kind], user)
            self.moved.append(address)
            self.moved_uses.append(use)
        self.used = used
        return True


def make_caches(config: Caches, word_bits: int) -> list[Cache]:
    """Return the cache of each kind; a unified cache is one object for all of them."""
    pin = config.policy == "pin"

    def cache(kib: float) -> Cache:
        return Cache(int(kib * 1024 * 8) // word_bits, pin=pin)

    if config.organisation == "unified":
        return [cache(config.unified_kib)] * len(READS)
    return [cache(kib) for kib in (config.weights_kib, config.activations_kib, config.thresholds_kib)]


def count_blocks(caches: Iterable[Cache]) -> dict[str, int]:
    """Return how many blocks were inserted in *caches*, evicted and dropped, and how many are resident."""
    distinct = list(dict.fromkeys(caches))
    return {
        "inserted": sum(cache.inserted for cache in distinct),
        "evicted": sum(cache.evicted for cache in distinct),
        "dropped": sum(cache.dropped for cache in distinct),
        "resident": sum(len(cache) for cache in distinct),
    }
