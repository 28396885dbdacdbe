"""Adapters, low-rank updates and masks: what they compute, which parameters they add, how the graph counts them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from mimesim.network import Branch
from mimesim.training.config import LoraMethod, MemtiMethod, PiggybackMethod
from mimesim.training.methods import Lora, Memti, Piggyback
from mimesim.training.models import MODELS, Options
from mimesim.training.recipe import Recipe
from mimesim.training.recording.masks import weight_masks
from mimesim.training.report.words import own_words
from mimesim.training.sharing.adapters import AdaptedConv2d
from mimesim.training.sharing.lora import LowRankConv2d
from mimesim.training.sharing.piggyback import MaskedConv2d, MaskedLinear, binary
from mimesim.training.sharing.surgery import is_added
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.model import TracedModel

RECIPES: list[Recipe] = [
    Memti(MemtiMethod(), 0.01), Lora(LoraMethod(rank=3), 0.01), Piggyback(PiggybackMethod(), 0.01),
]  # fmt: skip


@pytest.fixture
def images() -> Tensor:
    return torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: type(recipe).__name__)
def test_a_method_starts_where_the_parent_is(model: TracedModel, images: Tensor, recipe: Recipe) -> None:
    expected = model.module(images)
    other = copy.deepcopy(model)
    recipe.prepare(other, 8)
    other.module.eval()
    assert torch.equal(other.module(images), expected)
    # the parent's tensors keep their names, what is new is known as such
    state = model.module.state_dict()
    added = {name for name in other.module.state_dict() if name not in state}
    assert added
    assert all(is_added(name) for name in added)
    assert not any(is_added(name) for name in state)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: type(recipe).__name__)
def test_only_what_is_added_batch_norm_and_head_learn(model: TracedModel, images: Tensor, recipe: Recipe) -> None:
    recipe.prepare(model, 8)
    recipe.train_mode(model)
    before = copy.deepcopy(model.module.state_dict())
    groups = recipe.parameter_groups(model)
    listed = [id(parameter) for group in groups for parameter in group["params"]]
    assert len(set(listed)) == len(listed)
    optimiser = torch.optim.Adam(groups)
    for _ in range(2):
        optimiser.zero_grad()
        model.module(images).square().sum().backward()
        optimiser.step()
    norms = [site.norm for site in model.sites if site.norm]
    for name, tensor in model.module.state_dict().items():
        owner = name.rpartition(".")[0]
        learns = is_added(name) or owner == model.head_site.weights or owner in norms
        assert torch.equal(tensor, before[name]) != learns, name


def test_an_adapter_adds_a_window_of_one_position() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 6, 3, stride=2, padding=1)
    adapted = AdaptedConv2d.beside(layer)
    assert adapted is not None
    assert adapted.weight is layer.weight
    nn.init.normal_(adapted.adapter.weight)
    values = torch.randn(2, 4, 9, 9)
    expected = layer(values) + functional.conv2d(values[:, :, ::2, ::2], adapted.adapter.weight)
    assert torch.allclose(adapted(values), expected, atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 5, padding=1),
        nn.Conv2d(4, 4, 3, padding=1, dilation=2), nn.Linear(4, 4),
    ],
)  # fmt: skip
def test_other_layers_have_no_adapter(layer: nn.Module) -> None:
    assert AdaptedConv2d.beside(layer) is None


def test_a_low_rank_update_is_the_product_of_its_factors() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 6, 3, stride=2, padding=1)
    updated = LowRankConv2d.beside(layer, 2)
    assert updated is not None
    nn.init.normal_(updated.up.weight)
    product = (updated.up.weight.flatten(1) @ updated.down.weight.flatten(1)).view_as(layer.weight)
    assert torch.linalg.matrix_rank(product.flatten(1)) == 2
    values = torch.randn(2, 4, 9, 9)
    expected = functional.conv2d(values, layer.weight + product, layer.bias, stride=2, padding=1)
    assert torch.allclose(updated(values), expected, atol=1e-5)
    assert LowRankConv2d.beside(nn.Conv2d(4, 4, 3, groups=4), 2) is None


def test_a_mask_leaves_what_lies_above_the_threshold_and_its_gradient_passes_through() -> None:
    scores = torch.tensor([-1.0, 0.005, 0.0051, 2.0], requires_grad=True)
    mask = binary(scores, 0.005)
    assert mask.tolist() == [0, 0, 1, 1]
    (mask * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert scores.grad is not None
    assert scores.grad.tolist() == [1, 2, 3, 4]
    layer = nn.Linear(2, 2, bias=False)
    masked = MaskedLinear.over(layer, 0.01, 0.005)
    assert masked is not None
    with torch.no_grad():
        masked.scores.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    diagonal = torch.diag(layer.weight.detach().diag())
    assert torch.equal(masked(torch.eye(2)), diagonal)
    assert masked.kept.tolist() == [[True, False], [False, True]]


def test_masks_are_recorded_as_weight_masks(model: TracedModel) -> None:
    RECIPES[2].prepare(model, 8)
    layers = [name for name, layer in model.layers.items() if isinstance(layer, MaskedConv2d | MaskedLinear)]
    assert len(layers) == len(model.layers) - 1
    masked = model.layers[layers[0]]
    with torch.no_grad():
        masked.scores[0] = 0.0
    found = weight_masks(model, layers)
    assert not found[layers[0]][0].any()
    assert found[layers[0]][1:].all()


def test_adapters_of_vgg16_are_a_ninth_of_its_convolutions() -> None:
    model = MODELS["vgg16"].traced(Options(10, 32))
    Memti(MemtiMethod(), 0.01).prepare(model, 32)
    adapters = sum(one.adapter.weight.numel() for one in model.layers.values() if isinstance(one, AdaptedConv2d))
    convolutions = sum(one.weight.numel() for one in model.layers.values() if isinstance(one, nn.Conv2d))
    assert (adapters, convolutions) == (1_634_496, 14_710_464)
    assert round(100 * adapters / convolutions, 1) == 11.1
    network = network_of(model, "vgg16", 32)
    assert sum(network.branch_words(node) for node in network.nodes) == adapters
    plain = network_of(MODELS["vgg16"].traced(Options(10, 32)), "vgg16", 32)
    normed = set(model.norms)
    head = 10 * (4096 + 1)
    assert own_words(plain, MemtiMethod(), 10, normed) == adapters + 2 * 4224 + head


def test_adapters_of_a_residual_network_have_its_strides() -> None:
    """Of ResNet-18 all but the 7 x 7 stem and the 1 x 1 shortcuts."""
    model = MODELS["resnet18"].traced(Options(10, 32))
    Memti(MemtiMethod(), 0.01).prepare(model, 32)
    network = network_of(model, "resnet18", 32)
    nodes = [node for node in network.nodes if node.branches]
    words = 4 * 64**2 + 64 * 128 + 3 * 128**2 + 128 * 256 + 3 * 256**2 + 256 * 512 + 3 * 512**2
    assert (len(nodes), sum(map(network.branch_words, nodes))) == (16, words)
    assert all(node.branches[0].stride == node.stride and node.kernel == (3, 3) for node in nodes)
    assert {node.stride for node in nodes} == {(1, 1), (2, 2)}


def test_the_graph_has_the_branches_and_their_sizes(model: TracedModel) -> None:
    plain = network_of(model, "small", 8)
    for number, (recipe, method) in enumerate(zip(RECIPES, (MemtiMethod(), LoraMethod(rank=3)), strict=False)):
        other = copy.deepcopy(model)
        recipe.prepare(other, 8)
        network = network_of(other, "small", 8)
        own = sum(
            weight.numel() for layer in other.layers.values()
            if isinstance(layer, AdaptedConv2d | LowRankConv2d) for weight in layer.weights()
        )  # fmt: skip
        added = [node for node in network.nodes if node.name.endswith(".down")]
        found = sum(network.branch_words(node) for node in network.nodes) + sum(map(network.weight_words, added))
        assert found == own
        head = other.head.weight.numel() + other.head.bias.numel()
        norms = sum(parameter.numel() for norm in other.norms.values() for parameter in norm.parameters())
        assert own_words(plain, method, 10, set(other.norms)) == own + head + norms
        first = network.node("conv1")
        branch = Branch(name="lora", input="conv1.down") if number else Branch(name="adapter", input="image")
        assert first.branches == (branch,)
        assert network.recorded == plain.recorded
        assert [node.name for node in added] == (["conv1.down", "conv2.down"] if number else [])
