from __future__ import annotations

from typing import Any

import pytest

from mimesim.networks import build
from mimesim.schedule.operations import lower
from tests.schedule.small import chain, conv, pool

GRID = (4, 4)


def names(*layers: dict[str, Any], shape: tuple[int, int, int] = (3, 8, 8), grid: tuple[int, int] = GRID) -> list[str]:
    return [operation.name for operation in lower(chain(shape, *layers), grid)]


@pytest.mark.parametrize("side", [2, 4])
def test_a_pool_by_two_or_four_is_fused_into_its_producer(side: int) -> None:
    (operation,) = lower(chain((3, 8, 8), conv(5), pool(side)), GRID)

    assert (operation.name, operation.kind, operation.pool) == ("conv1", "conv", side)
    assert operation.shape == (5, 8, 8)
    assert operation.output == "max_pool2"
    assert operation.output_shape == (5, 8 // side, 8 // side)
    assert operation.output_sparse


# Each case breaks one condition of section 1 and no other.
@pytest.mark.parametrize(
    ("layers", "shape", "grid"),
    [
        pytest.param((conv(5, activation=False), pool(2)), (3, 8, 8), GRID, id="no activation"),
        pytest.param(
            (conv(5), pool(2), conv(5, inputs=("conv1",))), (3, 8, 8), GRID, id="a second consumer"
        ),
        pytest.param((conv(5), pool(2, "avg_pool")), (3, 8, 8), GRID, id="not a max-pool"),
        pytest.param((conv(5), pool(2, stride=(1, 1))), (3, 8, 8), GRID, id="overlapping windows"),
        pytest.param((conv(5), pool(2, kernel=(2, 1))), (3, 8, 8), GRID, id="kernel not square"),
        pytest.param((conv(5), pool(3)), (3, 9, 9), (3, 3), id="by three"),
        pytest.param((conv(5), pool(2, padding=(1, 1))), (3, 8, 8), GRID, id="padded"),
        pytest.param((conv(5), pool(2)), (3, 8, 8), (3, 4), id="does not divide the grid's rows"),
        pytest.param((conv(5), pool(2)), (3, 8, 8), (4, 3), id="does not divide the grid's columns"),
        pytest.param((conv(5), pool(4)), (3, 8, 8), (2, 4), id="larger than the grid"),
        pytest.param((conv(5), pool(2, shape=(5, 5, 5))), (3, 9, 9), GRID, id="ceil mode: a window over the edge"),
    ],
)  # fmt: skip
def test_each_condition_alone_breaks_fusion(
    layers: tuple[dict[str, Any], ...], shape: tuple[int, int, int], grid: tuple[int, int]
) -> None:
    operations = lower(chain(shape, *layers), grid)

    assert [operation.pool for operation in operations] == [1] * len(layers)


def test_a_pool_that_drops_the_odd_row_is_fused() -> None:
    # 9 x 9 pooled by 2 gives 4 x 4: floor, so the last row and column feed no window.
    (operation,) = lower(chain((3, 9, 9), conv(5), pool(2)), GRID)

    assert (operation.pool, operation.output_shape) == (2, (5, 4, 4))


def test_a_pool_of_a_pool_stays_an_operation() -> None:
    # The second pool's producer is no operation, for it is fused itself.
    assert names(conv(5), pool(2), pool(2)) == ["conv1", "max_pool3"]


def test_an_active_addition_takes_a_pool_along() -> None:
    layers = (conv(3, name="x"), {"kind": "add", "inputs": ("x", "image"), "activation": True}, pool(2))
    addition = lower(chain((3, 8, 8), *layers), GRID)[-1]

    assert (addition.name, addition.pool, addition.groups) == ("add2", 2, 3)
    assert [(source.tensor, source.sparse, source.taps) for source in addition.sources] == [
        ("x", True, 1),
        ("image", False, 1),
    ]
    assert not addition.has_weights


def test_a_linear_layer_is_a_convolution_of_its_whole_input() -> None:
    (operation,) = lower(chain((3, 5, 4), {"kind": "linear", "channels": 7}), GRID)
    (source,) = operation.sources

    assert (source.kernel, source.stride, source.padding, source.taps) == ((5, 4), (1, 1), (0, 0), 20)
    assert (operation.shape, operation.groups, operation.output_sparse) == ((7, 1, 1), 1, False)


def test_groups_are_the_nodes_or_all_channels_where_nothing_is_multiplied() -> None:
    operations = lower(chain((6, 8, 8), conv(6, groups=3), pool(2, "avg_pool")), GRID)

    assert [(operation.groups, operation.has_weights) for operation in operations] == [(3, True), (6, False)]


def test_the_operations_of_known_networks() -> None:
    vgg = lower(build("vgg16", 64), GRID)
    assert [operation.name for operation in vgg] == [f"conv{n}" for n in range(1, 16)] + ["classifier"]
    assert [operation.name for operation in vgg if operation.pool == 2] == [f"conv{n}" for n in (2, 4, 7, 10, 13)]

    tiny = lower(build("tiny", 8), GRID)
    assert [operation.name for operation in tiny] == [
        "conv1",
        "conv2",
        "depthwise",
        "pointwise",
        "add",
        "average",
        "head",
    ]
