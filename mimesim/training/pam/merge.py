"""From networks trained apart to one: inherited weights, and new connections that start at 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch

from mimesim.errors import InputError
from mimesim.training.pam.chain import HEAD, Chain, chain_of, common_chain
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.partition import SHARED, LayerPartition, Partition
from mimesim.training.tracing.model import TracedModel

__all__ = ["all_apart", "all_shared", "merge", "side_by_side", "single", "trunk", "widths_of"]

#: The network that a neuron comes from, and its number there.
_Neuron = tuple[int, int]


def widths_of(models: Mapping[str, TracedModel], chain: Chain) -> dict[str, list[int]]:
    """Neurons of every network in every layer of *chain* but the head."""
    layers = [link.name for link in chain.layers if link.name != HEAD]
    return {layer: [model.layers[layer].weight.shape[0] for model in models.values()] for layer in layers}


def merge(models: Mapping[str, TracedModel], partition: Partition, size: int) -> MergedNet:
    """One network of the networks of several tasks, for images of *size* pixels.

    Weights, biases and batch norm are those that a neuron had; connections between neurons of different networks start
    at 0. Dropout is left behind. Where no neuron is dropped and none that a shared or another task's neuron read is
    another task's own, the merged network computes what the networks compute.
    """
    chain = common_chain(models, size)
    _check(models, partition)
    widths = widths_of(models, chain)
    classes = {task: model.head.weight.shape[0] for task, model in models.items()}
    net = MergedNet(
        chain, classes, {layer: {u: len(n) for u, n in here.units.items()} for layer, here in partition.items()}
    )
    before: dict[str, Sequence[_Neuron | int]] = {"": range(chain.image[0])}
    for link in chain.layers:
        if link.name == HEAD:
            here = {task: [(number, row) for row in range(classes[task])] for number, task in enumerate(models)}
        else:
            here = {u: _neurons(n, widths[link.name]) for u, n in partition[link.name].units.items() if n}
        for unit, neurons in here.items():
            part = net.part(link.name, unit)
            torch.nn.init.zeros_(part.layer.weight)
            read = [neuron for source in net.sources(unit, before) for neuron in before[source]]
            for number, model in enumerate(models.values()):
                rows = [(row, neuron[1]) for row, neuron in enumerate(neurons) if neuron[0] == number]
                columns = [
                    (column, source if isinstance(source, int) else source[1])
                    for column, source in enumerate(read)
                    if isinstance(source, int) or source[0] == number
                ]
                site = model.head_site.name if link.name == HEAD else link.name
                part.inherit(model.layers[site], model.norms.get(site), rows, columns)
        before = dict(here)
    return net


def _check(models: Mapping[str, TracedModel], partition: Partition) -> None:
    for task in models:
        if task == SHARED:
            raise InputError("task", "is what belongs to all tasks; choose another name", value=task)
    for layer, here in partition.items():
        if tuple(here.exclusive) != tuple(models):
            rule = f"is a partition for {', '.join(here.exclusive)}, not for {', '.join(models)}"
            raise InputError("partition", rule, key=layer)


def _neurons(numbers: Sequence[int], widths: Sequence[int]) -> list[_Neuron]:
    """The network and the place in it of neurons that are numbered through all the networks."""
    ends = list(accumulate(widths))
    found: list[_Neuron] = []
    for number in numbers:
        network = next(position for position, end in enumerate(ends) if number < end)
        found.append((network, number - (ends[network - 1] if network else 0)))
    return found


def all_shared(models: Mapping[str, TracedModel], size: int) -> Partition:
    """A partition in which all the neurons of all the networks are shared."""
    widths = widths_of(models, common_chain(models, size))
    return {
        layer: LayerPartition(tuple(range(sum(counts))), dict.fromkeys(models, ())) for layer, counts in widths.items()
    }


def all_apart(models: Mapping[str, TracedModel], size: int) -> Partition:
    """A partition in which every neuron is its network's task's own."""
    partition: Partition = {}
    for layer, counts in widths_of(models, common_chain(models, size)).items():
        starts = accumulate(counts, initial=0)
        own = {
            task: tuple(range(start, start + count)) for task, count, start in zip(models, counts, starts, strict=False)
        }
        partition[layer] = LayerPartition((), own)
    return partition


def single(task: str, model: TracedModel, size: int) -> MergedNet:
    """The network of one task as a merged one, all of it shared: it is pruned for itself, side by side with others."""
    models = {task: model}
    return merge(models, all_shared(models, size), size)


def trunk(model: TracedModel, classes: Mapping[str, int], size: int) -> MergedNet:
    """One network that all tasks share whole: as wide as *model*, with fresh weights from torch's global generator."""
    chain = chain_of(model, size)
    return MergedNet(chain, classes, {link.name: {SHARED: link.width} for link in chain.layers if link.name != HEAD})


def side_by_side(nets: Sequence[MergedNet]) -> MergedNet:
    """Networks of one task each, as of :func:`single`, in one that has nothing in common: all is their tasks' own."""
    classes = {task: count for net in nets for task, count in net.classes.items()}
    chain = nets[0].chain
    layers = [link.name for link in chain.layers if link.name != HEAD]
    owners = [(net.tasks[0], net) for net in nets]
    made = MergedNet(
        chain, classes, {layer: {task: sum(net.widths[layer].values()) for task, net in owners} for layer in layers}
    )
    for task, net in owners:
        for layer in (*layers, HEAD):
            (unit,) = net.widths[layer]
            made.part(layer, task).load_state_dict(net.part(layer, unit).state_dict())
    return made.train(nets[0].training)
