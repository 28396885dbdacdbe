"""The vectorised counts against loops over every output, tap and column."""

from __future__ import annotations

from collections import Counter
from itertools import product
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimesim.network import Network
from mimesim.schedule.counting import (
    columns_per_pair,
    count,
    kept_outputs,
    lockstep_steps,
    pairs_per_position,
    weighted_macs,
)
from mimesim.schedule.geometry import Chunk, Geometry
from mimesim.schedule.operations import lower
from tests.oracle.drawn_networks import networks
from tests.schedule.small import chain, conv, geometry, hardware, pool


def element(made: Geometry, chunk: Chunk, channel: int, tap: int, y: int, x: int) -> tuple[int, int, int] | None:
    """Return the input element that a tap meets at an output position, None in the padding."""
    source = made.operation.sources[chunk.source]
    row = y * source.stride[0] - source.padding[0] + tap // source.kernel[1]
    column = x * source.stride[1] - source.padding[1] + tap % source.kernel[1]
    inside = 0 <= row < source.shape[1] and 0 <= column < source.shape[2]
    return (channel, row, column) if inside else None


def met(made: Geometry, chunk: Chunk, mask: np.ndarray, y: int, x: int) -> list[tuple[int, int]]:
    """Return the (channel, tap) pairs whose element is set, at one position."""
    pairs = product(range(chunk.c0, chunk.c1), range(chunk.t0, chunk.t1))
    return [
        (c, t)
        for c, t in pairs
        if (place := element(made, chunk, c, t, y, x)) is not None and mask[place]
    ]  # fmt: skip


def reads(made: Geometry, output: int, channel: int) -> bool:
    """Whether an output channel reads an input channel."""
    operation = made.operation
    if operation.groups == 1:
        return True
    inputs = operation.sources[0].shape[0] // operation.groups
    return output // (operation.shape[0] // operation.groups) == channel // inputs


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Geometry, list[np.ndarray], np.ndarray]:
    network: Network = draw(networks(1, channels=6, size=6))
    machine = hardware(
        {
            "grid": {"positions": draw(st.sampled_from([(2, 2), (4, 4), (2, 3)])), "channels": draw(st.integers(1, 4))},
            "scratchpad": {"weight_bank_words": draw(st.sampled_from([4, 10, 40]))},
            "activation_block": {"patch": (2, 2), "channels": 2},
        }
    )
    operations = lower(network, machine.grid.positions)
    made = Geometry(draw(st.sampled_from(operations)), machine)
    bits = np.random.default_rng(draw(st.integers(0, 2**16)))
    density = draw(st.sampled_from([0.0, 0.3, 0.8, 1.0]))
    masks = [bits.random(source.shape) < density for source in made.operation.sources]
    return made, masks, bits.random(made.operation.output_shape) < 0.5


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_counts_are_those_of_plain_loops(case: tuple[Geometry, list[np.ndarray], np.ndarray]) -> None:
    made, masks, output = case
    counts, pairs = count(made, list(masks))
    lockstep = lockstep_steps(made, [list(masks)])
    for (k, chunk), (number, tile) in product(enumerate(made.chunks), enumerate(made.position_tiles)):
        mask = masks[chunk.source]
        rows = [
            met(made, chunk, mask, y, x) for y in range(tile.y0, tile.y1) for x in range(tile.x0, tile.x1)
        ]  # fmt: skip
        lengths = [len(row) for row in rows]
        assert counts.total[number, k] == sum(lengths)
        assert counts.largest[number, k] == max(lengths)
        assert pairs[k, tile.y0 : tile.y1, tile.x0 : tile.x1].ravel().tolist() == lengths
        width = made.hardware.noc.activation_words_per_cycle
        served = Counter(pair for row in rows for pair in row)
        assert lockstep[number, k] == sum(ceil(times / width) for times in served.values())
    kept = kept_outputs(made, output)
    side = made.operation.pool
    for (channel_tile, (first, last)), (number, tile) in product(
        enumerate(made.channel_tiles), enumerate(made.position_tiles)
    ):
        windows = [
            (c, y, x)
            for c in range(first, last)
            for y in range(output.shape[1])
            for x in range(output.shape[2])
            if tile.y0 <= y * side < tile.y1 and tile.x0 <= x * side < tile.x1
        ]
        assert kept[channel_tile, number] == sum(bool(output[place]) for place in windows)


@settings(max_examples=40, deadline=None)
@given(drawn(), st.integers(0, 2**16), st.sampled_from([0.0, 0.2, 1.0]))
def test_macs_are_those_of_plain_loops(
    case: tuple[Geometry, list[np.ndarray], np.ndarray], seed: int, density: float
) -> None:
    made, masks, _ = case
    operation = made.operation
    if not operation.has_weights:
        assert weighted_macs(made, list(masks), None).sum() == 0
        return
    _, height, width = operation.shape
    inputs = sum(source.shape[0] for source in operation.sources if source.branch is None) // operation.groups
    shape = (operation.shape[0], inputs, *operation.sources[0].kernel)
    weights = np.random.default_rng(seed).random(shape) < density
    for given_weights in (None, weights):
        macs = weighted_macs(made, list(masks), given_weights)
        for channel_tile, (first, last) in enumerate(made.channel_tiles):
            for k in made.chunks_of[channel_tile]:
                chunk = made.chunks[k]
                source, total = operation.sources[chunk.source], 0
                pruned = given_weights is not None and source.branch is None
                for y, x in product(range(height), range(width)):
                    for c, t in met(made, chunk, masks[chunk.source], y, x):
                        for o in range(first, last):
                            kept = not pruned or weights[o, source.offset + c % inputs].flat[t]
                            total += reads(made, o, c) and kept
                assert macs[channel_tile, k] == total


def test_pairs_at_the_corners_lack_the_padding() -> None:
    # A 3x3 kernel on 3 x 3 elements of one channel: 4 taps are inside at a corner, 6 at an edge, 9 in the middle.
    made = geometry(chain((1, 3, 3), conv(1)), hardware(), "conv1")
    counts = pairs_per_position(np.ones((1, 3, 3), np.bool_), made.operation.sources[0], made.chunks[0], 3, 3)

    assert counts.tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


def test_one_set_element_is_met_once_by_each_window_over_it() -> None:
    made = geometry(chain((2, 4, 4), conv(3)), hardware(), "conv1")
    mask = np.zeros((2, 4, 4), np.bool_)
    mask[1, 0, 0] = True
    counts, pairs = count(made, [mask])

    assert pairs[0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert (counts.largest.item(), counts.total.item()) == (1, 4)


def test_lockstep_takes_the_union_over_images() -> None:
    # 1x1 kernel, 3 channels, one position: image one sets channel 0, image two channels 0 and 2.
    made = geometry(chain((3, 1, 1), conv(1, 1)), hardware(), "conv1")
    masks = [np.array(bits, np.bool_).reshape(3, 1, 1) for bits in ([1, 0, 0], [1, 0, 1])]

    assert lockstep_steps(made, [[mask] for mask in masks]).item() == 2
    assert lockstep_steps(made, [[None]]).item() == 3


@pytest.mark.parametrize(("width", "cycles"), [(1, 6), (2, 4), (3, 4), (4, 3)])
def test_lockstep_takes_the_words_of_a_pair_before_the_next(width: int, cycles: int) -> None:
    # 1x1 kernel, four positions: channel 0 is set at all of them, channels 1 and 2 at one each.
    narrow = hardware({"noc": {"activation_words_per_cycle": width}})
    made = geometry(chain((3, 2, 2), conv(1, 1)), narrow, "conv1")
    mask = np.zeros((3, 2, 2), np.bool_)
    mask[0] = mask[1:, 0, 0] = True

    assert lockstep_steps(made, [[mask]]).item() == cycles


def test_columns_of_a_pruned_pair() -> None:
    # Two outputs, one channel, taps 0..3 of a 2x2 kernel: output 0 keeps taps 0 and 1, output 1 keeps taps 1 and 3.
    made = geometry(chain((1, 3, 3), conv(2, 2)), hardware(), "conv1")
    weights = np.array([[1, 1, 0, 0], [0, 1, 0, 1]], np.bool_).reshape(2, 1, 2, 2)

    assert columns_per_pair(made, 0, made.chunks[0], weights).tolist() == [1, 2, 0, 1]
    assert columns_per_pair(made, 0, made.chunks[0], None).tolist() == [2, 2, 2, 2]


def test_outputs_of_dropped_rows_are_not_kept() -> None:
    # 5 x 5 outputs pooled to 2 x 2: the tiles at row or column 4 keep nothing.
    made = geometry(chain((1, 5, 5), conv(1), pool(2)), hardware(), "conv1")

    assert kept_outputs(made, None).tolist() == [[4, 0, 0, 0]]
