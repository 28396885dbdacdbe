"""MIME's threshold layer against equations 1 to 4 and the piece-wise linear estimator."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mimesim.training.config import MimeMethod
from mimesim.training.methods import Mime
from mimesim.training.threshold import ThresholdLayer, step_estimate, threshold, threshold_layers, threshold_penalty
from mimesim.training.tracing.model import TracedModel


def surrogate(x: float) -> float:
    """The smooth step whose slope the estimator is: its integral, 1/2 at 0."""
    near, far = min(abs(x), 0.4), min(max(abs(x) - 0.4, 0.0), 0.6)
    return 0.5 + math.copysign(2 * near - 2 * near**2 + 0.4 * far, x)


@pytest.mark.parametrize(("distance", "slope"), [(0.2, 1.2), (0.7, 0.4), (1.5, 0.0)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_gradients_are_the_papers(distance: float, slope: float, sign: int) -> None:
    value, level = 2.0 + sign * distance, 2.0
    y = torch.tensor([[value]], dtype=torch.float64, requires_grad=True)
    t = torch.tensor([level], dtype=torch.float64, requires_grad=True)
    (3.0 * threshold(y, t)).sum().backward()
    mask = 1.0 if sign > 0 else 0.0
    assert t.grad is not None
    assert y.grad is not None
    assert t.grad.item() == pytest.approx(-3.0 * value * slope)
    assert y.grad.item() == pytest.approx(3.0 * (mask + value * slope))
    # and the finite difference of the surrogate says the same
    h = 1e-6
    numeric = (surrogate(value - level + h) - surrogate(value - level - h)) / (2 * h)
    assert t.grad.item() == pytest.approx(-3.0 * value * numeric, abs=1e-6)
    assert y.grad.item() == pytest.approx(3.0 * (mask + value * numeric), abs=1e-6)


@given(st.floats(-3, 3))
def test_estimate_is_the_slope_of_the_surrogate(x: float) -> None:
    kinks = (0.0, 0.4, 1.0)
    if min(abs(abs(x) - kink) for kink in kinks) < 1e-4:
        return
    numeric = (surrogate(x + 1e-6) - surrogate(x - 1e-6)) / 2e-6
    assert step_estimate(torch.tensor(x, dtype=torch.float64)).item() == pytest.approx(numeric, abs=1e-5)


def test_forward_keeps_what_reaches_the_threshold() -> None:
    y = torch.tensor([[0.5, 0.49, -1.0, 0.0, 2.0]])
    t = torch.tensor([0.5, 0.5, 0.0, 0.0, 3.0])
    assert threshold(y, t).tolist() == [[0.5, 0.0, 0.0, 0.0, 0.0]]


def test_gradient_of_thresholds_sums_over_images_and_shared_axes() -> None:
    torch.manual_seed(1)
    y = torch.randn(5, 3, 4, 4)
    neuron, channel = ThresholdLayer((3, 4, 4), start=0.1), ThresholdLayer((3, 4, 4), "channel", start=0.1)
    for layer in (neuron, channel):
        (layer(y) ** 2).sum().backward()
    assert neuron.t.grad is not None
    assert channel.t.grad is not None
    assert neuron.t.grad.shape == (3, 4, 4)
    assert channel.t.grad.shape == (3, 1, 1)
    torch.testing.assert_close(neuron.t.grad.sum(dim=(1, 2), keepdim=True), channel.t.grad)


def test_at_zero_the_network_is_the_relu_network(model: TracedModel) -> None:
    images = torch.randn(7, 3, 8, 8)
    before = model.module(images)
    Mime(MimeMethod(threshold_start=0.0), rate=0.1).prepare(model, 8)
    assert len(list(threshold_layers(model.module))) == 3
    assert torch.equal(model.module(images), before)


def test_a_ceiling_is_that_of_relu6() -> None:
    y = torch.tensor([[-1.0, 3.0, 9.0]], requires_grad=True)
    layer = ThresholdLayer((3,), start=0.0, ceiling=6.0)
    out = layer(y)
    assert torch.equal(out, nn.functional.relu6(y))
    out.sum().backward()
    assert y.grad is not None
    assert y.grad[0, 2] == 0.0


def test_clamp_keeps_thresholds_at_or_above_zero() -> None:
    layer = ThresholdLayer((2,))
    with torch.no_grad():
        layer.t.copy_(torch.tensor([-0.3, 0.4]))
    layer.clamp()
    assert layer.t.tolist() == [0.0, pytest.approx(0.4)]


def test_penalty_is_the_sum_of_exponentials_and_stays_finite(model: TracedModel) -> None:
    Mime(MimeMethod(), rate=0.1).prepare(model, 8)
    layers = list(threshold_layers(model.module))
    with torch.no_grad():
        for value, layer in zip((0.0, 0.5, 1.0), layers, strict=True):
            layer.t.fill_(value)
    wanted = sum(layer.t.numel() * math.exp(value) for value, layer in zip((0.0, 0.5, 1.0), layers, strict=True))
    assert threshold_penalty(model.module).item() == pytest.approx(wanted, rel=1e-5)
    with torch.no_grad():
        layers[0].t.fill_(1000.0)
    penalty = threshold_penalty(model.module)
    penalty.backward()
    assert math.isfinite(penalty.item())
    assert layers[0].t.grad is not None
    assert torch.isfinite(layers[0].t.grad).all()


def test_resize_interpolates_maps_and_leaves_vectors() -> None:
    layer = ThresholdLayer((2, 4, 4), start=0.3)
    layer.resize((2, 8, 8))
    assert layer.t.shape == (2, 8, 8)
    torch.testing.assert_close(layer.t.detach(), torch.full((2, 8, 8), 0.3))
    vector = ThresholdLayer((5,), start=0.3)
    vector.resize((5,))
    assert vector.t.shape == (5,)
    channel = ThresholdLayer((2, 4, 4), "channel")
    channel.resize((2, 8, 8))
    assert channel.t.shape == (2, 1, 1)
