from __future__ import annotations

import numpy as np
import pytest

from mimesim.config.hardware import ActivationBlock
from mimesim.schedule.blocks import BlockGrid, StoredBlocks, bursts_of, ceil_div, slot_bursts
from tests.schedule.small import hardware

BLOCK = ActivationBlock()  # a 4 x 4 patch of 8 channels
MACHINE = hardware()  # bursts of 64 bytes: 32 words of 16 bits


def test_whole_bursts() -> None:
    assert [ceil_div(n, 4) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
    assert [bursts_of(n, MACHINE) for n in (0, 1, 32, 33)] == [0, 1, 1, 2]
    # 8 bytes of 8-bit words: 8 words in a burst.
    assert bursts_of(9, hardware({"word_bits": 8, "dram": {"organisation": {"bus_bits": 8, "device_bits": 8}}})) == 2


@pytest.mark.parametrize(
    ("shape", "sides", "counts"),
    [
        ((64, 32, 32), (8, 4, 4), (8, 8, 8)),
        ((3, 6, 9), (3, 4, 4), (1, 2, 3)),  # fewer channels than a block holds; edges clipped
        ((64, 2, 2), (32, 2, 2), (2, 1, 1)),  # 16 / 4 = 4 times as many channels
        ((512, 1, 1), (128, 1, 1), (4, 1, 1)),
        ((20, 3, 5), (8, 3, 4), (3, 1, 2)),  # 16 // 12 = 1: no more channels
        ((5, 1, 8), (5, 1, 4), (1, 1, 2)),  # 8 x 4 = 32 channels, but there are 5
    ],
)
def test_blocks_are_patches_that_take_more_channels_where_the_tensor_is_small(
    shape: tuple[int, int, int], sides: tuple[int, int, int], counts: tuple[int, int, int]
) -> None:
    grid = BlockGrid.of(shape, BLOCK)

    assert (grid.channels, grid.rows, grid.columns) == sides
    assert grid.counts == counts


def test_elements_are_clipped_at_every_edge_but_slots_are_not() -> None:
    grid = BlockGrid.of((10, 6, 5), BLOCK)

    # (8 or 2 channels) x (4 or 2 rows) x (4 or 1 columns), row-major.
    assert grid.elements.tolist() == [8 * 16, 8 * 4, 8 * 8, 8 * 2, 2 * 16, 2 * 4, 2 * 8, 2 * 2]
    # 128 words are 4 bursts; a bitmap of 128 / 16 = 8 words more takes a fifth.
    assert slot_bursts(grid, False, MACHINE) == 4
    assert slot_bursts(grid, True, MACHINE) == 5


def test_touched_blocks_are_those_that_hold_any_element() -> None:
    grid = BlockGrid.of((16, 8, 8), BLOCK)  # 2 x 2 x 2 blocks

    assert grid.touched(range(8), range(4), range(4)) == [0]
    assert grid.touched(range(7, 9), range(4), range(4)) == [0, 4]
    assert grid.touched(range(8), range(3, 5), range(4, 8)) == [1, 3]
    assert grid.touched(range(16), range(8), range(8)) == list(range(8))
    assert grid.touched(range(8), range(2, 2), range(8)) == []


def test_a_compressed_block_holds_non_zeros_and_a_bitmap() -> None:
    grid = BlockGrid.of((8, 4, 8), BLOCK)  # two blocks of 128 elements
    mask = np.zeros((8, 4, 8), dtype=np.bool_)
    mask[:, :, 4:] = True
    mask[0, 0, 7] = False

    stored = StoredBlocks.of(grid, mask, MACHINE)

    assert stored.values.tolist() == [0, 127]
    assert stored.bitmap.tolist() == [8, 8]
    # 8 words: one burst moves although no value is set; 127 + 8 = 135 words: five.
    assert stored.bursts.tolist() == [1, 5]
    assert stored.slot_bursts == 5


def test_a_dense_block_holds_every_element_and_no_bitmap() -> None:
    stored = StoredBlocks.of(BlockGrid.of((8, 4, 5), BLOCK), None, MACHINE)

    assert stored.values.tolist() == [128, 32]
    assert stored.bitmap.tolist() == [0, 0]
    assert stored.bursts.tolist() == [4, 1]
    assert stored.slot_bursts == 4


def test_clipped_bitmaps_have_whole_words() -> None:
    # A block of 2 x 3 x 3 = 18 elements, and its clipped neighbour of 2 x 3 x 1 = 6: 2 words and 1.
    stored = StoredBlocks.of(
        BlockGrid.of((2, 3, 4), ActivationBlock(patch=(3, 3), channels=2)), np.zeros((2, 3, 4), np.bool_), MACHINE
    )

    assert stored.bitmap.tolist() == [2, 1]
