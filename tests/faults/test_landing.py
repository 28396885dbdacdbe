"""Where wrong words land: every use of a copy, and nothing else."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import numpy as np
import pytest

from mimesim.faults.landing import CacheFaults, Landings, land_fills
from mimesim.faults.residency import Copies
from mimesim.faults.stored import PositionTable, ThresholdWords, WeightWords
from mimesim.faults.upsets import generator
from mimesim.schedule.geometry import Geometry
from tests.schedule.small import chain, conv, geometry, hardware

BITS = 8
MACHINE = hardware({"grid": {"positions": (2, 2), "channels": 2}, "scratchpad": {"weight_bank_words": 9}})


@pytest.fixture
def shape() -> Geometry:
    """Two channels in, three out, 3 x 3 positions: two channel tiles of two chunks, four position tiles."""
    return geometry(chain((2, 3, 3), conv(3)), MACHINE, "conv1")


def copies(
    blocks: list[int], uses: list[list[tuple[int, int]]], members: list[list[int]], fresh: list[bool] | None = None
) -> Copies:
    """Copies of *blocks*, whose address is ten times their number; *uses* are (group, tile) pairs of each."""
    last = [block not in blocks[place + 1 :] for place, block in enumerate(blocks)]
    pairs = np.array([pair for one in uses for pair in one], np.int64).reshape(-1, 2)
    return Copies(
        np.array(blocks) * 10,
        np.array(blocks),
        np.array(fresh if fresh is not None else [True] * len(blocks)),
        np.array(last),
        np.cumsum([0, *map(len, uses)]),
        pairs[:, 0],
        pairs[:, 1],
        np.array(members),
    )


def rows(landings: Landings) -> Counter[tuple[int, int, int, int]]:
    found = zip(landings.image, landings.tile, landings.element, landings.mask, strict=True)
    return Counter(tuple(map(int, row)) for row in found)  # type: ignore[misc]


def test_a_wrong_word_lands_at_every_use_of_its_copy(shape: Geometry) -> None:
    words = WeightWords(shape)
    # block 1 is fetched twice: first for images 0 and 2, then for image 1
    made = copies([1, 1], [[(0, 0), (0, 3)], [(1, 0)]], [[0, 2], [1, -1]])
    landings = CacheFaults(words, BITS).next_batch(generator(0), made, 1.0)
    block = words.elements(words.starts[1] + np.arange(words.sizes[1]))
    places = [(0, 0), (2, 0), (0, 3), (2, 3), (1, 0)]
    assert rows(landings) == Counter((image, tile, int(one), 255) for image, tile in places for one in block)
    assert landings.flips == 2 * len(block) * BITS
    row, position = landings.expand(PositionTable(shape))
    outputs = Counter(zip(landings.image[row].tolist(), position.tolist(), strict=True))
    # tile 0 holds positions 0, 1, 3, 4 of 3 x 3, tile 3 the last one
    assert outputs == Counter(
        {(image, place): len(block) for image in (0, 2) for place in (0, 1, 3, 4, 8)}
        | {(1, place): len(block) for place in (0, 1, 3, 4)}
    )


def test_what_stays_in_the_cache_stays_wrong_until_it_is_fetched_again(shape: Geometry) -> None:
    words = WeightWords(shape)
    faults, random, use = CacheFaults(words, BITS), generator(4), [[(0, 0)], [(0, 1)]]
    first = faults.next_batch(random, copies([0, 2], use, [[0]]), 0.1)
    assert len(first)
    # another batch uses neither, the next finds block 2 and fetches block 0, the last finds both
    assert len(faults.next_batch(random, copies([3], [[(0, 0)]], [[0]]), 0.0)) == 0
    third = faults.next_batch(random, copies([0, 2], use, [[0]], [True, False]), 0.0)
    assert rows(third) == Counter({row: 1 for row in rows(first) if row[1] == 1})
    assert third.flips == 0
    fourth = faults.next_batch(random, copies([2, 0], use[::-1], [[0]], [False, False]), 0.0)
    assert rows(fourth) == rows(third)


def test_what_was_evicted_within_a_batch_is_gone(shape: Geometry) -> None:
    words = WeightWords(shape)
    faults, random = CacheFaults(words, BITS), generator(6)
    both = faults.next_batch(random, copies([1, 1], [[(0, 0)], [(0, 1)]], [[0]]), 0.1)
    second = both.take(both.tile == 1)
    assert 0 < len(second) < len(both)
    later = faults.next_batch(random, copies([1], [[(0, 1)]], [[0]], [False]), 0.0)
    assert rows(later) == rows(second)


def test_each_row_of_pes_has_its_own_copy_of_a_fill(shape: Geometry) -> None:
    words, table = WeightWords(shape), PositionTable(shape)
    # one image: tile 0 (four positions) and then tile 1 (two) with the same fill; four rows
    made = copies([0], [[(0, 0), (0, 1)]], [[0]])
    every = land_fills(generator(0), made, words, table, 4, BITS, 1.0)
    elements = words.elements(np.arange(words.sizes[0]))
    tiles = [table.all_of(np.array([tile])) for tile in (0, 1)]
    expected = Counter((int(p), int(e)) for tile in tiles for p in tile for e in elements)
    assert Counter(zip(every.position.tolist(), every.element.tolist(), strict=True)) == expected
    assert every.flips == 4 * len(elements) * BITS
    # one flip in row r is at position r of both tiles
    rare = land_fills(generator(2), made, words, table, 4, BITS, 0.02)
    for upset in np.unique(rare.upset):
        at = rare.position[rare.upset == upset].tolist()
        row = tiles[0].tolist().index(at[0])
        assert at == [tile[row] for tile in tiles if row < len(tile)]


def test_several_images_share_the_rows(shape: Geometry) -> None:
    words, table = WeightWords(shape), PositionTable(shape)
    # tile 3 has one position: rows 0 and 1 hold images 5 and 7, the others nothing
    made = copies([0], [[(0, 3)]], [[5, 7]])
    every = land_fills(generator(0), made, words, table, 4, BITS, 1.0)
    assert Counter(every.image.tolist()) == {5: words.sizes[0], 7: words.sizes[0]}
    assert set(every.position.tolist()) == {8}
    assert every.flips == 2 * words.sizes[0] * BITS


def test_flips_follow_the_rate(shape: Geometry) -> None:
    words = ThresholdWords(shape, "neuron")
    rate, batches = 0.05, 200
    made = copies([0, 3, 0], [[(0, 0)], [(0, 3)], [(0, 0)]], [[0]])
    faults, random = CacheFaults(words, BITS), generator(9)
    total = sum(faults.next_batch(random, made, rate).flips for _ in range(batches))
    bits = batches * BITS * int(words.sizes[[0, 3, 0]].sum())
    assert abs(total - bits * rate) < 5 * sqrt(bits * rate * (1 - rate))
