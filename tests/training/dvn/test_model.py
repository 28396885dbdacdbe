"""Virtual networks in PyTorch against plain networks and their graph."""

from __future__ import annotations

import copy
from math import prod

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mimesim.errors import InputError
from mimesim.training.dvn.backbone import Backbone
from mimesim.training.dvn.blocks import Budget
from mimesim.training.dvn.graph import head_name, network_of, node_name, units_of, virtual_network
from mimesim.training.dvn.model import VirtualNetworks
from mimesim.training.dvn.units import Assignment

TASKS = ("a", "b", "c")
#: Units of unequal sizes.
BACKBONE = Backbone((7, "M", 10, 11, "M"), 8, Assignment.by_rule(TASKS, 3), {"a": 4, "b": 3, "c": 5})
VIRTUAL = BACKBONE.assignment.virtual


@pytest.fixture
def model() -> VirtualNetworks:
    torch.manual_seed(0)
    made = VirtualNetworks(BACKBONE)
    for name, buffer in made.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.3)
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
    return made.eval()


@pytest.fixture
def images() -> Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def scrambled(model: VirtualNetworks, task: str, level: int) -> VirtualNetworks:
    """A copy in which everything that the virtual network does not use is no number at all."""
    other = copy.deepcopy(model)
    active = {unit - 1 for unit in BACKBONE.assignment.active(task, level)}
    with torch.no_grad():
        for number, (weight, step) in enumerate(zip(other.weights, BACKBONE.convolutions, strict=True)):
            for target, outputs in enumerate(step.writes):
                for source, inputs in enumerate(step.reads):
                    if target not in active or (number and source not in active):
                        weight[outputs.start : outputs.stop, inputs.start : inputs.stop] = float("nan")
        for name, tensor in other.state_dict().items():
            if not name.startswith(("weights.", f"norms.{task}-{level}.", f"heads.{task}-{level}.")):
                tensor.fill_(float("nan") if tensor.is_floating_point() else -1)
    return other


@pytest.mark.parametrize(("task", "level"), VIRTUAL)
def test_inactive_units_change_nothing(model: VirtualNetworks, images: Tensor, task: str, level: int) -> None:
    """To the bit, in inference, in training and in the gradients, whatever all other weights, norms and heads are."""
    other = scrambled(model, task, level)
    broken = sum(int(weight.isnan().sum()) for weight in other.weights)
    assert broken == sum(weight.numel() for weight in model.weights) - Budget(BACKBONE).words(task, level).blocks
    expected = model(images, task, level)
    assert torch.isfinite(expected).all()
    assert torch.equal(other(images, task, level), expected)
    for one in (model, other):
        one.train()(images, task, level).square().sum().backward()
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        assert (mine.grad is None) == (theirs.grad is None)
        assert mine.grad is None or torch.equal(mine.grad, theirs.grad)
    for weight, weight_of_other in zip(model.weights, other.weights, strict=True):
        assert (weight.grad[weight_of_other.isnan()] == 0).all()


@pytest.mark.parametrize(("task", "level"), VIRTUAL)
def test_a_virtual_network_is_a_plain_one_of_its_blocks(
    model: VirtualNetworks, images: Tensor, task: str, level: int
) -> None:
    """Built by hand from the big tensors, with every channel picked by itself."""
    units = sorted(BACKBONE.assignment.active(task, level))
    values, before = images, [0, 1, 2]
    norms = iter(model.norms[f"{task}-{level}"])
    weights = iter(model.weights)
    for step in BACKBONE.steps:
        if step.kind == "pool":
            values = functional.max_pool2d(values, 2)
            continue
        rows = [channel for unit in units for channel in step.writes[unit - 1]]
        weight = next(weights).detach()[rows][:, before]
        values = next(norms)(functional.conv2d(values, weight, padding=1)).clamp(min=0)
        before = rows
    expected = model.heads[f"{task}-{level}"](values.flatten(1))
    assert torch.equal(model(images, task, level), expected)


def test_words_of_the_graph_are_the_sizes_of_the_tensors(model: VirtualNetworks) -> None:
    graph = network_of(BACKBONE, "dvn")
    total = 0
    for step in BACKBONE.convolutions:
        for unit in (1, 2, 3):
            weight = model.node_weight(step.name, unit)
            name = node_name(step.name, unit)
            assert graph.weight_shape(name) == tuple(weight.shape)
            total += graph.weight_words(name)
    assert total == sum(weight.numel() for weight in model.weights)
    for task, level in VIRTUAL:
        head = model.head_weight(task, level)
        assert (
            graph.weight_words(head_name(task, level)) == head.numel() == model.heads[f"{task}-{level}"].weight.numel()
        )
        words = Budget(BACKBONE).words(task, level)
        parameters = [*model.norms[f"{task}-{level}"].parameters(), *model.heads[f"{task}-{level}"].parameters()]
        assert words.norm + words.head == sum(one.numel() for one in parameters)
        alone = virtual_network(BACKBONE, task, level)
        assert words.blocks == sum(alone.weight_words(node) for node in alone.nodes if node.kind == "conv")
    assert Budget(BACKBONE).stored() == sum(one.numel() for one in model.parameters())


def test_the_graph_computes_what_the_module_does(model: VirtualNetworks, images: Tensor) -> None:
    """Node by node with the nodes' own weights; tensors of units that do not run are absent."""
    graph = network_of(BACKBONE, "dvn")
    for task, level in VIRTUAL:
        used = set(units_of(BACKBONE, task, level))
        outputs = model.outputs(images, task, level)
        ran = [node for node in graph.nodes if node.unit in used]
        assert [node.name for node in ran] == [node.name for node in ran if node.name in outputs]
        assert set(outputs) == {node.name for node in ran}
        for node in ran:
            assert prod(outputs[node.name].shape[1:]) == prod(node.shape)
        for node in ran:
            if node.name.startswith("conv3"):
                _check_conv(model, graph.node(node.name).inputs, node.name, outputs)
        head = graph.node(head_name(task, level))
        values = torch.cat([outputs[source] for source in head.inputs], 1).flatten(1)
        bias = model.heads[f"{task}-{level}"].bias
        expected = functional.linear(values, model.head_weight(task, level), bias)
        assert torch.allclose(outputs[head.name], expected, atol=1e-5)
        assert torch.equal(outputs[head.name], model(images, task, level))


def _check_conv(model: VirtualNetworks, inputs: tuple[str, ...], name: str, outputs: dict[str, Tensor]) -> None:
    """The sums of one node, from the inputs that are there, go to the same zeros as those recorded."""
    step, unit = name.split(".u")
    number = [one.name for one in BACKBONE.convolutions].index(step)
    weight = model.node_weight(step, int(unit))
    position, sums = 0, None
    reads = BACKBONE.convolutions[number].reads
    for source in inputs:
        width = len(reads[int(source.rpartition("u")[2]) - 1])
        part = weight[:, position : position + width]
        position += width
        if source in outputs:
            found = functional.conv2d(outputs[source], part, padding=1)
            sums = found if sums is None else sums + found
    assert sums is not None
    task_level = next(key for key in outputs if key.startswith("head.")).removeprefix("head.")
    norm = model.norms[task_level.replace(".", "-")][number]
    assert isinstance(norm, nn.BatchNorm2d)
    active = sorted(int(one.rpartition("u")[2]) for one in outputs if one.startswith(f"{step}.u"))
    first = sum(len(BACKBONE.convolutions[number].writes[one - 1]) for one in active if one < int(unit))
    own = slice(first, first + weight.shape[0])
    scale = norm.weight[own] / (norm.running_var[own] + norm.eps).sqrt()
    shift = norm.bias[own] - norm.running_mean[own] * scale
    expected = (sums * scale[:, None, None] + shift[:, None, None]).clamp(min=0)
    assert torch.allclose(outputs[name], expected, atol=1e-4)


def test_features_that_do_not_fit_are_refused() -> None:
    for features, message in (((8, "M", "M", "M", "M"), "too often"), (("M", 8), "begin with a convolution")):
        with pytest.raises(InputError, match=message):
            Backbone(features, 8, Assignment.by_rule(TASKS, 1), {}).steps  # noqa: B018 - computed on first use
