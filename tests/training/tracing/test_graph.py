"""The network that is read off a model is the one that PyTorch computes, multiplication for multiplication."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.network import Network, Node
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.model import TracedModel
from tests.training.tracing.own_models import ZOO, Residual, zoo_model


def counted(model: nn.Module, size: int) -> dict[str, int]:
    """Multiplications of every layer of *model*, by hooks: taps that fall into the padding are none.

    Ones convolved by ones count the taps in bounds of every output; all channels of a group meet the same.
    """
    found: dict[str, int] = {}

    def count(name: str, layer: nn.Conv2d | nn.Linear, source: Tensor) -> None:
        taps = source[0].numel()
        if isinstance(layer, nn.Conv2d):
            plane = torch.ones(1, 1, *source.shape[2:], dtype=torch.float64)
            kernel = torch.ones(1, 1, *layer.kernel_size, dtype=torch.float64)
            assert not isinstance(layer.padding, str)
            in_bounds = nn.functional.conv2d(plane, kernel, stride=layer.stride, padding=layer.padding)
            taps = layer.in_channels // layer.groups * int(in_bounds.sum())
        found[name] = taps * layer.weight.shape[0]

    hooks: list[Any] = []
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            hooks.append(layer.register_forward_hook(lambda m, args, _, name=name: count(name, m, args[0])))
    device = next(model.parameters()).device
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size, device=device))
    for hook in hooks:
        hook.remove()
    return found


def zoo(name: str) -> tuple[nn.Module, Network]:
    with torch.device("meta" if not name.startswith("regnet") else "cpu"):  # shapes suffice
        model = zoo_model(name)
    return model, network_of(TracedModel(model), name, ZOO[name])


@pytest.mark.parametrize("name", ZOO)
def test_dense_multiplications_are_pytorchs(name: str) -> None:
    model, network = zoo(name)
    wanted = counted(model, ZOO[name])
    assert {node.name: network.macs_dense(node) for node in network.weight_layers} == wanted
    assert sum(wanted.values()) > 1_000_000


@pytest.mark.parametrize("name", ZOO)
def test_weights_have_the_models_shapes(name: str) -> None:
    model, network = zoo(name)
    layers = {path: layer for path, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
    assert [node.name for node in network.weight_layers] == list(layers)
    for path, layer in layers.items():
        shape = network.weight_shape(path)
        assert (shape if isinstance(layer, nn.Conv2d) else (shape[0], prod(shape[1:]))) == tuple(layer.weight.shape)


def test_resnet18() -> None:
    _, network = zoo("resnet18")
    kinds = [node.kind for node in network.nodes]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "input": 1, "conv": 20, "max_pool": 1, "add": 8, "avg_pool": 1, "linear": 1,
    }  # fmt: skip
    stem, pool = network.node("conv1"), network.node("maxpool")
    assert (stem.kernel, stem.stride, stem.padding, stem.shape) == ((7, 7), (2, 2), (3, 3), (64, 32, 32))
    assert (pool.kernel, pool.stride, pool.padding, pool.shape) == ((3, 3), (2, 2), (1, 1), (64, 16, 16))
    assert network.node("layer1.0.add").inputs == ("layer1.0.conv2", "maxpool")
    assert network.node("layer1.1.add").inputs == ("layer1.1.conv2", "layer1.0.add")
    assert network.node("layer2.0.add").inputs == ("layer2.0.conv2", "layer2.0.downsample.0")
    assert network.node("layer2.0.downsample.0").inputs == ("layer1.1.add",)
    assert network.node("avgpool").kernel == (2, 2)
    # behind a ReLU, and pools of that; not what an addition reads, nor the head
    assert network.recorded[:4] == ("conv1", "maxpool", "layer1.0.conv1", "layer1.0.add")
    assert network.recorded[-1] == "avgpool"
    assert len(network.recorded) == 1 + 1 + 8 + 8 + 1


def test_resnet50() -> None:
    _, network = zoo("resnet50")
    assert [node.kind for node in network.nodes].count("conv") == 53
    assert network.node("layer1.0.add").inputs == ("layer1.0.conv3", "layer1.0.downsample.0")
    assert network.node("layer1.2.add").inputs == ("layer1.2.conv3", "layer1.1.add")
    assert network.node("layer2.0.conv2").stride == (2, 2)
    assert not network.is_sparse("layer1.0.conv3")


@pytest.mark.parametrize(("name", "block"), [("mobilenet_v2", "features.3.conv"), ("mnasnet0_5", "layers.8.1.layers")])
def test_depthwise_blocks_with_linear_bottlenecks(name: str, block: str) -> None:
    _, network = zoo(name)
    convolutions = [node for node in network.nodes if node.name.startswith(f"{block}.")]
    expand, depthwise, project = convolutions
    assert (expand.groups, expand.kernel, expand.activation) == (1, (1, 1), True)
    assert depthwise.groups == depthwise.shape[0] == expand.shape[0] > 1
    assert (project.activation, network.is_sparse(project.name)) == (False, False)
    added = next(node for node in network.nodes if node.kind == "add" and project.name in node.inputs)
    assert added.inputs[0 if name == "mnasnet0_5" else 1] == project.name
    # a linear bottleneck adds dense tensors, and what reads the sum reads a dense one
    assert not any(network.is_sparse(term) for term in (*added.inputs, added.name))


def test_regnet_alexnet_and_vgg() -> None:
    _, regnet = zoo("regnet_x_400mf")
    groups = [node for node in regnet.nodes if node.groups > 1]
    assert all(node.shape[0] // node.groups == 16 for node in groups)
    assert len(groups) == 1 + 2 + 7 + 12
    _, alexnet = zoo("alexnet")
    assert alexnet.node("features.0").kernel == (11, 11)
    assert alexnet.input_shape("classifier.1") == (256, 6, 6)
    assert "avgpool" not in {node.name for node in alexnet.nodes}, "it averages windows of one position"
    _, vgg = zoo("vgg11_bn")
    assert [node.kind for node in vgg.nodes].count("max_pool") == 5
    assert vgg.recorded == tuple(node.name for node in vgg.layers[:-1])


def test_a_small_residual_network_in_full() -> None:
    network = network_of(TracedModel(Residual()), "own", 16, classes=9)
    relu = {"activation": True}
    assert network.nodes == (
        Node(name="image", kind="input", shape=(3, 16, 16)),
        Node(name="stem", kind="conv", inputs=("image",), shape=(8, 8, 8), kernel=(3, 3), stride=(2, 2), padding=(1, 1),
             **relu),
        Node(name="depthwise", kind="conv", inputs=("stem",), shape=(8, 8, 8), kernel=(3, 3), padding=(1, 1), groups=8,
             **relu),
        Node(name="pointwise", kind="conv", inputs=("depthwise",), shape=(8, 8, 8)),
        Node(name="add", kind="add", inputs=("pointwise", "stem"), shape=(8, 8, 8), **relu),
        Node(name="pool", kind="max_pool", inputs=("add",), shape=(8, 4, 4), kernel=(3, 3), stride=(2, 2),
             padding=(1, 1)),
        Node(name="wide", kind="conv", inputs=("pool",), shape=(12, 1, 6), kernel=(3, 1), stride=(2, 1), padding=(0, 1),
             groups=2, **relu),
        Node(name="mean", kind="avg_pool", inputs=("wide",), shape=(12, 1, 6), kernel=(1, 6), stride=(1, 6)).model_copy(
            update={"shape": (12, 1, 1)}),
        Node(name="head", kind="linear", inputs=("mean",), shape=(9, 1, 1)),
    )  # fmt: skip
    assert network.recorded == ("stem", "depthwise", "add", "pool", "wide", "mean")


def test_the_channels_of_the_image_are_the_models() -> None:
    assert network_of(TracedModel(Residual(channels=1)), "grey", 16).input.shape == (1, 16, 16)


class Layers(nn.Sequential):
    """Layers in a row, and a head behind the mean of all positions unless *flat*."""

    def __init__(self, *layers: nn.Module, features: int = 4, flat: bool = False) -> None:
        last = [nn.Flatten()] if flat else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers, *last, nn.Linear(features, 2))


class Viewed(nn.Module):
    """Its second convolution reads the first one's output with height and channels exchanged."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.a, self.b, self.head = nn.Conv2d(3, 4, 1), nn.Conv2d(8, 4, 1), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x).view(x.size(0), 8, self.side, self.side // 2)).mean((2, 3)))


REFUSED = [
    (Layers(nn.Conv2d(3, 4, 3, dilation=2)), "model: 0 = (2, 2): dilated convolutions are not simulated"),
    (Layers(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect")), "model: 0 = 'reflect': only padding with zeros"),
    (Layers(nn.Conv2d(3, 4, 2, padding="same")), "model: 0 = (2, 2): same padding needs odd kernels"),
    (Layers(nn.Conv2d(3, 4, 1), nn.MaxPool2d(2, dilation=2)), "model: 1 = 2: dilated pools are not simulated"),
    (Layers(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(3)), "model: 1: makes 3 x 3 of 8 x 8 positions"),
    (Layers(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(16)), "model: 1: makes 16 x 16 of 8 x 8 positions"),
    (Layers(nn.Conv2d(3, 4, 9)), "model: size_px = 8: the network cannot take images of this size (Calculated padded"),
    (Layers(nn.Conv2d(3, 4, 1), flat=True), "model: size_px = 8: the network cannot take images of this size"),
    (Layers(nn.Conv2d(3, 8, 1), nn.Linear(8, 2), features=8), "model: 1: reads 8 of the 512 values before it"),
    (Viewed(8), "model: b: reads 8 channels, but the layer before it has 4"),
]


@pytest.mark.parametrize(("model", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_the_simulator_does_not_have_is_named(model: nn.Module, message: str) -> None:
    with pytest.raises(InputError) as caught:
        network_of(TracedModel(model), "refused", 8)
    assert str(caught.value).startswith(message)


def test_a_model_that_mixes_the_images_of_a_batch_is_refused() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3 * 8 * 8, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.flatten())

    with pytest.raises(InputError, match="model: head: mixes the images of a batch"):
        network_of(TracedModel(Flat()), "flat", 8)
