"""Which number every stored word is, against the page's order written out in loops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from mimesim.faults.stored import PositionTable, ThresholdWords, WeightWords
from mimesim.network import Network
from mimesim.schemes import Thresholds
from tests.schedule.small import chain, conv, geometry, hardware, pool

LINEAR = {"kind": "linear", "channels": 7}
NETWORKS: dict[str, tuple[Network, str]] = {
    "several tiles and chunks": (chain((5, 6, 7), conv(10)), "conv1"),
    "a kernel larger than a bank": (chain((3, 9, 9), conv(5, 5)), "conv1"),
    "depthwise": (chain((6, 5, 5), conv(6, groups=6)), "conv1"),
    "two channels a group": (chain((8, 5, 5), conv(12, groups=4)), "conv1"),
    "linear": (chain((6, 4, 4), pool(2), LINEAR), "linear2"),
}
SMALL = hardware({"grid": {"positions": (2, 3), "channels": 4}, "scratchpad": {"weight_bank_words": 20}})


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_lie_as_the_page_says(name: str) -> None:
    network, layer = NETWORKS[name]
    shape = geometry(network, SMALL, layer)
    outputs, inputs, height, width = network.weight_shape(layer)
    groups = network.node(layer).groups
    expected: list[int] = []
    sizes: list[int] = []
    for tile, (first, last) in enumerate(shape.channel_tiles):
        for k in shape.chunks_of[tile]:
            chunk, before = shape.chunks[k], len(expected)
            for channel in range(chunk.c0, chunk.c1):
                for tap in range(chunk.t0, chunk.t1):
                    for column in range(first, last):
                        if column // (outputs // groups) == channel // inputs:
                            index = (column, channel % inputs, tap // width, tap % width)
                            expected.append(int(np.ravel_multi_index(index, (outputs, inputs, height, width))))
            sizes.append(len(expected) - before)
    words = WeightWords(shape)
    assert words.sizes.tolist() == sizes
    assert words.elements(np.arange(words.total)).tolist() == expected
    assert sorted(expected) == list(range(network.weight_words(layer)))


@pytest.mark.parametrize("granularity", ["neuron", "channel"])
@pytest.mark.parametrize("layers", [[conv(10)], [conv(5, stride=(2, 2))], [pool(2), LINEAR | {"activation": True}]])
def test_thresholds_lie_as_the_page_says(granularity: Thresholds, layers: list[Mapping[str, Any]]) -> None:
    network = chain((5, 6, 8), *layers)
    layer = network.nodes[-1]
    shape = geometry(network, SMALL, layer.name)
    _, height, width = layer.shape
    expected: list[int] = []
    for first, last in shape.channel_tiles:
        if granularity == "channel":
            expected += range(first, last)
            continue
        for place in shape.position_tiles:
            for channel in range(first, last):
                for y in range(place.y0, place.y1):
                    expected += [(channel * height + y) * width + x for x in range(place.x0, place.x1)]
    words = ThresholdWords(shape, granularity)
    assert words.elements(np.arange(words.total)).tolist() == expected
    assert sorted(expected) == list(range(layer.shape[0] * (height * width if granularity == "neuron" else 1)))


def test_positions_of_tiles() -> None:
    shape = geometry(chain((1, 3, 4), conv(1)), SMALL, "conv1")
    table = PositionTable(shape)
    # tiles of 2 x 3 on a map of 3 x 4
    by_tile = {tuple(table.all_of(np.array([tile])).tolist()) for tile in range(len(shape.position_tiles))}
    assert by_tile == {(0, 1, 2, 4, 5, 6), (3, 7), (8, 9, 10), (11,)}
    assert sorted(table.all_of(np.arange(4)).tolist()) == list(range(12))
    assert table.counts.sum() == 12
