from __future__ import annotations

import numpy as np
import pytest

from mimesim.schedule.blocks import StoredBlocks
from mimesim.schedule.memory_map import ActivationRegion, Allocator, ParameterBlock, threshold_blocks, weight_blocks
from mimesim.schemes import SHARED, LayerParameters
from tests.schedule.small import chain, conv, geometry, hardware

# 12 input channels make chunks of 8 and 4; 6 outputs on 4 columns make channel tiles of 4 and 2; 6 x 4 positions make
# position tiles of 16 and 8.
MADE = geometry(chain((12, 6, 4), conv(6)), hardware({"grid": {"channels": 4}}), "conv1")


def test_dense_weight_blocks() -> None:
    blocks = weight_blocks(MADE, LayerParameters("a"), None, Allocator(100))

    # 8 x 9 x 4 = 288 weights and 4 words of norm: 292 words are 10 bursts of 32; 4 x 9 x 4 = 144 are 5;
    # 8 x 9 x 2 = 144 and 2: 5; 4 x 9 x 2 = 72: 3.
    assert blocks == {
        (0, 0): ParameterBlock(address=100, bursts=10, values=288, index=0, norm=4, filled=292),
        (0, 1): ParameterBlock(address=110, bursts=5, values=144, index=0, norm=0, filled=144),
        (1, 0): ParameterBlock(address=115, bursts=5, values=144, index=0, norm=2, filled=146),
        (1, 1): ParameterBlock(address=120, bursts=3, values=72, index=0, norm=0, filled=72),
    }


def test_a_bitmap_block_holds_non_zeros_and_an_index_but_is_filled_whole() -> None:
    weights = np.zeros((6, 12, 3, 3), np.bool_)
    weights[0, :8] = True  # 72 in block (0, 0)
    weights[5, 11, 2, 2] = True  # 1 in block (1, 1)
    blocks = weight_blocks(MADE, LayerParameters("a", "bitmap", pruned=True), weights, Allocator())

    # Index: one bit for each of 288, 144, 144 and 72 dense words: 18, 9, 9 and 5 words. 72 + 18 + 4 = 94: 3 bursts.
    stored = {key: (b.values, b.index, b.norm, b.bursts, b.filled) for key, b in blocks.items()}
    assert stored == {
        (0, 0): (72, 18, 4, 3, 292),
        (0, 1): (0, 9, 0, 1, 144),
        (1, 0): (0, 9, 2, 1, 146),
        (1, 1): (1, 5, 0, 1, 72),
    }


def test_pruned_weights_stored_dense_take_all_their_room() -> None:
    zeros = np.zeros((6, 12, 3, 3), np.bool_)
    dense = weight_blocks(MADE, LayerParameters("a", pruned=True), zeros, Allocator())

    assert dense == weight_blocks(MADE, LayerParameters("a"), None, Allocator())


def test_bitmap_storage_of_weights_without_zeros() -> None:
    blocks = weight_blocks(MADE, LayerParameters("a", "bitmap"), None, Allocator())

    assert [(b.values, b.index) for b in blocks.values()] == [(288, 18), (144, 9), (144, 9), (72, 5)]


def test_thresholds_of_neurons_and_of_channels() -> None:
    neuron = threshold_blocks(MADE, LayerParameters(SHARED, thresholds="neuron"), Allocator(7))
    # 4 x 16 = 64 words: 2 bursts; 4 x 8 = 32: 1; 2 x 16: 1; 2 x 8 = 16: 1.
    assert {key: (b.address, b.bursts, b.values) for key, b in neuron.items()} == {
        (0, 0): (7, 2, 64),
        (0, 1): (9, 1, 32),
        (1, 0): (10, 1, 32),
        (1, 1): (11, 1, 16),
    }
    channel = threshold_blocks(MADE, LayerParameters(SHARED, thresholds="channel"), Allocator(7))
    # One block a channel tile, whatever the positions.
    assert {key: (b.address, b.values) for key, b in channel.items()} == {
        (0, 0): (7, 4),
        (0, 1): (7, 4),
        (1, 0): (8, 2),
        (1, 1): (8, 2),
    }


def test_thresholds_follow_the_order_in_which_tiles_are_visited() -> None:
    # Visiting order differs from row-major where a fused pool gathers four tiles into a block.
    made = geometry(
        chain((1, 8, 16), conv(1), {"kind": "max_pool", "kernel": (2, 2), "stride": (2, 2)}), hardware(), "conv1"
    )
    blocks = threshold_blocks(made, LayerParameters(SHARED, thresholds="neuron"), Allocator())

    assert [(tile.y0, tile.x0) for tile in made.position_tiles][:4] == [(0, 0), (0, 4), (4, 0), (4, 4)]
    assert [blocks[0, number].address for number in range(8)] == list(range(8))


@pytest.mark.parametrize(("set_bits", "bursts"), [(0, 1), (24, 1), (25, 2), (128, 5)])
def test_an_activation_block_moves_only_what_it_holds(set_bits: int, bursts: int) -> None:
    made = geometry(chain((8, 4, 8), conv(1)), hardware(), "conv1")
    mask = np.zeros(8 * 4 * 4, np.bool_)
    mask[:set_bits] = True
    whole = np.concatenate([np.zeros((8, 4, 4), np.bool_), mask.reshape(8, 4, 4)], axis=2)
    stored = StoredBlocks.of(made.inputs[0], whole, hardware())
    region = ActivationRegion.of(1000, stored, 3)

    # Slots of 128 + 8 words: 5 bursts. Block 1 moves its non-zeros and 8 words of bitmap.
    assert (region.slot, region.image) == (5, 3)
    assert region.runs([1, 0]) == [(1005, bursts), (1000, 1)]
