from __future__ import annotations

import pytest

from mimesim.network import Branch, Node
from mimesim.networks import build
from mimesim.schemes import (
    SCHEMES,
    SHARED,
    BnOnly,
    Conventional,
    Dvn,
    Heads,
    LayerParameters,
    Lora,
    Memti,
    Mime,
    Packnet,
    Pam,
    Piggyback,
    Pruned,
    Scheme,
)

NETWORK = build("tiny", 8, classes=10)


def parameters(scheme: Scheme, layer: str) -> LayerParameters:
    return scheme.parameters(NETWORK.node(layer), "cats")


def test_every_scheme_is_listed_under_its_name() -> None:
    assert {name: scheme.name for name, scheme in SCHEMES.items()} == {name: name for name in SCHEMES}
    assert len(set(SCHEMES.values())) == len(SCHEMES)


@pytest.mark.parametrize("scheme", [Heads(), BnOnly(), Memti("dram"), Lora(), Dvn(), Pam()], ids=lambda each: each.name)
def test_a_frozen_trunk_with_a_head_per_task(scheme: Scheme) -> None:
    assert parameters(scheme, "conv1").weights_owner == SHARED
    assert parameters(scheme, "head") == LayerParameters("cats")


@pytest.mark.parametrize(
    "scheme", [BnOnly(), Memti("dram"), Dvn(), Lora("task"), Piggyback("task")], ids=lambda each: each.name
)
def test_norm_of_the_task(scheme: Scheme) -> None:
    assert parameters(scheme, "conv1").norm == "task"
    assert parameters(scheme, "average").norm == "folded"  # nothing to scale


@pytest.mark.parametrize("scheme", [Lora(), Piggyback(), Packnet(), Heads()], ids=lambda each: each.name)
def test_norm_of_all(scheme: Scheme) -> None:
    assert parameters(scheme, "conv1").norm == "folded"


def test_side_paths_belong_to_the_task() -> None:
    node, branch = NETWORK.node("conv1"), Branch(name="adapter", input="image")
    for scheme in (Memti("dram"), Lora()):
        assert scheme.branch(node, branch, "cats") == LayerParameters("cats")
    down = Node(name="conv1.down", kind="conv", inputs=("image",), shape=(4, 8, 8))
    assert Lora().parameters(down, "cats") == LayerParameters("cats", norm="none")


def test_views_of_shared_weights() -> None:
    assert parameters(Piggyback(), "conv1") == LayerParameters(SHARED, pruned=True, view="cats", masks="task")
    assert parameters(Piggyback(), "head") == parameters(Packnet(), "head") == LayerParameters("cats")
    assert parameters(Packnet(), "add") == LayerParameters(SHARED)
    # Nobody's, or one of as many tasks.
    assert [parameters(Packnet(tasks), "conv1").index_bits for tasks in (1, 2, 3, 4, 7, 8)] == [1, 2, 2, 3, 3, 4]


@pytest.mark.parametrize(
    "wrong", [{"masks": "task"}, {"view": "cats", "storage": "bitmap"}], ids=["masks-of-nothing", "view-of-a-bitmap"]
)
def test_what_does_not_go_together(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="view"):
        LayerParameters(SHARED, **wrong)  # type: ignore[arg-type]


def test_packnet_has_tasks() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Packnet(tasks=0)


def test_memti_keeps_all_weights_on_chip() -> None:
    node, branch = NETWORK.node("conv1"), Branch(name="adapter", input="image")
    assert parameters(Memti(), "conv1") == LayerParameters(SHARED, norm="task", memory="envm")
    assert parameters(Memti(), "head") == Memti().branch(node, branch, "cats") == LayerParameters("cats", memory="envm")


def test_pam_tells_parts_by_their_units() -> None:
    layer = {"kind": "conv", "inputs": ("image",), "shape": (4, 8, 8)}
    shared, own = (Node.model_validate(layer | {"name": f"conv1.{unit}", "unit": unit}) for unit in ("shared", "cats"))
    assert Pam().parameters(shared, "cats") == LayerParameters(SHARED)
    assert Pam().parameters(own, "cats") == LayerParameters("cats")


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
