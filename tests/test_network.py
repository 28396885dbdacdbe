from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mimesim.network import Network, Node
from mimesim.networks import build

IMAGE: dict[str, Any] = {"name": "image", "kind": "input", "shape": (4, 8, 8)}
CONV: dict[str, Any] = {"name": "conv", "kind": "conv", "inputs": ("image",), "shape": (6, 8, 8)}


def network(*specs: dict[str, Any]) -> Network:
    return Network.model_validate({"name": "net", "nodes": specs})


def test_names_resolve_both_ways() -> None:
    net = build("tiny", 16)
    assert net.node("add").inputs == ("pool", "pointwise")
    assert net.input.name == "image"
    assert [node.name for node in net.consumers("pool")] == ["depthwise", "add"]
    assert net.consumers("head") == ()
    assert net.input_shape("conv2") == net.input_shape(net.node("conv2")) == (16, 16, 16)
    with pytest.raises(KeyError):
        net.node("conv9")


def test_sparse_tensors_are_those_behind_an_activation_or_a_pool_of_one() -> None:
    net = build("tiny", 16)
    assert net.recorded == ("conv1", "conv2", "pool", "depthwise", "add", "average")
    assert not net.is_sparse("image")
    assert not net.is_sparse("pointwise")
    assert not net.is_sparse("head")


def test_a_pool_of_a_dense_tensor_is_dense() -> None:
    pool = {"name": "pool", "kind": "max_pool", "inputs": ("image",), "shape": (4, 4, 4)}
    assert network(IMAGE, pool | {"kernel": (2, 2), "stride": (2, 2)}).recorded == ()


def test_weights_by_kind() -> None:
    net = build("tiny", 16, classes=7)
    assert net.weight_shape("conv2") == (32, 16, 3, 3)
    assert net.weight_shape("depthwise") == (32, 1, 3, 3)
    assert net.weight_shape("pointwise") == (32, 32, 1, 1)
    assert net.weight_shape("head") == (7, 32, 1, 1)
    assert net.weight_words("depthwise") == 32 * 9
    assert net.weight_words("pool") == net.macs_dense("add") == net.macs_dense("average") == 0
    assert [node.name for node in net.weight_layers] == ["conv1", "conv2", "depthwise", "pointwise", "head"]
    with pytest.raises(ValueError, match="'add' of kind add has no weights"):
        net.weight_shape("add")
    with pytest.raises(ValueError, match="'image' reads nothing"):
        net.input_shape("image")


@given(st.data())
def test_dense_macs_count_the_taps_inside_the_input(data: st.DataObject) -> None:
    extent = [data.draw(st.integers(1, 9)) for _ in range(2)]
    padding = [data.draw(st.integers(0, 3)) for _ in range(2)]
    kernel = [data.draw(st.integers(1, extent[axis] + 2 * padding[axis])) for axis in range(2)]
    stride = [data.draw(st.integers(1, 4)) for _ in range(2)]
    groups = data.draw(st.sampled_from([1, 2, 4]))
    out = [(extent[axis] + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1 for axis in range(2)]
    conv = CONV | {"shape": (8, *out), "kernel": kernel, "stride": stride, "padding": padding, "groups": groups}
    net = network(IMAGE | {"shape": (4, *extent)}, conv)
    inside = sum(
        all(0 <= (y, x)[axis] * stride[axis] + (ky, kx)[axis] - padding[axis] < extent[axis] for axis in range(2))
        for y, x, ky, kx in product(range(out[0]), range(out[1]), range(kernel[0]), range(kernel[1]))
    )
    assert net.macs_dense("conv") == 8 * 4 // groups * inside


@pytest.mark.parametrize(("extent", "accepted"), [(7, {3, 4}), (8, {4}), (9, {4, 5})])
def test_a_pool_may_round_either_way(extent: int, accepted: set[int]) -> None:
    pool = {"name": "pool", "kind": "avg_pool", "inputs": ("image",), "kernel": (2, 2), "stride": (2, 2)}
    found = set()
    for size in range(1, 8):
        try:
            network(IMAGE | {"shape": (4, extent, extent)}, pool | {"shape": (4, size, size)})
        except ValidationError:
            continue
        found.add(size)
    assert found == accepted


def test_rounding_up_never_adds_a_window_that_starts_in_the_padding() -> None:
    # PyTorch 2 measured: MaxPool2d(2, stride=3, padding=1, ceil_mode=True) makes 5 into 2, though ceil(5 / 3) + 1 is 3.
    pool = {"name": "pool", "kind": "max_pool", "inputs": ("image",), "kernel": (2, 2), "stride": (3, 3)}
    image = IMAGE | {"shape": (4, 5, 5)}
    network(image, pool | {"padding": (1, 1), "shape": (4, 2, 2)})
    with pytest.raises(ValidationError, match=r"expected 2 \["):
        network(image, pool | {"padding": (1, 1), "shape": (4, 3, 3)})


WIDE = {"kernel": (3, 3), "padding": (1, 1)}
SIDE = {"name": "side", "input": "image"}
ADD = {"name": "add", "kind": "add", "inputs": ("image", "conv"), "shape": (4, 8, 8)}
POOL = {"name": "pool", "kind": "max_pool", "inputs": ("image",), "shape": (4, 4, 4), "kernel": (2, 2)}
LINEAR = {"name": "fc", "kind": "linear", "inputs": ("image",), "shape": (5, 1, 1)}


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([CONV, CONV], "exactly one node is of kind input, and it is the first"),
        ([CONV, IMAGE], "exactly one node is of kind input, and it is the first"),
        ([IMAGE, IMAGE], "exactly one node is of kind input, and it is the first"),
        ([IMAGE], "at least 2"),
        ([IMAGE, CONV, CONV], "'conv': the name is taken"),
        ([IMAGE, CONV, CONV | {"name": "Conv"}], "'Conv': the name is taken .names that differ in case only"),
        ([IMAGE, CONV | {"inputs": ("imag",)}], "reads 'imag', which no earlier node outputs"),
        ([IMAGE, CONV | {"inputs": ("conv",)}], "reads 'conv', which no earlier node outputs"),
        ([IMAGE, CONV | {"inputs": ()}], "a node of kind conv has one input or more, not 0"),
        ([IMAGE | {"inputs": ("x",)}, CONV], "a node of kind input has no input, not 1"),
        ([IMAGE, ADD | {"inputs": ("image",)}], "a node of kind add has two inputs or more, not 1"),
        ([IMAGE, ADD | {"inputs": ("image", "image")}], "reads the same tensor twice"),
        ([IMAGE, CONV, ADD], r"adds tensors of shapes .* all must be equal"),
        ([IMAGE, CONV | {"name": "a/b"}], "pattern"),
        ([IMAGE, CONV | {"name": "a\n"}], "pattern"),
        ([IMAGE, CONV | {"colour": 1}], "Extra inputs"),
        ([IMAGE, CONV | {"shape": (6, 0, 8)}], "greater than or equal to 1"),
        ([IMAGE, CONV | {"kernel": (99999, 1)}], "less than or equal to 65536"),
        ([IMAGE, CONV | {"shape": (6, 7, 8)}], "output height 7 .* expected 8$"),
        ([IMAGE, CONV | {"shape": (6, 8, 9)}], "output width 9 .* expected 8$"),
        ([IMAGE, CONV | {"kernel": (9, 1), "shape": (6, 1, 8)}], "output height 1 .* expected 0$"),
        ([IMAGE, CONV | {"groups": 4}], "not both divisible by groups = 4"),
        ([IMAGE, POOL | {"shape": (3, 7, 7)}], "a pool keeps the 4 channels of its input, not 3"),
        ([IMAGE, POOL | {"padding": (2, 2), "shape": (4, 11, 11)}], "padding of a pool is at most half its kernel"),
        ([IMAGE, POOL | {"groups": 4}], "a node of kind max_pool has no groups"),
        ([IMAGE, POOL | {"activation": True}], "only conv, linear and add nodes have an activation"),
        ([IMAGE, LINEAR | {"kernel": (8, 8)}], "a node of kind linear has no kernel"),
        ([IMAGE, LINEAR | {"shape": (5, 1, 2)}], "the shape of a linear node is .features, 1, 1."),
        ([IMAGE | {"stride": (2, 2)}, CONV], "a node of kind input has no stride"),
        ([IMAGE, CONV | {"branches": (SIDE, SIDE)}], "two branches have the same name"),
        ([IMAGE, CONV | {"branches": (SIDE | {"input": "x"},)}], "reads 'x', which no earlier node outputs"),
        ([IMAGE, CONV | {"branches": (SIDE | {"kernel": (3, 3)},)}], "branch 'side': output height 8 .* expected 6$"),
        ([IMAGE, CONV | {"groups": 2, "branches": (SIDE,)}], "groups go with one input and no branches"),
        ([IMAGE, POOL | {"branches": (SIDE,)}], "a node of kind max_pool has no branches"),
        (
            [IMAGE, POOL | {"shape": (4, 7, 7)}, CONV | {"inputs": ("image", "pool")}],
            "as one: heights and widths must be equal",
        ),
    ],
)
def test_an_impossible_network_is_refused(specs: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match="(?m)" + message.replace("$", r"(?= \[)")):
        network(*specs)


def test_several_inputs_are_read_as_one_tensor() -> None:
    joined = CONV | WIDE | {"name": "joined", "inputs": ("conv", "image")}
    net = network(IMAGE, CONV, joined)

    assert net.input_shape("joined") == (10, 8, 8)
    assert net.weight_shape("joined") == (6, 10, 3, 3)
    # Of 3 taps on 8 elements with padding 1, 22 lie inside on each axis.
    assert net.macs_dense("joined") == 6 * 10 * 22 * 22
    assert [node.name for node in net.consumers("image")] == ["conv", "joined"]


def test_branches_add_their_weights_and_multiplications() -> None:
    factor = CONV | {"name": "factor", "shape": (2, 8, 8)}
    up = {"name": "up", "input": "factor"}
    net = network(IMAGE, factor, CONV | WIDE | {"branches": (SIDE, up)})
    conv = net.node("conv")

    assert [net.branch_shape(conv, branch) for branch in conv.branches] == [(6, 4, 1, 1), (6, 2, 1, 1)]
    assert (net.weight_words(conv), net.branch_words(conv)) == (6 * 4 * 9, 6 * 4 + 6 * 2)
    assert net.macs_dense(conv) == 6 * 4 * 22 * 22 + (6 * 4 + 6 * 2) * 64
    assert conv.reads == ("image", "factor")
    assert [node.name for node in net.consumers("factor")] == ["conv"]


def test_networks_are_values() -> None:
    net = build("tiny", 16)
    assert net.recorded  # fills a cache, which must not count
    assert net == build("tiny", 16)
    assert hash(net) == hash(build("tiny", 16))
    assert Network.model_validate_json(net.model_dump_json()) == net
    with pytest.raises(ValidationError):
        net.name = "other"  # type: ignore[misc]
    assert Node.model_validate(CONV) == Node(**CONV)
