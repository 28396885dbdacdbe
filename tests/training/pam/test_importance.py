"""Taylor importance against what silencing does, and the network without the least important neurons."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mimesim.training.data import normalise
from mimesim.training.pam.finetune import joint_loss
from mimesim.training.pam.importance import importance, least, prunable, without
from mimesim.training.pam.merge import merge
from mimesim.training.pam.partition import SHARED
from tests.training.pam.networks import SIZE, mixed, pictures, two

CPU = torch.device("cpu")


class Dimmer(nn.Module):
    """A gate behind the neurons of a part, open by one factor each."""

    def __init__(self, factors: torch.Tensor) -> None:
        super().__init__()
        self.factors = factors

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value * self.factors.view(1, -1, *[1] * (value.ndim - 2))


@pytest.mark.parametrize("batch", [24, 10])
def test_importance_is_the_squared_slope_of_the_loss_by_a_gate(batch: int) -> None:
    net = merge(two(), mixed(two()), SIZE)
    data = pictures(24)
    found = importance(net, data, CPU, batch=batch)
    net.double()
    parts = torch.split(torch.arange(24), batch)
    for layer, unit in (("conv1", SHARED), ("conv2", "a"), ("conv3", "b")):
        width = net.widths[layer][unit]
        expected = torch.zeros(width, dtype=torch.float64)
        for rows in parts:
            inputs = normalise(data.images.images[rows]).double()
            labels = {task: data.labels[task][rows] for task in net.tasks}
            for neuron in range(width):
                losses = []
                for step in (1e-5, -1e-5):
                    factors = torch.ones(width, dtype=torch.float64)
                    factors[neuron] += step
                    net.part(layer, unit).gate = Dimmer(factors)
                    logits = net(inputs)
                    losses.append(
                        sum(nn.functional.cross_entropy(logits[task], labels[task]).item() for task in labels)
                    )
                expected[neuron] += ((losses[0] - losses[1]) / 2e-5) ** 2 / len(parts)
            net.part(layer, unit).gate = nn.Identity()
        torch.testing.assert_close(found[layer, unit], expected, rtol=1e-3, atol=1e-8)
    assert set(found) == set(prunable(net, whole=True))


def test_the_least_go_but_never_the_last_of_a_unit() -> None:
    scores = {
        ("one", SHARED): torch.tensor([5.0, 1.0, 3.0]).double(),
        ("two", SHARED): torch.tensor([0.0]).double(),
        ("two", "a"): torch.tensor([2.0, 2.0, 9.0, 1.0]).double(),
    }
    assert least(scores, 0.5) == {("one", SHARED): [1], ("two", "a"): [3, 0, 1]}
    assert least(scores, 0.01) == {("one", SHARED): [1]}
    assert least(scores, 0.99) == {("one", SHARED): [1, 2], ("two", "a"): [3, 0, 1]}


def test_only_shared_neurons_unless_all() -> None:
    net = merge(two(), mixed(two()), SIZE)
    assert prunable(net, whole=False) == [("conv1", SHARED), ("conv2", SHARED), ("conv3", SHARED)]
    assert {unit for _, unit in prunable(net, whole=True)} == {SHARED, "a", "b"}
    assert all(layer != "head" for layer, _ in prunable(net, whole=True))


def test_without_some_neurons() -> None:
    net = merge(two(), mixed(two()), SIZE).eval()
    smaller = without(net, {("conv2", SHARED): [2, 0]})
    assert smaller.widths["conv2"][SHARED] == net.widths["conv2"][SHARED] - 2
    kept = [n for n in range(net.widths["conv2"][SHARED]) if n not in (0, 2)]
    images = normalise(pictures(4).images.images)
    torch.testing.assert_close(smaller.outputs(images)["conv2.shared"], net.outputs(images)["conv2.shared"][:, kept])


def test_the_loss_is_the_sum_over_tasks() -> None:
    logits = {"a": torch.tensor([[0.0, 0.0]]), "b": torch.tensor([[1.0, 1.0, 1.0]])}
    found = joint_loss(logits, {"a": torch.tensor([1]), "b": torch.tensor([0])})
    assert found.item() == pytest.approx(torch.tensor(6.0).log().item())
