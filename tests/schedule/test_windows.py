"""Windows in arrays are the rectangles of blocks between the first and the last element that a tile's taps reach."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mimesim.schedule.geometry import Chunk, Geometry, PositionTile
from tests.schedule.small import chain, conv, geometry, hardware

SIDES = st.integers(1, 3)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    shape = draw(st.tuples(st.integers(1, 20), st.integers(1, 13), st.integers(1, 13)))
    kernel = draw(st.tuples(SIDES, SIDES).filter(lambda sides: sides[0] <= shape[1] and sides[1] <= shape[2]))
    network = chain(
        shape,
        conv(draw(st.integers(1, 9)), kernel=kernel, stride=draw(st.tuples(SIDES, SIDES)),
             padding=draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))),
    )  # fmt: skip
    machine = hardware(
        {
            "grid": {"positions": draw(st.tuples(SIDES, SIDES)), "channels": draw(st.integers(1, 4))},
            "activation_block": {"patch": draw(st.tuples(SIDES, SIDES)), "channels": draw(st.integers(1, 8))},
            "scratchpad": {"weight_bank_words": draw(st.integers(4, 80))},
        }
    )
    return geometry(network, machine, "conv1")


def touched(made: Geometry, tile: PositionTile, chunk: Chunk) -> list[int]:
    """Return the blocks of one window, element by element."""
    source, grid = made.operation.sources[chunk.source], made.inputs[chunk.source]
    reached = []
    for low, high, axis in ((tile.y0, tile.y1, 0), (tile.x0, tile.x1, 1)):
        first = low * source.stride[axis] - source.padding[axis]
        last = (high - 1) * source.stride[axis] - source.padding[axis] + source.kernel[axis] - 1
        reached.append([place for place in range(first, last + 1) if 0 <= place < source.shape[axis + 1]])
    _, rows, columns = grid.counts
    return sorted(
        {
            (c // grid.channels * rows + y // grid.rows) * columns + x // grid.columns
            for c, y, x in product(range(chunk.c0, chunk.c1), *reached)
        }
    )


@given(geometries())
def test_every_window_element_by_element(made: Geometry) -> None:
    expected = [[touched(made, tile, chunk) for chunk in made.chunks] for tile in made.position_tiles]

    assert made.windows.lists() == expected
    assert made.windows.counts.tolist() == [[len(blocks) for blocks in by_chunk] for by_chunk in expected]


@given(geometries())
def test_lookups_count_a_window_for_every_channel_tile_that_runs_its_chunk(made: Geometry) -> None:
    (found,) = made.lookups
    expected = np.zeros_like(found)
    for tile, chunks in product(made.position_tiles, made.chunks_of):
        for k in chunks:
            expected[touched(made, tile, made.chunks[k])] += 1

    assert found.tolist() == expected.tolist()
