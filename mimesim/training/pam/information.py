"""How much a set of neurons tells about a task: mutual information by a kernel density bound.

The outputs h of a set of neurons on N samples are taken as the centres of an equal mixture of Gaussians of variance
*noise* in every dimension. Its entropy has the upper bound of Kolchinsky and Tracey ("Estimating mixture entropy with
pairwise distances", Entropy 19, 2017), in nats::

    H(h) = -mean_i log(1/N sum_j exp(-|h_i - h_j|^2 / (2 noise))) + d/2 log(2 pi noise) + d/2

and I(h; Y) = H(h) - sum_c p_c H(h | Y = c). With several binary labels the information about each of them is added up,
as PAM's authors do. The estimate is a difference of bounds, hence a bound of nothing itself; of class labels it is at
most H(Y), for no density is less than its class's share of it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["NOISE", "Information", "entropy", "mutual_information", "neuron_outputs"]

NOISE = 0.1
"""Variance of the noise around each output, as in the code of PAM's authors."""


def neuron_outputs(output: Tensor) -> Tensor:
    """What counts as the output of a neuron: float64 (N, neurons); a channel's map (N, C, H, W) is max-pooled whole."""
    return (output.amax((2, 3)) if output.ndim == 4 else output).double()


def entropy(outputs: Tensor, noise: float = NOISE) -> float:
    """The bound of H(h) in nats for *outputs* (N, d) of d neurons."""
    distances = (outputs[:, None] - outputs[None]).square().sum(2)
    dimensions = outputs.shape[1]
    cross = -(-distances / (2 * noise)).exp().mean(1).log().mean().item()
    return cross + dimensions / 2 * (math.log(2 * math.pi * noise) + 1)


def mutual_information(outputs: Tensor, labels: Tensor, noise: float = NOISE) -> float:
    """I(h; Y) in nats for *outputs* (N, d) and *labels*: classes (N,), or several binary labels (N, labels)."""
    total = 0.0
    for column in _columns(labels):
        total += entropy(outputs, noise)
        for label in torch.unique(column):
            chosen = outputs[column == label]
            total -= len(chosen) / len(outputs) * entropy(chosen, noise)
    return total


def _columns(labels: Tensor) -> list[Tensor]:
    return list(labels.unbind(1)) if labels.ndim == 2 else [labels]


class Information:
    """I(h; Y) of a set of neurons that grows, and what it would be with each further neuron.

    The set is kept as the squared distances of the samples, (N, N), to which every neuron adds its own; the neurons'
    kernels are made once, N x N x neurons float64 of memory.
    """

    def __init__(self, outputs: Tensor, labels: Tensor, noise: float = NOISE) -> None:
        """*outputs* (N, neurons) of all the neurons there are; *labels* as of :func:`mutual_information`."""
        self.outputs, self.noise = outputs.double(), noise
        self.neurons: list[int] = []
        """The set so far, in the order in which it grew."""
        samples = len(outputs)
        self._distances = torch.zeros(samples, samples, dtype=torch.float64)
        same = torch.stack([column[:, None] == column[None] for column in _columns(labels)], 2)
        # every sample is a neighbour of every other, and of those of its class: (N, N, 1 + labels)
        self._neighbours = torch.cat([torch.ones(samples, samples, 1, dtype=torch.bool), same], 2).double()
        self._counts = self._neighbours.sum(1)[:, None]
        self._kernels = self._kernel((self.outputs[:, :, None] - self.outputs.T[None]).square_())

    def _kernel(self, distances: Tensor) -> Tensor:
        return distances.mul_(-1 / (2 * self.noise)).exp_()

    def value(self) -> float:
        """The information of the set in nats; 0 of no neuron."""
        density = self._kernel(self._distances[:, None].clone()) @ self._neighbours
        return self._information(density).item()

    def candidates(self) -> Tensor:
        """The information of the set with each of all neurons added: float64 (neurons,), nats."""
        weighted = self._kernel(self._distances.clone())[:, :, None] * self._neighbours
        return self._information(self._kernels @ weighted)

    def add(self, neuron: int) -> None:
        """Let *neuron* be one of the set."""
        self.neurons.append(neuron)
        column = self.outputs[:, neuron]
        self._distances += (column[:, None] - column[None]).square()

    def _information(self, sums: Tensor) -> Tensor:
        """From the kernels summed over neighbours, (N, sets, 1 + labels). None is 0: a sample is its own neighbour."""
        density = (sums / self._counts).log().mean(0)
        return (density[:, 1:] - density[:, :1]).sum(1)
