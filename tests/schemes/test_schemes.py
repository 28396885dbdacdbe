from __future__ import annotations

import pytest

from mimesim.networks import build
from mimesim.schemes import SCHEMES, SHARED, Conventional, LayerParameters, Memti, Mime, Pruned

NETWORK = build("tiny", 8, classes=10)


def parameters(scheme: Conventional | Mime | Pruned, layer: str) -> LayerParameters:
    return scheme.parameters(NETWORK.node(layer), "cats")


def test_every_scheme_is_listed_under_its_name() -> None:
    expected = {"conventional": Conventional, "pruned": Pruned, "mime": Mime, "memti": Memti}

    assert expected == SCHEMES


def test_memti_shares_all_weights_but_the_head() -> None:
    for layer in ("conv1", "depthwise", "pointwise"):
        assert Memti().parameters(NETWORK.node(layer), "cats") == LayerParameters(SHARED)
    assert Memti().parameters(NETWORK.node("head"), "cats") == LayerParameters("cats")


@pytest.mark.parametrize("layer", ["conv1", "depthwise", "pointwise", "head"])
def test_conventional_shares_nothing(layer: str) -> None:
    assert parameters(Conventional(), layer) == LayerParameters("cats", "dense", pruned=False, thresholds=None)


@pytest.mark.parametrize("storage", ["dense", "bitmap"])
def test_pruned_weights_are_the_tasks_own(storage: str) -> None:
    scheme = Pruned(storage)  # type: ignore[arg-type]

    assert parameters(scheme, "conv1") == LayerParameters("cats", storage, pruned=True)  # type: ignore[arg-type]
    assert not parameters(scheme, "add").pruned


@pytest.mark.parametrize("granularity", ["neuron", "channel"])
def test_mime_shares_weights_and_stores_thresholds_where_there_is_an_activation(granularity: str) -> None:
    scheme = Mime(granularity)  # type: ignore[arg-type]

    assert parameters(scheme, "conv1") == LayerParameters(SHARED, thresholds=granularity)  # type: ignore[arg-type]
    assert parameters(scheme, "pointwise") == LayerParameters(SHARED)  # a conv without activation
    assert parameters(scheme, "add").thresholds == granularity  # an active addition compares as well
    assert parameters(scheme, "average") == LayerParameters(SHARED)
    assert parameters(scheme, "head") == LayerParameters("cats")  # tasks differ in their classes


def test_a_hidden_linear_layer_is_shared_too() -> None:
    vgg = build("vgg16", 32)

    assert Mime().parameters(vgg.node("conv14"), "cats") == LayerParameters(SHARED, thresholds="neuron")
    assert Mime().parameters(vgg.node("classifier"), "cats") == LayerParameters("cats")


def test_words_of_weights_and_thresholds() -> None:
    scheme = Mime()
    conv1, head, pool = NETWORK.node("conv1"), NETWORK.node("head"), NETWORK.node("pool")

    assert scheme.weights_words(NETWORK, conv1) == 16 * 3 * 9 + 16  # and folded batch norm
    assert scheme.weights_words(NETWORK, NETWORK.node("depthwise")) == 32 * 9 + 32
    assert scheme.weights_words(NETWORK, head) == 10 * 32 + 10
    assert scheme.weights_words(NETWORK, pool) == 0
    assert scheme.thresholds_words(conv1, LayerParameters(SHARED, thresholds="neuron")) == 16 * 8 * 8
    assert scheme.thresholds_words(conv1, LayerParameters(SHARED, thresholds="channel")) == 16
    assert scheme.thresholds_words(conv1, LayerParameters(SHARED)) == 0
