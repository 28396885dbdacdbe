from __future__ import annotations

import re
from math import prod

import pytest

from mimesim.errors import InputError
from mimesim.networks import NETWORKS, build


def convs(size: int) -> list[tuple[str, tuple[int, int, int], int]]:
    net = build("vgg16", size)
    return [(node.name, node.shape, net.weight_words(node)) for node in net.layers if node.kind == "conv"]


def test_vgg16_has_the_known_counts() -> None:
    net = build("vgg16", 64)
    assert sum(words for _, _, words in convs(64)) == 14_710_464
    assert sum(prod(shape) for _, shape, _ in convs(64)) == 1_105_920  # one threshold per output neuron
    assert net.weight_shape("conv14") == (4096, 512, 2, 2)
    assert net.weight_shape("conv15") == (4096, 4096, 1, 1)
    assert net.weight_words("classifier") == 40_960


def test_vgg16_masks_take_34560_bytes_an_image_at_32_pixels() -> None:
    sizes = [-(-prod(shape) // 8) for _, shape, _ in convs(32)]
    assert len(sizes) == 13
    assert sum(sizes) == 34_560


def test_vgg16_macs_at_224_pixels_are_torchvisions_but_for_padding() -> None:
    net = build("vgg16", 224, classes=1000)
    with_padding = sum(prod(node.shape[1:]) * net.weight_words(node) for node in net.weight_layers)
    assert with_padding == 15_470_264_320  # the 15.47 G that is usually quoted
    assert sum(net.macs_dense(node) for node in net.weight_layers) < with_padding


def test_vgg16_layers_in_order() -> None:
    names = [node.name for node in build("vgg16", 32).nodes]
    pooled = {2: "pool1", 4: "pool2", 7: "pool3", 10: "pool4", 13: "pool5"}
    expected = ["image"]
    for index in range(1, 14):
        expected += [f"conv{index}", *([pooled[index]] if index in pooled else [])]
    assert names == [*expected, "conv14", "conv15", "classifier"]


def test_tiny_has_one_of_each() -> None:
    net = build("tiny", 16)
    assert {node.kind for node in net.nodes} == {"input", "conv", "linear", "max_pool", "avg_pool", "add"}
    assert any(node.groups == node.shape[0] for node in net.layers)
    assert any(node.kind == "conv" and node.kernel == (1, 1) for node in net.layers)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_takes_its_name_size_and_classes(name: str) -> None:
    net = build(name, 64, classes=3)
    assert net.name == name
    assert net.input.shape == (3, 64, 64)
    assert net.nodes[-1].shape == (3, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vgg61", 64), "network: name = 'vgg61': no such network; did you mean 'vgg16'?"),
        (("alexnet", 64), "no such network; known are tiny, vgg16"),
        (("vgg16", 48), "network vgg16: size = 48: must be a multiple of 32"),
        (("vgg16", 0), "network vgg16: size = 0: must be a multiple of 32"),
        (("tiny", 5), "network tiny: size = 5: must be even and at least 4"),
        (("tiny", 16, 0), "network: classes = 0: must be at least 1"),
    ],
)
def test_bad_requests(arguments: tuple[str, int], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        build(*arguments)
