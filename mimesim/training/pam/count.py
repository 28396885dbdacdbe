"""What every combination of tasks costs: parameters and multiplications, as the simulated machine counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.partition import SHARED

__all__ = ["Cost", "combinations_of", "cost"]


@dataclass(frozen=True)
class Cost:
    """*parameters* are the weights and a word of folded batch norm for each output channel, which some tasks need;
    *macs* the multiplications of one image on which they all run, if every input were non-zero; *neurons* the channels
    and features that are computed, heads included."""

    parameters: int
    macs: int
    neurons: int


def combinations_of(tasks: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of tasks but the empty one: single tasks first, all together last."""
    return list(chain.from_iterable(combinations(tasks, count) for count in range(1, len(tasks) + 1)))


def cost(net: MergedNet, tasks: Sequence[str]) -> Cost:
    """The cost of running *tasks* of *net*; what several of them share runs once."""
    network = net.network("merged")
    run = [node for node in network.weight_layers if node.unit in (SHARED, *tasks)]
    return Cost(
        parameters=sum(network.weight_words(node) + node.shape[0] for node in run),
        macs=sum(network.macs_dense(node) for node in run),
        neurons=sum(node.shape[0] for node in run),
    )
