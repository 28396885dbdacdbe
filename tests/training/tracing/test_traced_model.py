"""torch.fx's view of a model: it computes the same, and what cannot be simulated is refused by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.training.threshold import ThresholdLayer
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.model import TracedModel
from tests.training.tracing.own_models import ZOO, Functional, Residual, randomised, zoo_model


@pytest.mark.parametrize("name", ZOO)
@torch.inference_mode()
def test_a_traced_model_computes_the_same_bits(name: str) -> None:
    model = randomised(zoo_model(name))
    traced = TracedModel(model)
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(traced.module(images), model(images))


@pytest.mark.parametrize("build", [Residual, Functional])
def test_own_models_compute_the_same_bits(build: Callable[[], nn.Module]) -> None:
    torch.manual_seed(2)
    model = build()
    traced = TracedModel(model)  # in training mode, as a builder returns it
    randomised(model)
    traced.module.eval()
    images = torch.randn(3, 3, 16, 16)
    with torch.inference_mode():
        assert torch.equal(traced.module(images), model(images))
        assert torch.equal(traced.outputs(images)[traced.head_site.name], model(images))


def test_every_form_of_a_call_is_read() -> None:
    traced = TracedModel(Functional())
    assert [(site.name, site.kind, site.inputs, bool(site.activation)) for site in traced.sites] == [
        ("a", "conv", ("image",), True),
        ("b", "conv", ("a",), False),
        ("add", "add", ("b", "a"), True),
        ("max_pool2d", "max_pool", ("add",), False),
        ("c", "conv", ("max_pool2d",), True),
        ("max_pool2d_1", "max_pool", ("c",), False),
        ("avg_pool2d", "avg_pool", ("max_pool2d_1",), False),
        ("adaptive_avg_pool2d", "avg_pool", ("avg_pool2d",), False),
        ("d", "linear", ("adaptive_avg_pool2d",), True),
        ("head", "linear", ("d",), False),
    ]
    assert isinstance(traced.activations["c"], nn.ReLU6)
    # what pools nothing is no node; the shape before the linear layer is not flat
    network = network_of(traced, "functional", 8)
    assert [node.name for node in network.nodes if node.is_pool] == ["max_pool2d", "max_pool2d_1"]
    assert network.input_shape("d") == (8, 2, 2)


def test_functional_dropout_follows_the_mode() -> None:
    traced = TracedModel(Functional().eval())
    dropout = next(module for module in traced.module.modules() if isinstance(module, nn.Dropout))
    assert dropout.p == 0.3
    images = torch.randn(2, 3, 8, 8)
    traced.module.eval()
    assert torch.equal(traced.module(images), traced.module(images))
    traced.module.train()
    assert not torch.equal(traced.module(images), traced.module(images))


def test_an_addition_in_place_leaves_what_it_added_to() -> None:
    torch.manual_seed(0)
    traced = TracedModel(randomised(Residual()))
    with torch.inference_mode():
        outputs = traced.outputs(torch.randn(1, 3, 16, 16))
        alone = traced.layers["pointwise"](outputs["depthwise"])
    assert torch.equal(outputs["pointwise"], alone)
    assert torch.equal(outputs["add"], torch.relu(alone + outputs["stem"]))


def test_modules_are_shared_with_the_model_and_keep_their_names() -> None:
    model = Residual()
    traced = TracedModel(model)
    assert traced.module.state_dict().keys() == model.state_dict().keys()
    assert traced.layers["stem"] is model.stem
    assert list(traced.norms) == ["stem"]
    assert traced.head is model.head
    assert traced.channels == 3
    assert TracedModel(Residual(channels=1)).channels == 1


def test_a_new_head_has_a_bias_where_the_old_one_had() -> None:
    model = Residual()
    model.head = nn.Linear(12, 4, bias=False)
    traced = TracedModel(model)
    traced.set_head(7, torch.Generator().manual_seed(0))
    assert (traced.head.weight.shape, traced.head.bias) == ((7, 12), None)


def test_a_users_own_module_called_activations_keeps_its_place() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.activations = nn.ModuleList([nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 2)])

        def forward(self, x: Tensor) -> Tensor:
            conv, relu, head = self.activations
            return head(relu(conv(x)).mean((2, 3)))

    model = Named().eval()
    traced = TracedModel(model)
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(traced.module(images), model(images))
    assert list(traced.activations) == [traced.sites[0].name]


def test_threshold_layers_of_a_users_own_model_are_its_activations() -> None:
    class Thresholds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
            self.threshold = ThresholdLayer((4, 6, 6), start=0.4)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.threshold(self.conv(x)).mean((2, 3)))

    model = Thresholds().eval()
    traced = TracedModel(model)
    assert traced.activations == {"conv": model.threshold}
    images = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        values = traced.outputs(images)["conv"]
        assert torch.equal(traced.module(images), model(images))
    assert values[values != 0].min() >= 0.4


class Body(nn.Module):
    """A network whose forward is given, on two convolutions that keep the shape, a batch norm and a head."""

    def __init__(self, forward: Callable[[Body, Tensor], object]) -> None:
        super().__init__()
        self.a, self.b, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.relu, self.sigmoid, self.head = nn.ReLU(), nn.Sigmoid(), nn.Linear(3, 2)
        self.bias = nn.Parameter(torch.zeros(1))
        self._forward = forward

    def end(self, x: Tensor) -> Tensor:
        return self.head(x.mean((2, 3)))

    def forward(self, x: Tensor) -> object:
        return self._forward(self, x)


def squeezed(m: Body, x: Tensor) -> Tensor:
    y = m.relu(m.a(x))
    return m.end(y * m.sigmoid(m.b(y)))


def branching(m: Body, x: Tensor) -> Tensor:
    y = m.a(x)
    return m.end(y if y.sum() > 0 else m.b(y))


def in_place(m: Body, x: Tensor) -> Tensor:
    y = m.a(x)
    z = y.add_(m.b(x))
    return m.end(z + y)


REFUSED: list[tuple[str, Callable[[Body, Tensor], object], str]] = [
    ("concatenation", lambda m, x: m.end(torch.cat([m.a(x), m.b(x)], 1)), "'cat': has a concatenation"),
    ("multiplication", squeezed, "'mul': has a multiplication"),
    ("control flow", branching, "torch.fx cannot trace its forward (symbolically traced variables cannot be used"),
    ("no head", lambda m, x: m.a(x), "must end in a linear layer, its head"),
    ("rectified head", lambda m, x: m.relu(m.end(x)), "must end in a linear layer, its head"),
    ("used twice", lambda m, x: m.end(m.a(m.a(x))), "'a': has a layer that is used twice"),
    ("norm used twice", lambda m, x: m.end(m.norm(m.b(m.norm(m.a(x))))), "'norm': has a layer that is used twice"),
    ("norm first", lambda m, x: m.end(m.a(m.norm(x))), "'norm': has a batch norm or activation that does not directly"),
    ("norm behind ReLU", lambda m, x: m.end(m.norm(m.relu(m.a(x)))), "'norm': has a batch norm or activation that"),
    ("two outputs", lambda m, x: (m.end(m.a(x)), x), "has an output that is not that of its last layer alone"),
    ("bare parameter", lambda m, x: m.end(m.a(x) + m.bias), "'bias': has a bare parameter or buffer"),
    ("constant", lambda m, x: m.end(m.a(x) + 1), "'add': has an addition of something other than two layers' outputs"),
    ("doubled", lambda m, x: m.end(m.relu(m.a(x) + m.a(x))), "'a': has a layer that is used twice"),
    ("itself", lambda m, x: m.end(torch.add(y := m.a(x), y)), "has an addition of "),
    ("slice", lambda m, x: m.end(m.a(x)[:, :3]), "'getitem': has a slice of a tensor"),
    ("transposed", lambda m, x: m.end(m.a(x).permute(0, 1, 3, 2)), "'permute': has a call of permute"),
    ("one axis", lambda m, x: m.head(m.a(x).mean(3).mean(2)), "'mean': has a mean over other axes"),
    ("pool, ReLU", lambda m, x: m.end(m.relu(nn.functional.avg_pool2d(m.a(x), 2))), "has a ReLU that does not direct"),
    ("read again", in_place, "'add_': has an addition in place to a tensor that is read again"),
]


@pytest.mark.parametrize(("forward", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_cannot_be_simulated_is_named(forward: Callable[[Body, Tensor], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        TracedModel(Body(forward))
    assert message in str(caught.value)
    assert str(caught.value).startswith("model: ")
    assert " at 0x" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("densenet121", "has a concatenation"),
        ("squeezenet1_0", "has a concatenation"),
        ("efficientnet_b0", "model: EfficientNet = 'features.1.0.block.1.mul': has a multiplication"),
        ("mobilenet_v3_small", "model: MobileNetV3 = 'features.0.2': has a Hardswish"),
        ("vit_b_16", "model: VisionTransformer"),
    ],
)
def test_unsupported_networks_of_torchvision_are_refused(name: str, message: str) -> None:
    with torch.device("meta"), pytest.raises(InputError) as caught:
        TracedModel(torchvision.models.get_model(name))
    assert message in str(caught.value)


def test_optional_arguments_that_nothing_reads_do_no_harm() -> None:
    class Optional(Residual):
        def forward(self, x: Tensor, verbose: bool = False) -> Tensor:
            return super().forward(x)

    class Second(Residual):
        def forward(self, x: Tensor, other: Tensor) -> Tensor:
            return super().forward(x + other)

    model = Optional().eval()
    traced = TracedModel(model)
    images = torch.randn(1, 3, 16, 16)
    assert torch.equal(traced.outputs(images)["head"], model(images))
    with pytest.raises(InputError, match="has a second input"):
        TracedModel(Second())
