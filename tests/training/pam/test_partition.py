"""Which neurons serve which tasks: constructed neurons, cases by hand, and laws of every partition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mimesim.errors import InputError
from mimesim.training.pam.information import mutual_information
from mimesim.training.pam.partition import (
    LayerPartition,
    Partition,
    connected,
    irrelevant,
    partition_layer,
    random_like,
)

TASKS = ("a", "b", "c")


def test_constructed_neurons_fall_where_they_belong() -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randint(0, 2, (200,), generator=generator) for _ in range(2))
    nothing = 0.2 * torch.randn(200, generator=generator)
    neurons = torch.stack([3.0 * a, 3.0 * b, 3.0 * a + 6.0 * b, torch.zeros(200), nothing, 3.0 * a], 1)
    sets = {task: irrelevant(neurons, labels, 0.05) for task, labels in (("a", a), ("b", b))}
    found = partition_layer(sets, 6)
    assert found == LayerPartition(shared=(2,), exclusive={"a": (0, 5), "b": (1,)}, dropped=(3, 4))


def test_neurons_that_tell_nothing_alone_are_relevant_where_they_tell_it_together() -> None:
    first, second = torch.tensor([0.0, 0, 1, 1] * 20), torch.tensor([0.0, 1, 0, 1] * 20)
    label = (first != second).long()  # exclusive or
    outputs = 5 * torch.stack([first, second], 1)
    assert mutual_information(outputs[:, :1], label) == pytest.approx(0, abs=1e-6)
    assert irrelevant(outputs, label, 0.1, keep=0) == [0]


def test_the_least_telling_neurons_go_first_and_one_is_left() -> None:
    label = torch.arange(60) % 3
    outputs = torch.stack([4.0 * label, 0.3 * label, torch.zeros(60), 4.0 * (label == 2)], 1)
    assert irrelevant(outputs, label, 0.0) == [2]
    assert irrelevant(outputs, label, 100.0) == [2, 1, 3]
    assert irrelevant(outputs, label, 100.0, keep=0) == [2, 1, 3, 0]


@given(st.integers(1, 3), st.data())
def test_every_neuron_has_one_place(count: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(1, 8))
    sets = {task: data.draw(st.sets(st.integers(0, total - 1))) for task in TASKS[:count]}
    found = partition_layer(sets, total)
    placed = [*found.dropped, *(neuron for neurons in found.units.values() for neuron in neurons)]
    assert sorted(placed) == list(range(total))
    assert found.total == total
    for neuron in range(total):
        useless_to = {task for task, neurons in sets.items() if neuron in neurons}
        assert (neuron in found.dropped) == (len(useless_to) == count)
        for task in TASKS[:count]:
            assert (neuron in found.exclusive[task]) == (useless_to == set(sets) - {task})


def layers(**named: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]) -> Partition:
    return {name: LayerPartition(shared, {"a": a, "b": b}) for name, (shared, a, b) in named.items()}


def test_shared_neurons_with_nothing_to_read_go_to_where_they_came_from() -> None:
    found = connected(layers(one=((), (0, 1), (2, 3)), two=((0, 2, 3), (), (1,))), {"one": [2, 2], "two": [2, 2]})
    assert found == layers(one=((), (0, 1), (2, 3)), two=((), (0,), (1, 2, 3)))


def test_exclusive_neurons_that_nobody_reads_are_dropped() -> None:
    found = connected(
        layers(one=((2,), (0, 1), (3,)), two=((2,), (1,), (3,)), three=((0, 1, 2), (), (3,))),
        {"one": [2, 2], "two": [2, 2], "three": [2, 2]},
    )
    assert found["two"] == LayerPartition((2,), {"a": (), "b": (3,)}, (1,))
    assert found["one"] == LayerPartition((2,), {"a": (), "b": (3,)}, (0, 1))


def test_a_task_without_neurons_is_an_error() -> None:
    with pytest.raises(InputError, match="partition: two: leaves task 'b' nothing to read"):
        connected(layers(one=((), (0,), (1,)), two=((0,), (), ())), {"one": [1, 1], "two": [1, 1]})


def test_a_random_partition_has_the_same_sizes() -> None:
    given = {
        "one": LayerPartition((0, 1, 2, 8), {"a": (3, 4), "b": (5,)}, (6, 7)),
        "two": LayerPartition((), {"a": tuple(range(30)), "b": tuple(range(30, 60))}),
    }
    found = random_like(given, 3)
    for layer, here in found.items():
        assert {u: len(n) for u, n in here.units.items()} == {u: len(n) for u, n in given[layer].units.items()}
        assert sorted(sum((*here.units.values(), here.dropped), ())) == list(range(given[layer].total))
    assert found == random_like(given, 3) != random_like(given, 4)
    assert found["two"] != given["two"]
