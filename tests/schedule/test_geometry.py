from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimesim.config.schedule import Schedule
from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.networks import build
from mimesim.schedule.geometry import Chunk, Geometry, PositionTile
from tests.oracle.drawn_networks import networks
from tests.schedule.small import Masks, chain, conv, geometry, hardware, plan, pool

MACHINE = hardware()  # 4 x 4 positions, 64 channels, banks of 72 words, blocks of 4 x 4 x 8


def one(shape: tuple[int, int, int], *layers: dict[str, Any], **changes: Any) -> Geometry:
    network = chain(shape, *layers)
    return geometry(network, hardware(changes), network.layers[0].name)


def tiles_per_pe(tiles: int) -> Schedule:
    return Schedule(position_tiles_per_pe=tiles)


def corners(made: Geometry) -> list[tuple[int, int]]:
    return [(tile.y0, tile.x0) for tile in made.position_tiles]


def test_tiles_are_clipped_at_the_edges() -> None:
    made = one((3, 6, 5), conv(100))

    assert made.position_tiles == [
        PositionTile(0, 4, 0, 4), PositionTile(0, 4, 4, 5), PositionTile(4, 6, 0, 4), PositionTile(4, 6, 4, 5)
    ]  # fmt: skip
    assert [tile.positions for tile in made.position_tiles] == [16, 4, 8, 2]
    assert made.channel_tiles == [(0, 64), (64, 100)]
    assert made.images_per_pass == 1


def test_pooled_tiles_are_visited_block_by_block() -> None:
    # 16 x 16 outputs pooled by 2 make 8 x 8: 2 x 2 blocks of 4 x 4, each fed by 2 x 2 tiles of 4 x 4.
    made = one((3, 16, 16), conv(8), pool(2))

    # Row-major would go to (0, 8) after (0, 4); blocks come first.
    assert corners(made)[:8] == [(0, 0), (0, 4), (4, 0), (4, 4), (0, 8), (0, 12), (4, 8), (4, 12)]
    assert corners(made)[8:10] == [(8, 0), (8, 4)]


def test_without_pooling_tiles_that_share_no_block_come_row_by_row() -> None:
    assert corners(one((3, 8, 8), conv(8))) == [(0, 0), (0, 4), (4, 0), (4, 4)]


def test_a_tile_beyond_what_pooling_keeps_counts_to_the_last_block() -> None:
    # 9 x 16 pooled by 2 gives 4 x 8, two blocks side by side; row 8 is dropped, and its tiles fall to the blocks above.
    made = one((3, 9, 16), conv(8), pool(2))
    assert corners(made) == [
        *((0, 0), (0, 4), (4, 0), (4, 4), (8, 0), (8, 4)),
        *((0, 8), (0, 12), (4, 8), (4, 12), (8, 8), (8, 12)),
    ]
    # 16 x 9: the same with columns. Row-major within a block.
    made = one((3, 16, 9), conv(8), pool(2))
    assert corners(made)[:6] == [(0, 0), (0, 4), (0, 8), (4, 0), (4, 4), (4, 8)]


@pytest.mark.parametrize(
    ("shape", "tile", "images"),
    [
        ((3, 4, 4), (4, 4), 1),
        ((3, 4, 2), (4, 2), 2),
        ((3, 2, 2), (2, 2), 4),
        ((3, 1, 1), (1, 1), 16),
        ((3, 3, 3), (3, 3), 1),
    ],
)
def test_small_tiles_leave_room_for_more_images(
    shape: tuple[int, int, int], tile: tuple[int, int], images: int
) -> None:
    made = one(shape, conv(8))

    assert (made.tile_shape, made.images_per_pass) == (tile, images)


# Banks hold 72 words. 3x3: floor(72 / 9) = 8 channels. 1x1: 72, a multiple of 8 already. 5x5: floor(72 / 25) = 2, less
# than a block's 8, so not rounded. 2x2: 18, rounded down to 16. 11x11: 121 taps do not fit, so one channel, 72 + 49.
@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((20, 12, 12), 3, [(0, 8, 0, 9), (8, 16, 0, 9), (16, 20, 0, 9)]),
        ((80, 12, 12), 1, [(0, 72, 0, 1), (72, 80, 0, 1)]),
        ((5, 12, 12), 5, [(0, 2, 0, 25), (2, 4, 0, 25), (4, 5, 0, 25)]),
        ((17, 12, 12), 2, [(0, 16, 0, 4), (16, 17, 0, 4)]),
        ((2, 12, 12), 11, [(0, 1, 0, 72), (0, 1, 72, 121), (1, 2, 0, 72), (1, 2, 72, 121)]),
    ],
)
def test_chunks(shape: tuple[int, int, int], side: int, expected: list[tuple[int, int, int, int]]) -> None:
    made = one(shape, conv(4, side))

    assert made.chunks == [Chunk(0, *part) for part in expected]
    assert made.chunks_of == [list(range(len(expected)))]
    assert sum(chunk.pairs for chunk in made.chunks) == shape[0] * side * side


def test_a_bank_that_just_holds_the_kernel_takes_one_channel() -> None:
    scratchpad = {"scratchpad": {"weight_bank_words": 9}}

    assert len(one((4, 6, 6), conv(2), **scratchpad).chunks) == 4
    # One word less, and each channel takes two chunks: 8 taps and 1.
    split = one((4, 6, 6), conv(2), scratchpad={"weight_bank_words": 8})
    assert [(chunk.t0, chunk.t1) for chunk in split.chunks[:2]] == [(0, 8), (8, 9)]


def test_a_channel_tile_of_a_grouped_convolution_sees_the_channels_of_its_groups() -> None:
    # 4 groups of 3 inputs and 5 outputs each; tiles of 8 channels: outputs 0-7 are of groups 0 and 1, 8-15 of groups 1
    # to 3 (output 8 is of group 1, output 15 of group 3), 16-19 of group 3.
    made = one((12, 4, 4), conv(20, groups=4), grid={"channels": 8})

    seen = [[(made.chunks[k].c0, made.chunks[k].c1) for k in chunks] for chunks in made.chunks_of]
    assert seen == [[(0, 6)], [(3, 11), (11, 12)], [(9, 12)]]
    # Columns of tile 0 (outputs 0-7) that read a channel: group 0 has outputs 0-4, group 1 outputs 5-7, group 2 none.
    assert [made.columns(0, c) for c in (0, 2, 3, 5, 6)] == [5, 5, 3, 3, 0]
    # Its weights: 3 channels x 5 columns + 3 channels x 3 columns, 9 taps each.
    assert made.weights_in(0, made.chunks[0]) == (15 + 9) * 9


def test_a_depthwise_tile_reads_as_many_channels_as_it_has() -> None:
    made = one((10, 4, 4), conv(10, groups=10), grid={"channels": 8})

    assert [[made.chunks[k] for k in chunks] for chunks in made.chunks_of] == [
        [Chunk(0, 0, 8, 0, 9)],
        [Chunk(0, 8, 10, 0, 9)],
    ]
    assert made.weights_in(0, made.chunks[0]) == 8 * 9


def test_an_addition_reads_its_sources_one_after_the_other() -> None:
    network = chain(
        (20, 4, 4), conv(20, 1, name="x"), {"kind": "add", "name": "sum", "inputs": ("x", "image"), "activation": True}
    )
    made = geometry(network, hardware({"grid": {"channels": 16}}), "sum")

    assert [[made.chunks[k] for k in chunks] for chunks in made.chunks_of] == [
        [Chunk(0, 0, 16, 0, 1), Chunk(1, 0, 16, 0, 1)],
        [Chunk(0, 16, 20, 0, 1), Chunk(1, 16, 20, 0, 1)],
    ]


def test_a_window_is_the_rectangle_of_blocks_that_its_taps_touch() -> None:
    # 16 channels of 12 x 12: 2 x 3 x 3 blocks. Chunk 0 is channels 0-7, chunk 1 channels 8-15.
    made = one((16, 12, 12), conv(4))
    windows = dict(zip(corners(made), made.windows.lists(), strict=True))

    # The tile at (0, 0) reads rows and columns -1..4, clipped to 0..4: the first two block rows and columns.
    assert windows[0, 0] == [[0, 1, 3, 4], [9, 10, 12, 13]]
    # The one in the middle reads 3..8: all nine.
    assert windows[4, 4][0] == list(range(9))


def test_strides_and_one_by_one_kernels_touch_fewer_blocks() -> None:
    strided = one((8, 16, 16), conv(4, 1, stride=(2, 2)))
    # Outputs 4..7 of a 1x1 kernel with stride 2 read inputs 8..14: block columns 2 and 3 of 4.
    assert corners(strided)[1] == (0, 4)
    assert strided.windows.lists()[1][0] == [2, 3, 6, 7]

    pointwise = one((8, 8, 8), conv(4, 1))
    assert [windows[0] for windows in pointwise.windows.lists()] == [[0], [1], [2], [3]]


def test_taps_in_the_padding_alone_touch_nothing() -> None:
    # Kernel 1 with padding 1 around 3 x 3: the first output row and column see nothing but padding.
    made = one((1, 3, 3), conv(1, 1, padding=(1, 1)), grid={"positions": (1, 1)})
    windows = dict(zip(corners(made), made.windows.lists(), strict=True))

    assert windows[0, 0] == [[]]
    assert windows[1, 1] == [[0]]


def test_what_a_tile_keeps_after_pooling() -> None:
    made = one((3, 9, 9), conv(8), pool(2))
    kept = {corner: made.kept(tile) for corner, tile in zip(corners(made), made.position_tiles, strict=True)}

    assert kept[0, 4] == (range(2), range(2, 4))
    assert len(kept[8, 0][0]) == 0  # row 8 belongs to no window


def test_a_block_is_complete_with_the_last_tiles_that_feed_it() -> None:
    # 16 x 16 outputs pooled by 2 make 8 x 8: 2 x 2 blocks of 4 x 4, each fed by 4 tiles; 12 channels are 2 channel
    # blocks; tiles of 6 channels: the block of channels 0-7 is complete with channel tile 1, that of 8-11 also.
    made = one((3, 16, 16), conv(12), pool(2), grid={"channels": 6})

    # Blocks of channel block 0 are 0-3, of channel block 1 are 4-7.
    assert made.completed == {(1, 3): [0, 4], (1, 7): [1, 5], (1, 11): [2, 6], (1, 15): [3, 7]}


def test_a_tile_may_complete_several_blocks_or_none() -> None:
    # Blocks of 2 x 2 positions and 4 channels: a tile of 4 x 4 positions and 64 channels holds 4 x 2 of them.
    made = one((3, 4, 4), conv(8), activation_block={"patch": (2, 2), "channels": 4})

    assert made.completed == {(0, 0): list(range(8))}


@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(1, 8), st.sampled_from([(1, 1), (2, 2), (4, 4), (3, 2)]))
def test_tiles_and_blocks_cover_everything_exactly_once(
    network: Network, columns: int, positions: tuple[int, int]
) -> None:
    machine = hardware({"grid": {"channels": columns, "positions": positions}, "scratchpad": {"weight_bank_words": 20}})
    for made in plan(Masks(network), machine).geometries:
        operation = made.operation
        covered = Counter(
            (y, x) for tile in made.position_tiles for y in range(tile.y0, tile.y1) for x in range(tile.x0, tile.x1)
        )
        assert set(covered.values()) == {1}
        assert len(covered) == operation.shape[1] * operation.shape[2]
        blocks, rows, across = made.output.counts
        completed = sorted(block for done in made.completed.values() for block in done)
        assert completed == list(range(blocks * rows * across))
        reduction = sum(source.shape[0] * source.taps for source in operation.sources)
        pairs = Counter(
            (chunk.source, c, t)
            for chunk in (made.chunks[k] for k in {k for ks in made.chunks_of for k in ks})
            for c in range(chunk.c0, chunk.c1)
            for t in range(chunk.t0, chunk.t1)
        )
        assert len(pairs) == reduction
        assert all(chunk.t1 - chunk.t0 <= 20 for chunk in made.chunks)


def test_slots_are_what_the_scratchpad_leaves() -> None:
    made = one((8, 24, 24), conv(8))  # 36 position tiles
    # 256 words - 2 x 72 - 24 = 88; a slot takes 2 banks x 2 words and a threshold: floor(88 / 5) = 17.
    assert made.slots(tiles_per_pe(1)) == 17
    # Eight position tiles: floor(88 / (8 x 4 + 1)) = 2.
    assert made.slots(tiles_per_pe(8)) == 2
    # 21 tiles need 85 words of the 88; 22 need 89.
    assert made.slots(tiles_per_pe(21)) == 1
    with pytest.raises(InputError, match="one image needs 257 words") as caught:
        made.slots(tiles_per_pe(22))
    assert "2 weight banks x 72 + activation FIFO 24 + 22 position tiles x 2 banks x 2 words" in str(caught.value)
    assert "there are 256" in str(caught.value)
    # A layer of four tiles never has more than four: floor(88 / (4 x 4 + 1)) = 5.
    assert one((8, 8, 8), conv(8)).slots(tiles_per_pe(22)) == 5


def test_position_steps() -> None:
    made = one((3, 12, 12), conv(8))  # 9 tiles

    assert made.position_steps(tiles_per_pe(4)) == [range(4), range(4, 8), range(8, 9)]


def test_counts_of_passes() -> None:
    # VGG16's conv5 at 64 px reads 128 channels of 16 x 16 and writes 256: 16 chunks, 16 position and 4 channel tiles.
    made = geometry(build("vgg16", 64), MACHINE, "conv5")

    assert (len(made.chunks), len(made.position_tiles), len(made.channel_tiles)) == (16, 16, 4)
    assert made.passes == 16 * 16 * 4
