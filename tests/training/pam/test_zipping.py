"""Zipping: the difference of neurons, the pairs, the weights that they share, and networks that were the same."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from mimesim.training.data import normalise
from mimesim.training.pam.finetune import joint_loss
from mimesim.training.pam.merge import all_apart, merge
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.partition import SHARED
from mimesim.training.pam.zipping import (
    closest_pairs,
    functional_difference,
    hessian,
    shared_weights,
    zip_layer,
    zip_networks,
)
from mimesim.training.tracing.model import TracedModel
from tests.training.pam.networks import SIZE, pictures, small, two


def matrix(*rows: list[float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_a_hessian_by_hand() -> None:
    # the mean of (1, 2, 1) and (3, 0, 1) times themselves
    wanted = matrix([5, 1, 2], [1, 2, 1], [2, 1, 1])
    torch.testing.assert_close(hessian(torch.tensor([[1.0, 2.0], [3.0, 0.0]])), wanted)


def test_one_weight_by_hand() -> None:
    a, b, of_a, of_b = matrix([1]), matrix([4]), matrix([2]), matrix([1])
    # 1 / (1/2 + 1) = 2/3, times 3 squared, halved; the weights' mean, by their Hessians
    assert functional_difference(a, b, of_a, of_b).item() == pytest.approx(3)
    assert shared_weights(a, b, of_a, of_b).item() == pytest.approx(2)


def test_the_difference_is_the_least_error_of_both_layers() -> None:
    generator = torch.Generator().manual_seed(2)
    inputs = [torch.randn(50, 3, generator=generator, dtype=torch.float64) for _ in range(2)]
    of_a, of_b = map(hessian, inputs)
    a, b = (torch.randn(2, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    found = functional_difference(a, b, of_a, of_b)
    inverse = torch.linalg.inv(torch.linalg.inv(of_a) + torch.linalg.inv(of_b))
    shared = shared_weights(a, b, of_a, of_b).requires_grad_()
    rows = [torch.cat([one, torch.ones(50, 1, dtype=torch.float64)], 1) for one in inputs]
    errors = ((shared - a) @ rows[0].T).square().mean(1) / 2 + ((shared - b) @ rows[1].T).square().mean(1) / 2
    (slope,) = torch.autograd.grad(errors.sum(), shared)
    assert slope.abs().max() < 1e-9
    for one in range(2):
        assert errors[one].item() == pytest.approx(found[one, one].item())
        for other in range(2):
            step = a[one] - b[other]
            assert found[one, other].item() == pytest.approx((step @ inverse @ step / 2).item())


def test_inputs_that_are_always_0_cost_nothing() -> None:
    silent = hessian(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    found = functional_difference(matrix([1, 5, 0]), matrix([1, -7, 0], [2, 5, 0]), silent, silent)
    assert found.flatten().tolist() == pytest.approx([0, 0.25], abs=1e-12)


def test_pairs_are_taken_greedily() -> None:
    differences = matrix([3, 1, 9], [2, 1.5, 9])
    assert closest_pairs(differences, 2) == [(0, 1), (1, 0)]
    assert closest_pairs(differences, 1) == [(0, 1)]
    assert closest_pairs(differences, 5) == [(0, 1), (1, 0)]


def _permuted(model: TracedModel) -> TracedModel:
    """The same function with the channels of its first convolution and its hidden features in another order."""
    made = copy.deepcopy(model)
    orders = {"conv1": [2, 0, 3, 1], "conv3": [4, 2, 0, 1, 3]}
    with torch.no_grad():
        for name, reader in (("conv1", "conv2"), ("conv3", made.head_site.name)):
            order = torch.tensor(orders[name])
            for module in (made.layers[name], made.norms[name]):
                for tensor in module.state_dict().values():
                    if tensor.ndim:
                        tensor.copy_(tensor[order].clone())
            weight = made.layers[reader].weight
            weight.copy_(weight[:, order].clone())
    return made


def _untrained(_net: MergedNet, _number: int) -> None:
    """No training between layers."""


def test_networks_that_are_the_same_are_shared_whole_and_compute_what_they_did() -> None:
    model, data = small(1, 3), pictures(12)
    models = {"a": model, "b": _permuted(model)}
    net = zip_networks(models, data, 1.0, SIZE, _untrained)
    assert net.widths == {"conv1": {SHARED: 4}, "conv2": {SHARED: 6}, "conv3": {SHARED: 5}, "head": {"a": 3, "b": 3}}
    images = normalise(data.images.images)
    with torch.no_grad():
        found = net.eval()(images)
        for task in models:
            torch.testing.assert_close(found[task], model.module(images), rtol=1e-3, atol=1e-3)


def test_a_first_layer_that_is_the_same_changes_nothing_however_much_is_shared() -> None:
    model, data = small(1, 3), pictures(12)
    models = {"a": model, "b": _permuted(model)}
    before = merge(models, all_apart(models, SIZE), SIZE).eval()
    net = zip_layer(before, "conv1", data, 0.5)
    assert net.widths["conv1"] == {SHARED: 2, "a": 2, "b": 2}
    images = normalise(data.images.images)
    with torch.no_grad():
        for task, logits in net(images).items():
            torch.testing.assert_close(logits, before(images)[task], rtol=1e-3, atol=1e-3)


def test_statistics_of_what_is_shared_are_those_of_the_images() -> None:
    data = pictures(12)
    net = zip_layer(merge(two(), all_apart(two(), SIZE), SIZE), "conv1", data, 0.75)
    part = net.part("conv1", SHARED)
    norm = part.norm
    assert isinstance(norm, nn.BatchNorm2d)
    with torch.no_grad():
        outputs = part.layer(normalise(data.images.images))
    torch.testing.assert_close(norm.running_mean, outputs.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(norm.running_var, outputs.var((0, 2, 3), unbiased=False), rtol=1e-3, atol=1e-4)


def test_networks_of_other_widths_are_zipped_and_can_be_trained() -> None:
    trained: list[int] = []
    net = zip_networks(two(), pictures(8), 0.9, SIZE, lambda _net, number: trained.append(number))
    assert trained == [0, 1, 2]
    assert net.widths["conv1"] == {SHARED: 3, "a": 1, "b": 2}
    assert net.widths["conv3"] == {SHARED: 4, "a": 1, "b": 2}
    data = pictures(6)
    logits = net(normalise(data.images.images))
    joint_loss(logits, dict(data.labels)).backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in net.parameters())
