"""Replacement traces worked by hand; blocks are named by their address."""

from __future__ import annotations

import pytest

from mimesim.machine.cache import Cache, no_victims
from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS


def hits(cache: Cache, trace: str, words: int = 1, kind: int = WEIGHTS) -> str:
    """Look up a trace of one-letter blocks; "+" is a hit, "-" a miss."""
    return "".join("+" if cache.lookup(ord(block), words, kind, 0, no_victims()) else "-" for block in trace)


@pytest.mark.parametrize(
    ("capacity", "trace", "expected"),
    [
        (1, "AABA", "-+--"),
        (2, "ABABC", "--++-"),
        # A is used again, so B is the oldest when C comes.
        (2, "ABACAB", "--+-+-"),
        # A loop over one block more than fits never hits: the worst case of LRU.
        (3, "ABCDABCD", "--------"),
        (4, "ABCDABCD", "----++++"),
        # Stack: ABCD -> EDCB, hit D -> DECB, A evicts B, B evicts C.
        (4, "ABCDEDABC", "-----+---"),
    ],
)
def test_the_least_recently_used_block_leaves(capacity: int, trace: str, expected: str) -> None:
    assert hits(Cache(capacity), trace) == expected


def test_as_many_blocks_leave_as_it_takes() -> None:
    cache = Cache(10)
    for address, words in ((1, 4), (2, 3), (3, 3)):
        cache.lookup(address, words, WEIGHTS, 0, no_victims())
    assert cache.used == 10

    # 5 words: block 1 makes room for 4, so block 2 leaves too; 3 stays.
    cache.lookup(4, 5, WEIGHTS, 0, no_victims())
    assert [address in cache for address in (1, 2, 3, 4)] == [False, False, True, True]
    assert (cache.used, len(cache)) == (8, 2)


def test_a_block_as_large_as_the_cache_empties_it() -> None:
    cache = Cache(10)
    hits(cache, "ABC")
    cache.lookup(0, 10, WEIGHTS, 0, no_victims())

    assert len(cache) == 1
    assert 0 in cache


def test_victims_name_the_last_user_of_each_kind() -> None:
    cache, victims = Cache(4), no_victims()
    assert victims == [-1, -1, -1, -1]
    cache.lookup(1, 1, WEIGHTS, 5, victims)
    cache.lookup(2, 1, ACTIVATIONS, 9, victims)
    cache.lookup(3, 1, WEIGHTS, 7, victims)
    cache.lookup(4, 1, THRESHOLDS, 2, victims)
    assert victims == [-1, -1, -1, -1]
    # A hit makes user 11 the last one of block 1, which becomes the most recent: it stays longest.
    cache.lookup(1, 1, WEIGHTS, 11, victims)

    # One cache for all kinds: 2 and 3 leave for activations.
    cache.lookup(5, 2, ACTIVATIONS, 12, victims)
    assert victims == [7, 9, -1, -1]
    # Then 4 and 1.
    cache.lookup(6, 2, ACTIVATIONS, 13, victims)
    assert victims == [11, 9, 2, -1]


def test_lookup_all_is_one_lookup_after_the_other() -> None:
    one, other = Cache(3), Cache(3)
    for trace in ("ABCA", "DAB", "CCC"):
        victims, theirs = no_victims(), no_victims()
        missing = one.lookup_all([ord(block) for block in trace], 1, ACTIVATIONS, 4, victims)
        expected = [ord(block) for block in trace if not other.lookup(ord(block), 1, ACTIVATIONS, 4, theirs)]
        assert missing == expected
        assert victims == theirs
    assert one.used == other.used == 3


def test_pin_keeps_what_its_scope_still_uses() -> None:
    cache = Cache(2, pin=True)
    cache.enter(loop=0, phase=0)
    # A and B stay; C passes through and misses again.
    assert hits(cache, "ABCABC") == "---++-"
    assert len(cache) == 2

    # In the next scope both may leave, least recently used (A) first. B, found again, belongs to the new scope.
    cache.enter(loop=1, phase=0)
    assert hits(cache, "BCDBC") == "+--++"
    assert ord("D") not in cache


def test_pin_evicts_all_or_none() -> None:
    cache = Cache(4, pin=True)
    cache.enter(0, 0)
    hits(cache, "AB")
    cache.enter(1, 0)
    hits(cache, "CD")

    # Only A and B may leave, which is not enough for 3 words: nothing does.
    victims = no_victims()
    assert not cache.lookup(0, 3, WEIGHTS, 8, victims)
    assert (len(cache), cache.used, victims) == (4, 4, [-1, -1, -1, -1])
    assert not cache.lookup(1, 2, WEIGHTS, 8, victims)
    assert [ord(block) in cache for block in "ABCD"] == [False, False, True, True]
    assert victims == [0, -1, -1, -1]


def test_pin_evicts_no_more_than_it_takes() -> None:
    cache = Cache(3, pin=True)
    cache.enter(0, 0)
    hits(cache, "ABC")
    cache.enter(1, 0)
    hits(cache, "D")

    assert [ord(block) in cache for block in "ABCD"] == [False, True, True, True]


def test_scopes_of_activations_are_phases_and_of_parameters_loops() -> None:
    cache = Cache(2, pin=True)
    cache.enter(loop=0, phase=0)
    cache.lookup(1, 1, ACTIVATIONS, 0, no_victims())
    cache.lookup(2, 1, THRESHOLDS, 0, no_victims())

    # The next channel tile of the same phase: the threshold block may leave, the activation block may not.
    cache.enter(loop=1, phase=0)
    cache.lookup(3, 1, WEIGHTS, 0, no_victims())
    assert [address in cache for address in (1, 2, 3)] == [True, False, True]

    cache.enter(loop=2, phase=1)
    cache.lookup(4, 2, WEIGHTS, 0, no_victims())
    assert [address in cache for address in (1, 3, 4)] == [False, False, True]
