"""Words of a task's own, against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from mimesim.network import Network, Node
from mimesim.networks import build
from mimesim.training.config import Method, MimeMethod
from mimesim.training.methods import Mime
from mimesim.training.models import MODELS, Options
from mimesim.training.report.words import own_words
from mimesim.training.threshold import threshold_layers
from mimesim.training.tracing.graph import network_of

CONV = {"kernel": (3, 3), "padding": (1, 1)}
#: Two normed convolutions, a residual addition of them, a hidden layer with a bias, a head for 100 classes.
NETWORK = Network(
    name="small",
    nodes=(
        Node(name="image", kind="input", shape=(3, 8, 8)),
        Node(name="one", kind="conv", inputs=("image",), shape=(16, 8, 8), activation=True, **CONV),
        Node(name="two", kind="conv", inputs=("one",), shape=(16, 8, 8), groups=4, **CONV),
        Node(name="sum", kind="add", inputs=("one", "two"), shape=(16, 8, 8), activation=True),
        Node(name="pool", kind="max_pool", inputs=("sum",), shape=(16, 4, 4), kernel=(2, 2), stride=(2, 2)),
        Node(name="hidden", kind="linear", inputs=("pool",), shape=(20, 1, 1), activation=True),
        Node(name="head", kind="linear", inputs=("hidden",), shape=(100, 1, 1)),
    ),
)
HEAD = 10 * 20 + 10
NORM = 2 * 16 + 2 * 16
NEURONS = 16 * 64 + 16 * 64 + 20
CHANNELS = 16 + 16 + 20
WEIGHTS = (16 * 3 * 9, 16 * 4 * 9, 20 * 256)

WORDS: list[tuple[dict[str, Any], int]] = [
    ({"scheme": "head"}, HEAD),
    ({"scheme": "batch_norm"}, HEAD + NORM),
    ({"scheme": "mime"}, HEAD + NEURONS),
    ({"scheme": "mime", "batch_norm": "statistics"}, HEAD + NEURONS + NORM),
    ({"scheme": "mime", "batch_norm": "trained"}, HEAD + NEURONS + NORM),
    ({"scheme": "mime", "threshold_granularity": "channel"}, HEAD + CHANNELS),
    ({"scheme": "mime", "threshold_granularity": "channel", "batch_norm": "trained"}, HEAD + CHANNELS + NORM),
    ({"scheme": "conventional"}, HEAD + sum(WEIGHTS) + NORM + 20),
    # adapters on the plain 3 x 3 convolution only; a bit for each weight; factors of rank 4 of what has no groups
    ({"scheme": "memti"}, HEAD + NORM + 3 * 16),
    ({"scheme": "piggyback"}, HEAD + NORM + 432 // 16 + 576 // 16 + 5120 // 16),
    ({"scheme": "lora"}, HEAD + NORM + 4 * (27 + 16)),
    ({"scheme": "lora", "rank": 2}, HEAD + NORM + 2 * (27 + 16)),
    # a tenth of each layer: 432 - 388, 576 - 518, 5120 - 4608
    ({"scheme": "pruned"}, HEAD + 44 + 58 + 512 + NORM + 20),
    ({"scheme": "pruned", "weight_sparsity": 0.5}, HEAD + 216 + 288 + 2560 + NORM + 20),
]


def method(settings: dict[str, Any]) -> Method:
    made: Method = TypeAdapter(Method).validate_python(settings)
    return made


@pytest.mark.parametrize(("settings", "words"), WORDS, ids=lambda value: str(value))
def test_every_method_by_hand(settings: dict[str, Any], words: int) -> None:
    assert own_words(NETWORK, method(settings), 10, {"one", "two"}) == words


def test_only_normed_layers_have_batch_norm() -> None:
    assert own_words(NETWORK, method({"scheme": "batch_norm"}), 10, set()) == HEAD
    # a bias for each channel in place of a scale and a shift
    assert own_words(NETWORK, method({"scheme": "conventional"}), 10, {"one"}) == HEAD + sum(WEIGHTS) + 32 + 16 + 20
    assert own_words(NETWORK, method({"scheme": "batch_norm"}), 10, {"one", "two", "hidden"}) == HEAD + NORM + 40


def test_the_heads_size_is_the_tasks() -> None:
    assert own_words(NETWORK, method({"scheme": "head"}), 100, set()) == 100 * 21


def test_vgg16_at_64_px() -> None:
    network = build("vgg16", 64, 100)
    normed = {node.name for node in network.nodes if node.kind == "conv"}
    head, channels = 10 * 4097, 64 * 2 + 128 * 2 + 256 * 3 + 512 * 6
    maps = 2 * 64 * 64**2 + 2 * 128 * 32**2 + 3 * 256 * 16**2 + 3 * 512 * 8**2 + 3 * 512 * 4**2
    found = {
        str(settings): own_words(network, method(settings), 10, normed)
        for settings in ({"scheme": "mime"}, {"scheme": "batch_norm"}, {"scheme": "conventional"})
    }
    weights = 9 * (
        64 * (3 + 64) + 128 * (64 + 128) + 256 * (128 + 2 * 256) + 512 * (256 + 2 * 512) + 3 * 512 * 512
    ) + 4096 * (2048 + 4096)
    assert list(found.values()) == [
        head + maps + 2 * 4096,
        head + 2 * channels,
        head + weights + 2 * channels + 2 * 4096,
    ]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_fine_tuning_costs_every_parameter_of_a_network_without_biases(name: str) -> None:
    """Their convolutions have no bias and a batch norm each, so what PyTorch counts is what is stored."""
    model = MODELS[name].traced(Options(classes=7, size_px=32))
    network, normed = network_of(model, name, 32), set(model.norms)
    parameters = sum(parameter.numel() for parameter in model.module.parameters())
    assert own_words(network, method({"scheme": "conventional"}), 7, normed) == parameters
    norms = sum(parameter.numel() for norm in model.norms.values() for parameter in norm.parameters())
    head = sum(parameter.numel() for parameter in model.head.parameters())
    assert own_words(network, method({"scheme": "batch_norm"}), 7, normed) == head + norms
    Mime(MimeMethod(), 0.01).prepare(model, 32)
    thresholds = sum(layer.t.numel() for layer in threshold_layers(model.module))
    assert own_words(network, method({"scheme": "mime"}), 7, normed) == head + thresholds
