"""Merged networks compute what their parts computed, run any tasks, and their graphs say how large they are."""

from __future__ import annotations

from itertools import chain, combinations

import pytest
import torch
from torch import nn

from mimesim.errors import InputError
from mimesim.training.models import ModelSpec, Options
from mimesim.training.pam.chain import chain_of
from mimesim.training.pam.merge import all_shared, merge, single, trunk
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.partition import SHARED, LayerPartition, Partition
from mimesim.training.tracing.model import TracedModel
from tests.training.pam.networks import SIZE, apart, images, mixed, small, two
from tests.training.tracing.own_models import Residual


def _first_layers_shared(count: int) -> Partition:
    models = two()
    shared, own = all_shared(models, SIZE), apart(models)
    return {layer: shared[layer] if number < count else own[layer] for number, layer in enumerate(own)}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_without_cut_connections_every_task_computes_what_it_did(count: int) -> None:
    models = two()
    net = merge(models, _first_layers_shared(count), SIZE).eval()
    with torch.no_grad():
        found = net(images())
        for task, model in models.items():
            torch.testing.assert_close(found[task], model.module(images()), rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(net(images(), [task])[task], found[task], rtol=1e-6, atol=1e-6)


def test_whole_numbers_come_out_to_the_bit() -> None:
    models = two()
    for model in models.values():
        for module in model.norms.values():
            module.eps = 0.0  # type: ignore[assignment]
            for name, tensor in module.state_dict().items():
                tensor.fill_(1 if name.endswith(("weight", "running_var")) else 0)
        for name, parameter in model.module.named_parameters():
            if not any(name.startswith(site.norm or "-") for site in model.sites):
                parameter.data.mul_(4).round_()
    whole = images().mul(3).round().double()
    net = merge(models, _first_layers_shared(2), SIZE).double().eval()
    with torch.no_grad():
        for task, logits in net(whole).items():
            assert torch.equal(logits, models[task].module.double()(whole))
            assert logits.abs().amax() > 0


def test_neurons_keep_their_weights_and_new_connections_are_0() -> None:
    models = two()
    partition = {
        "conv1": LayerPartition((0, 8), {"a": (1, 5), "b": (6,)}, (2, 3, 4, 7)),
        "conv2": LayerPartition((6,), {"a": (0, 12), "b": (7,)}, (1, 2, 3, 4, 5, 8, 9, 10, 11)),
        "conv3": LayerPartition((0,), {"a": (1,), "b": (5,)}, (2, 3, 4, 6, 7, 8, 9, 10)),
    }
    net = merge(models, partition, SIZE)
    assert net.widths["conv1"] == {"shared": 2, "a": 2, "b": 1}
    convolutions = [models[task].layers["conv2"].weight for task in "ab"]
    # conv2's neuron 12 is b's own 6; it reads shared (a's 0, b's 4) and a's units (a's 1, b's 1)
    weight = net.part("conv2", "a").layer.weight
    assert torch.equal(weight[1], torch.stack([torch.zeros(3, 3), convolutions[1][6, 4], torch.zeros(3, 3),
                                               convolutions[1][6, 1]]))  # fmt: skip
    assert torch.equal(weight[0], torch.stack([convolutions[0][0, 0], torch.zeros(3, 3), convolutions[0][0, 1],
                                               torch.zeros(3, 3)]))  # fmt: skip
    assert net.part("conv2", SHARED).layer.weight.shape == (1, 2, 3, 3)  # shared neurons read shared ones alone
    assert net.part("conv2", SHARED).layer.bias[0] == models["b"].layers["conv2"].bias[0]
    norm, theirs = net.part("conv2", "a").norm, models["b"].norms["conv2"]
    assert norm.running_var[1] == theirs.running_var[6]  # type: ignore[index,union-attr]
    # the first linear layer reads 2 x 2 positions of each channel: shared (b's 0), then a's own (a's 0, b's 6)
    hidden, theirs_hidden = net.part("conv3", "a").layer.weight, models["a"].layers["conv3"].weight
    assert torch.equal(hidden[0], torch.cat([torch.zeros(4), theirs_hidden[1, :4], torch.zeros(4)]))
    assert net.part("head", "b").layer.weight.shape == (4, 2)
    assert torch.equal(net.part("head", "b").layer.bias, models["b"].head.bias)


@pytest.mark.parametrize("seed", range(4))
def test_the_graph_says_how_large_everything_is(seed: int) -> None:
    net = merge(two(), mixed(two(), seed), SIZE)
    network = net.network("merged")
    outputs = net.eval().outputs(images(2))
    assert set(outputs) == {node.name for node in network.layers}
    words = 0
    for node in network.weight_layers:
        layer, _, unit = node.name.rpartition(".")
        weight = net.part(layer, unit).layer.weight
        assert node.unit == unit
        assert network.weight_words(node) == weight.numel()
        assert network.weight_shape(node)[0] == weight.shape[0]
        words += weight.numel()
        if layer == "conv2":
            read = ("pool1.shared",) if unit == SHARED else ("pool1.shared", f"pool1.{unit}")
            assert node.inputs == read
    for node in network.layers:
        assert outputs[node.name].shape[1:] == (node.shape if outputs[node.name].ndim == 4 else node.shape[:1])
    assert words == sum(parameter.numel() for parameter in net.parameters() if parameter.ndim > 1)
    assert network.input_shape("conv1.a") == (3, SIZE, SIZE)
    assert network.node("head.b").kind == "linear"
    assert not network.node("head.b").activation


def test_every_combination_runs_only_its_own_nodes() -> None:
    net = merge(two(), mixed(two()), SIZE).eval()
    whole = net.outputs(images(2))
    units = {node.name: node.unit for node in net.network("merged").layers}
    for tasks in chain.from_iterable(combinations("ab", count) for count in (0, 1, 2)):
        found = net.outputs(images(2), tasks)
        assert set(found) == {name for name, unit in units.items() if unit in (SHARED, *tasks)}
        for name, value in found.items():
            torch.testing.assert_close(value, whole[name])


def test_other_tasks_weights_change_nothing() -> None:
    net = merge(two(), mixed(two()), SIZE).eval()
    before = net(images(), ["a"])["a"]
    for layer, units in net.widths.items():
        if "b" in units:
            nn.init.normal_(net.part(layer, "b").layer.weight)
    assert torch.equal(net(images(), ["a"])["a"], before)
    assert torch.equal(net(images())["a"], before)


def test_units_without_neurons_are_absent() -> None:
    models = {"a": small(1, 3), "b": small(2, 3)}
    partition = {
        "conv1": LayerPartition((0, 1, 5), {"a": (), "b": (2,)}),
        "conv2": LayerPartition((0, 7), {"a": (), "b": (3,)}),
        "conv3": LayerPartition((), {"a": (0,), "b": (1, 6)}),
    }
    net = merge(models, partition, SIZE)
    names = [node.name for node in net.network("merged").nodes]
    assert names == ["image", "conv1.shared", "conv1.b", "pool1.shared", "pool1.b", "conv2.shared", "conv2.b",
                     "pool2.shared", "pool2.b", "conv3.a", "conv3.b", "head.a", "head.b"]  # fmt: skip
    assert net.network("merged").node("conv3.a").inputs == ("pool2.shared",)
    assert {task: tuple(logits.shape) for task, logits in net(images(2)).items()} == {"a": (2, 3), "b": (2, 3)}


def test_selected_neurons_compute_what_they_did() -> None:
    net = merge(two(), mixed(two()), SIZE).eval().to(memory_format=torch.channels_last)
    before = net.outputs(images())
    smaller = net.select({("conv3", "a"): [0], ("conv3", SHARED): [2, 0, 1]})
    found = smaller.outputs(images())
    for name in ("conv2.shared", "conv2.a", "conv3.b"):
        torch.testing.assert_close(found[name], before[name])
    torch.testing.assert_close(found["conv3.a"], before["conv3.a"][:, [0]])
    torch.testing.assert_close(found["conv3.shared"], before["conv3.shared"][:, [2, 0, 1]])
    torch.testing.assert_close(found["head.b"], before["head.b"])  # the order of what it reads is of no matter
    # a neuron that nobody listens to may go
    with torch.no_grad():
        for unit in net.widths["conv2"]:
            net.part("conv2", unit).layer.weight[:, 0] = 0
    before = net.outputs(images())
    kept = net.select({("conv1", SHARED): range(1, net.widths["conv1"][SHARED])}).outputs(images())
    for name in ("conv2.a", "head.a", "head.b"):
        torch.testing.assert_close(kept[name], before[name])


def test_a_unit_that_keeps_nothing_vanishes() -> None:
    net = merge(two(), mixed(two()), SIZE).eval()
    found = net.select({("conv3", "a"): []})
    assert "a" not in found.widths["conv3"]
    assert found.part("head", "a").layer.weight.shape == (3, net.widths["conv3"][SHARED])
    assert found(images(2))["a"].shape == (2, 3)


def test_a_network_alone_and_a_trunk() -> None:
    model = small(3, 5)
    net = single("a", model, SIZE).eval()
    torch.testing.assert_close(net(images())["a"], model.module(images()))
    torch.manual_seed(0)
    whole = trunk(model, {"a": 5, "b": 2, "c": 7}, SIZE)
    assert {layer: units for layer, units in whole.widths.items() if layer != "head"} == {
        "conv1": {"shared": 4}, "conv2": {"shared": 6}, "conv3": {"shared": 5},
    }  # fmt: skip
    assert [logits.shape[1] for logits in whole(images(2)).values()] == [5, 2, 7]


def test_the_same_state_makes_the_same_network() -> None:
    net = merge(two(), mixed(two()), SIZE).eval()
    again = MergedNet(chain_of(two()["a"], SIZE), net.classes, {k: v for k, v in net.widths.items() if k != "head"})
    again.load_state_dict(net.state_dict())
    assert torch.equal(again.eval()(images())["b"], net(images())["b"])


def test_what_cannot_be_merged_is_said() -> None:
    with pytest.raises(InputError, match=r"pointwise|depthwise|groups|chain"):
        chain_of(TracedModel(Residual()), 16)
    models = {"a": small(1, 3), "b": ModelSpec(lambda _: nn.Sequential(
        nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )).traced(Options(3, SIZE))}  # fmt: skip
    with pytest.raises(InputError, match=r"network of task 'b'.*differs from that of 'a'"):
        merge(models, {}, SIZE)
    swapped = {layer: LayerPartition((0,), {"b": (), "a": ()}) for layer in apart(two())}
    with pytest.raises(InputError, match="partition: conv1: is a partition for b, a, not for a, b"):
        merge(two(), swapped, SIZE)
    with pytest.raises(InputError, match="task: 'shared'"):
        merge({"shared": small(1, 3)}, {}, SIZE)


def test_three_tasks_share_one_group() -> None:
    models = {"a": small(1, 3), "b": small(2, 4), "c": small(3, 2)}
    net = merge(models, all_shared(models, SIZE), SIZE).eval()
    assert net.widths["conv2"] == {"shared": 18}
    partition = {
        "conv1": LayerPartition((0, 4, 8), {"a": (1,), "b": (), "c": (9, 5)}),
        "conv2": LayerPartition((0, 6, 12), {"a": (1,), "b": (7,), "c": (13,)}),
        "conv3": LayerPartition((0, 5, 10), {"a": (), "b": (6,), "c": (11,)}),
    }
    net = merge(models, partition, SIZE).eval()
    whole = net(images())
    assert net.network("three").node("conv2.b").inputs == ("pool1.shared",)
    for tasks in chain.from_iterable(combinations("abc", count) for count in (1, 2)):
        for task, logits in net(images(), tasks).items():
            torch.testing.assert_close(logits, whole[task])
