"""The cache beside a naive model: a list of blocks in the order of their last use."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mimesim.machine.cache import Cache, no_victims

#: Words of a block of kind 1; a block always has the same size.
_EQUAL = 2


@dataclass
class Block:
    address: int
    words: int
    kind: int
    user: int
    scope: int


class CacheAgainstList(RuleBasedStateMachine):
    """Looks up drawn blocks in both; kind and size of a block follow from its address."""

    @initialize(capacity=st.integers(4, 12), pin=st.booleans())
    def begin(self, capacity: int, pin: bool) -> None:
        self.cache, self.pin, self.capacity = Cache(capacity, pin=pin), pin, capacity
        self.blocks: list[Block] = []  # least recently used first
        self.loop = self.phase = self.users = 0

    def fits(self, blocks: list[Block], words: int) -> bool:
        return sum(block.words for block in blocks) + words <= self.capacity

    def model(self, address: int, words: int, kind: int, user: int) -> tuple[bool, list[int]]:
        scope = self.phase if kind == 1 else self.loop
        victims = no_victims()
        for block in self.blocks:
            if block.address == address:
                block.user, block.scope = user, scope
                self.blocks.remove(block)
                self.blocks.append(block)
                return True, victims
        stay = list(self.blocks)
        leave = []
        for block in self.blocks:
            if self.fits(stay, words):
                break
            if self.pin and block.scope == (self.phase if block.kind == 1 else self.loop):
                continue
            stay.remove(block)
            leave.append(block)
        if not self.fits(stay, words):
            return False, victims
        for block in leave:
            victims[block.kind] = max(victims[block.kind], block.user)
        self.blocks = [*stay, Block(address, words, kind, user, scope)]
        return False, victims

    @rule(address=st.integers(0, 11))
    def look_up(self, address: int) -> None:
        kind = address % 3
        words = _EQUAL if kind == 1 else 1 + address % 4
        self.users += 1
        victims = no_victims()
        hit = self.cache.lookup(address, words, kind, self.users, victims)
        assert (hit, victims) == self.model(address, words, kind, self.users)

    @rule(addresses=st.lists(st.sampled_from([1, 4, 7, 10]), max_size=4))
    def look_up_all(self, addresses: list[int]) -> None:
        self.users += 1
        victims, expected, missing = no_victims(), no_victims(), []
        found = self.cache.lookup_all(addresses, _EQUAL, 1, self.users, victims)
        for address in addresses:
            hit, left = self.model(address, _EQUAL, 1, self.users)
            expected = [max(pair) for pair in zip(expected, left, strict=True)]
            if not hit:
                missing.append(address)
        assert (found, victims) == (missing, expected)

    @rule(phase=st.booleans())
    def next_scope(self, phase: bool) -> None:
        self.loop += 1
        self.phase += phase
        self.cache.enter(self.loop, self.phase)

    @invariant()
    def holds_the_same(self) -> None:
        assert self.cache.used == sum(block.words for block in self.blocks) <= self.capacity
        assert len(self.cache) == len(self.blocks)
        assert all(block.address in self.cache for block in self.blocks)


TestCacheAgainstList = CacheAgainstList.TestCase
TestCacheAgainstList.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
