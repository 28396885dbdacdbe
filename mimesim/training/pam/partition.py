"""Which neurons serve which tasks: dropped, exclusive to one task, or shared by all.

A neuron is a channel of a convolution or a feature of a linear layer; those of a layer are numbered through all the
networks, the first network's first. Source: He et al., "Pruning-Aware Merging for Efficient Multitask Inference",
KDD 2021 (arXiv 1905.09676), and what its authors' code does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
from torch import Tensor

from mimesim.errors import InputError
from mimesim.training.pam.information import NOISE, Information

__all__ = ["SHARED", "LayerPartition", "Partition", "connected", "irrelevant", "partition_layer", "random_like"]

SHARED = "shared"
"""The unit of the neurons that every task runs."""


@dataclass(frozen=True)
class LayerPartition:
    """The neurons of one layer by what becomes of them; *exclusive* has an entry for every task."""

    shared: tuple[int, ...]
    exclusive: Mapping[str, tuple[int, ...]]
    dropped: tuple[int, ...] = ()

    @property
    def units(self) -> dict[str, tuple[int, ...]]:
        """The neurons of every unit: ``shared``, then each task's."""
        return {SHARED: self.shared, **self.exclusive}

    @property
    def total(self) -> int:
        """Neurons of the layer in all networks."""
        return len(self.dropped) + sum(map(len, self.units.values()))


Partition = dict[str, LayerPartition]
"""By layer, in the order in which they are computed; the heads, which belong to their tasks, are not in it."""


def irrelevant(outputs: Tensor, labels: Tensor, threshold: float, noise: float = NOISE, keep: int = 1) -> list[int]:
    """The neurons that together tell at most *threshold* nats about a task, in the order in which they were found.

    Greedy: from none, always the neuron that leaves the information of the set lowest (the first of equals), until the
    next would lift it above *threshold*, or only *keep* neurons are left, so that a task always has some to run on.
    *outputs* is (N, neurons), *labels* as of :func:`~mimesim.training.pam.information.mutual_information`.
    """
    found = Information(outputs, labels, noise)
    while len(found.neurons) < outputs.shape[1] - keep:
        scores = found.candidates()
        scores[found.neurons] = float("inf")
        best = int(scores.argmin())
        if scores[best] > threshold:
            break
        found.add(best)
    return found.neurons


def partition_layer(irrelevant_to: Mapping[str, Collection[int]], total: int) -> LayerPartition:
    """What becomes of *total* neurons, given those that are irrelevant to each task.

    Dropped are those irrelevant to all; exclusive to a task those irrelevant to all others; the rest is shared, with
    three tasks or more also by tasks to which it is irrelevant.
    """
    everything = frozenset(range(total))
    sets = {task: frozenset(neurons) for task, neurons in irrelevant_to.items()}
    dropped = everything.intersection(*sets.values())
    exclusive: dict[str, tuple[int, ...]] = {}
    for task in sets:
        others = [neurons for other, neurons in sets.items() if other != task]
        exclusive[task] = tuple(sorted(everything.intersection(*others) - dropped))
    shared = everything - dropped - {neuron for neurons in exclusive.values() for neuron in neurons}
    return LayerPartition(tuple(sorted(shared)), exclusive, tuple(sorted(dropped)))


def connected(partition: Partition, widths: Mapping[str, Sequence[int]]) -> Partition:
    """*partition* without neurons that nothing reads or that read nothing; *widths* are every network's, by layer.

    Shared neurons read none but shared ones: where the layer before has none of those, they become exclusive to the
    task of the network they come from. Exclusive neurons whose task has no more of them in the next layer are read by
    nobody and dropped. A task that is left with nothing in a layer is an ``InputError``.
    """
    layers = list(partition)
    done: Partition = {}
    for number, layer in enumerate(layers):
        here = partition[layer]
        if number and not done[layers[number - 1]].shared and here.shared:
            ends = list(accumulate(widths[layer]))
            owner = {neuron: next(n for n, end in enumerate(ends) if neuron < end) for neuron in here.shared}
            exclusive = {
                task: tuple(sorted({*neurons, *(neuron for neuron in here.shared if owner[neuron] == position)}))
                for position, (task, neurons) in enumerate(here.exclusive.items())
            }
            here = replace(here, shared=(), exclusive=exclusive)
        for task, neurons in here.exclusive.items():
            if not neurons and not here.shared:
                rule = f"leaves task {task!r} nothing to read; lower the thresholds of information"
                raise InputError("partition", rule, key=layer)
        done[layer] = here
    for before, after in reversed(list(pairwise(layers))):
        unread = {task: n for task, n in done[before].exclusive.items() if n and not done[after].exclusive[task]}
        if unread:
            exclusive = {task: () if task in unread else n for task, n in done[before].exclusive.items()}
            dropped = tuple(sorted((*done[before].dropped, *(i for n in unread.values() for i in n))))
            done[before] = replace(done[before], exclusive=exclusive, dropped=dropped)
    return done


def random_like(partition: Partition, seed: int) -> Partition:
    """A partition into groups of the same sizes, drawn by *seed*: the control of what the information is worth."""
    rng = np.random.default_rng(seed)
    made: Partition = {}
    for layer, here in partition.items():
        order = rng.permutation(here.total).tolist()
        groups: dict[str, tuple[int, ...]] = {}
        for unit, neurons in here.units.items():
            groups[unit], order = tuple(sorted(order[: len(neurons)])), order[len(neurons) :]
        shared = groups.pop(SHARED)
        made[layer] = LayerPartition(shared, groups, tuple(sorted(order)))
    return made
