"""Gates of random height: their penalty by hand, and the network that is left when they are closed."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from mimesim.errors import InputError
from mimesim.training.data import normalise
from mimesim.training.models import ModelSpec, Options
from mimesim.training.pam.bottleneck import Bottleneck, Gate
from mimesim.training.pam.config import Fit
from mimesim.training.pam.finetune import finetune
from mimesim.training.pam.importance import prunable
from mimesim.training.pam.merge import merge, single
from mimesim.training.pam.partition import SHARED
from tests.training.pam.networks import SIZE, mixed, pictures, two


def test_the_penalty_by_hand() -> None:
    gate = Gate(3, positions=4)
    with torch.no_grad():
        gate.mu.copy_(torch.tensor([1.0, 2.0, 0.0]))
        gate.log_variance.copy_(torch.tensor([0.0, math.log(4.0), -3.0]))
    assert gate.divergence().item() == pytest.approx(0.5 * 4 * (math.log(2) + math.log(2) + 0))
    # log sigma^2 - log mu^2: 0, 0, infinite; only above 0.01 a neuron goes
    assert gate.kept() == [0, 1]
    with torch.no_grad():
        gate.log_variance[0] += 0.02
    assert gate.kept() == [1]
    with torch.no_grad():
        gate.log_variance.fill_(10)
    assert gate.kept() == [1]  # the widest open is left


def test_gates_are_noise_about_mu_and_only_in_training() -> None:
    torch.manual_seed(0)
    gate = Gate(2, positions=1)
    with torch.no_grad():
        gate.mu.copy_(torch.tensor([0.5, 2.0]))
        gate.log_variance.copy_(torch.tensor([math.log(0.09), math.log(0.25)]))
    value = torch.ones(4000, 2, 3, 3)
    drawn = gate(value)
    assert torch.equal(drawn, drawn[:, :, :1, :1].expand_as(drawn))  # one draw for an image's whole map
    torch.testing.assert_close(drawn[:, :, 0, 0].mean(0), gate.mu.detach(), atol=0.03, rtol=0)
    torch.testing.assert_close(drawn[:, :, 0, 0].std(0), torch.tensor([0.3, 0.5]), atol=0.02, rtol=0)
    gate.eval()
    torch.testing.assert_close(gate(torch.ones(2, 2)), torch.tensor([[0.5, 2.0]] * 2))


def test_closed_gates_leave_the_function_of_the_others() -> None:
    net = merge(two(), mixed(two()), SIZE).eval()
    groups = prunable(net, whole=False)
    gates = Bottleneck(net, groups, 1e-3, 0.1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for gate in gates.gates.values():
            gate.mu.uniform_(0.5, 1.5, generator=generator)
            gate.mu[0] = 0.0
    net.eval()
    images = normalise(pictures(5).images.images)
    before = net(images)
    widths = {group: net.widths[group[0]][group[1]] for group in groups}
    smaller = gates.closed().eval()
    for layer, unit in groups:
        assert smaller.widths[layer][unit] == widths[layer, unit] - 1
    for task, logits in smaller(images).items():
        torch.testing.assert_close(logits, before[task], rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, Gate) for module in smaller.modules())


def test_a_high_price_closes_gates_of_shared_neurons_alone() -> None:
    left = {}
    for beta in (1e-6, 0.05):
        net = merge(two(), mixed(two()), SIZE)
        gates = Bottleneck(net, prunable(net, whole=False), beta, 0.5)
        fit = Fit(epochs=10, batch=20, rate=0.01)
        finetune(net, pictures(60), fit, 1, "gates", torch.device("cpu"), gates)
        assert all((gate.mu >= 0).all() for gate in gates.gates.values())
        smaller = gates.closed()
        left[beta] = sum(units[SHARED] for layer, units in smaller.widths.items() if layer != "head")
        assert smaller.widths["conv2"]["a"] == net.widths["conv2"]["a"]
    assert left[0.05] < left[1e-6]


def test_a_ceiling_cannot_be_gated() -> None:
    model = ModelSpec(lambda _: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.Flatten(), nn.Linear(144, 2))).traced(
        Options(2, SIZE)
    )
    net = single("a", model, SIZE)
    with pytest.raises(InputError, match="bottleneck needs a network with ReLU"):
        Bottleneck(net, prunable(net, whole=True), 1.0, 0.1)
