"""What combinations of tasks cost, counted by hand."""

from __future__ import annotations

import pytest
import torch

from mimesim.training.pam.count import Cost, combinations_of, cost
from mimesim.training.pam.merge import merge, side_by_side, single, trunk
from mimesim.training.pam.partition import LayerPartition
from tests.training.pam.networks import SIZE, images, mixed, small, two


def test_every_set_of_tasks_but_none() -> None:
    assert combinations_of("abc") == [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c"), ("a", "b", "c")]


def test_costs_by_hand() -> None:
    models = {"a": small(1, 3), "b": small(2, 5)}
    partition = {
        "conv1": LayerPartition((0, 1), {"a": (2,), "b": (4, 5)}),
        "conv2": LayerPartition((0,), {"a": (1, 2), "b": ()}),
        "conv3": LayerPartition((), {"a": (0,), "b": (6, 7)}),
    }
    net = merge(models, partition, SIZE)
    # taps of a 3 x 3 window inside 8 x 8 pixels: (3 * 8 - 2)^2; inside 4 x 4: (3 * 4 - 2)^2
    first, second = 22**2, 10**2
    shared = Cost(2 * 27 + 2 + 1 * 2 * 9 + 1, 2 * 3 * first + 1 * 2 * second, 3)
    own_a = Cost(
        27 + 1 + 2 * 3 * 9 + 2 + 1 * 3 * 4 + 1 + 3 * 1 + 3, 1 * 3 * first + 2 * 3 * second + 12 + 3, 1 + 2 + 1 + 3
    )
    own_b = Cost(2 * 27 + 2 + 2 * 1 * 4 + 2 + 5 * 2 + 5, 2 * 3 * first + 8 + 10, 2 + 2 + 5)

    def total(*costs: Cost) -> Cost:
        return Cost(*(sum(column) for column in zip(*((c.parameters, c.macs, c.neurons) for c in costs), strict=True)))

    assert cost(net, ["a"]) == total(shared, own_a)
    assert cost(net, ["b"]) == total(shared, own_b)
    assert cost(net, ["a", "b"]) == total(shared, own_a, own_b)


@pytest.mark.parametrize("seed", range(3))
def test_parameters_are_the_modules(seed: int) -> None:
    net = merge(two(), mixed(two(), seed), SIZE)
    weights = sum(parameter.numel() for parameter in net.parameters() if parameter.ndim > 1)
    outputs = sum(n for units in net.widths.values() for n in units.values())
    assert cost(net, net.tasks).parameters == weights + outputs
    assert cost(net, net.tasks).neurons == outputs


def test_networks_side_by_side_cost_and_compute_what_they_do_apart() -> None:
    nets = [single(task, model, SIZE).eval() for task, model in two().items()]
    both = side_by_side(nets)
    for net in nets:
        (task,) = net.tasks
        assert cost(both, [task]) == cost(net, [task])
        torch.testing.assert_close(both(images())[task], net(images())[task])
    found = cost(both, ["a", "b"])
    assert found.macs == sum(cost(net, net.tasks).macs for net in nets)
    assert found.parameters == sum(cost(net, net.tasks).parameters for net in nets)
    assert all(node.unit in ("a", "b") for node in both.network("apart").layers)


def test_a_trunk_costs_a_head_more_for_each_task() -> None:
    net = trunk(small(1, 3), {"a": 3, "b": 4, "c": 2}, SIZE)
    found = {tasks: cost(net, tasks) for tasks in combinations_of("abc")}
    head = 5 * 4 + 4
    assert found["a", "b"].parameters - found["a",].parameters == head
    assert found["a", "b", "c"].macs - found["a", "c"].macs == 5 * 4
