"""Multi-Task Zipping: networks of two tasks made one, layer by layer, by sharing the neurons that differ least.

Source: He, Zhou and Thiele, "Multi-Task Zipping via Layer-wise Neuron Sharing", NeurIPS 2018 (arXiv 1805.09791), and
what its authors' published code does. With H the layer-wise Hessian of a network, the mean of x x^T over a layer's
inputs (Dong, Chen and Pan, "Learning to Prune Deep Neural Networks via Layer-wise Optimal Brain Surgeon", NIPS 2017),
sharing neurons of incoming weights a and b costs, at the best,

    d = (a - b)^T (H_A^-1 + H_B^-1)^-1 (a - b) / 2    with    w = a + H_A^-1 (H_A^-1 + H_B^-1)^-1 (b - a).

(H_A^-1 + H_B^-1)^-1 is H_A (H_A + H_B)^-1 H_B, which also singular Hessians have.

Batch norm is folded into the weights that are compared, and a constant input stands for biases. Shared neurons read
shared ones alone, as everywhere in a :class:`MergedNet`: what they read of neurons that are not shared is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from mimesim.training.data import normalise
from mimesim.training.pam.chain import HEAD
from mimesim.training.pam.merge import all_apart, merge
from mimesim.training.pam.merged import MergedNet, Part
from mimesim.training.pam.partition import SHARED
from mimesim.training.pam.tasks import TaskImages
from mimesim.training.tracing.model import TracedModel

__all__ = ["closest_pairs", "functional_difference", "hessian", "shared_weights", "zip_layer", "zip_networks"]

_BATCH = 32


def hessian(inputs: Tensor) -> Tensor:
    """The mean of x x^T over the rows x of *inputs* (N, d), a constant 1 added to each: float64 (d + 1, d + 1)."""
    rows = torch.cat([inputs, torch.ones(len(inputs), 1, dtype=inputs.dtype)], 1)
    return (rows.T @ rows).double() / len(rows)


def functional_difference(a: Tensor, b: Tensor, hessian_a: Tensor, hessian_b: Tensor) -> Tensor:
    """What sharing costs each pair of the neurons *a* (N, d) and *b* (M, d), float64: (N, M)."""
    together = hessian_a @ torch.linalg.pinv(hessian_a + hessian_b, hermitian=True) @ hessian_b
    cross = a @ together @ b.T
    own = [((neurons @ together) * neurons).sum(1) for neurons in (a, b)]
    return ((own[0][:, None] + own[1][None] - cross - (b @ together @ a.T).T) / 2).clamp(min=0)


def shared_weights(a: Tensor, b: Tensor, hessian_a: Tensor, hessian_b: Tensor) -> Tensor:
    """The weights (N, d) with which neurons that were *a* and *b*, (N, d) each, are shared at the least cost."""
    inverse = torch.linalg.pinv(hessian_a + hessian_b, hermitian=True)
    return a + (b - a) @ (inverse @ hessian_b).T


def closest_pairs(differences: Tensor, count: int) -> list[tuple[int, int]]:
    """*count* pairs of a row and a column, each in one pair at most: greedily, always the least of what is left."""
    found: list[tuple[int, int]] = []
    rows: set[int] = set()
    columns: set[int] = set()
    for place in differences.flatten().argsort(stable=True).tolist():
        row, column = divmod(place, differences.shape[1])
        if len(found) < count and row not in rows and column not in columns:
            found.append((row, column))
            rows.add(row)
            columns.add(column)
    return found


def zip_networks(
    models: Mapping[str, TracedModel], data: TaskImages, share: float, size: int,
    retrain: Callable[[MergedNet, int], None],
) -> MergedNet:  # fmt: skip
    """One network of those of two tasks; *retrain* trains it after each layer, whose number it is told.

    In each layer *share* of the smaller network's neurons are shared, at least one; the Hessians are those of what the
    zipped network reads of *data*.
    """
    net = merge(models, all_apart(models, size), size)
    for number, layer in enumerate(net.widths):
        if layer != HEAD:
            net = zip_layer(net, layer, data, share)
            retrain(net, number)
            net.cpu()
    return net


def zip_layer(net: MergedNet, layer: str, data: TaskImages, share: float) -> MergedNet:
    """*net* with neurons of *layer* shared, where so far all are the tasks' own; all before it must be zipped."""
    layers = list(net.widths)
    position = layers.index(layer)
    channels = net.widths[layers[position - 1]][SHARED] if position else net.chain.image[0]
    parts = [net.part(layer, task) for task in net.tasks]
    hessians = [_hessian(net, part, channels, data) for part in parts]
    folded = [_folded(part, channels) for part in parts]
    count = max(1, int(share * min(net.widths[layer].values())))
    pairs = closest_pairs(functional_difference(*folded, *hessians), count)
    orders = {
        task: _Order([pair[number] for pair in pairs], net.widths[layer][task]) for number, task in enumerate(net.tasks)
    }
    widths = {name: dict(units) for name, units in net.widths.items() if name != HEAD}
    widths[layer] = {SHARED: count, **{task: len(order.own) for task, order in orders.items()}}
    zipped = MergedNet(net.chain, net.classes, widths)
    for name, units in zipped.widths.items():
        for unit in units:
            if (name, unit) != (layer, SHARED):
                _inherit(
                    zipped.part(name, unit), net.part(name, unit), name, unit, layers[position : position + 2], orders
                )
    (weights_a, weights_b), (rows_a, rows_b) = folded, (order.shared for order in orders.values())
    weights = shared_weights(weights_a[rows_a], weights_b[rows_b], *hessians)
    _set(zipped.part(layer, SHARED), weights, (hessians[0] + hessians[1]) / 2)
    return zipped.train(net.training)


@dataclass(frozen=True)
class _Order:
    """A task's neurons of a layer: those *shared*, in the order of the pairs, and by *own* the others of *total*."""

    shared: list[int]
    total: int

    @property
    def own(self) -> list[int]:
        return [neuron for neuron in range(self.total) if neuron not in self.shared]


def _inherit(
    part: Part, old: Part, name: str, unit: str, here_and_next: Sequence[str], orders: Mapping[str, _Order]
) -> None:
    """Give *part* what it had before the layer that is zipped, or the one that reads it, came in another order."""
    rows, columns = list(range(_outputs(part))), list(range(_inputs(part)))
    if name == here_and_next[0]:
        rows = orders[unit].own
    elif name == here_and_next[1]:
        columns = [*orders[unit].shared, *orders[unit].own]
    part.inherit(old.layer, old.norm, list(enumerate(rows)), list(enumerate(columns)))


def _outputs(part: Part) -> int:
    return int(part.layer.weight.shape[0])


def _inputs(part: Part) -> int:
    return int(part.layer.weight[0].numel()) // part.taps


def _hessian(net: MergedNet, part: Part, channels: int, data: TaskImages) -> Tensor:
    """The Hessian of the first *channels* that *part* reads of *data*."""
    net.eval()
    seen: list[Tensor] = []
    handle = part.layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    total, count = torch.zeros((), dtype=torch.float64), 0
    try:
        for rows in torch.split(torch.arange(len(data)), _BATCH):
            with torch.inference_mode():
                net(normalise(data.images.images[rows]))
                patches = _patches(part, seen.pop(), channels)
                total = total + hessian(patches) * len(patches)
            count += len(patches)
    finally:
        handle.remove()
    return (total / count).clone()


def _patches(part: Part, inputs: Tensor, channels: int) -> Tensor:
    """What the outputs of *part* at all positions of all images read of the first *channels*: (N, channels * taps)."""
    layer = part.layer
    if isinstance(layer, nn.Linear):
        return inputs[:, : channels * part.taps]
    padding = cast("tuple[int, int]", layer.padding)
    read = inputs[:, :channels]
    unfolded = nn.functional.unfold(read, layer.kernel_size, layer.dilation, padding, layer.stride)
    return unfolded.transpose(1, 2).flatten(0, 1)


def _folded(part: Part, channels: int) -> Tensor:
    """The weights of the first *channels* with batch norm folded in, and the bias: float64 (neurons, weights + 1)."""
    layer, norm = part.layer, part.norm
    weight = layer.weight.detach().reshape(_outputs(part), -1)[:, : channels * part.taps].double()
    bias = torch.zeros(len(weight), dtype=torch.float64) if layer.bias is None else layer.bias.detach().double()
    if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
        mean, variance, gain, shift = (
            norm.state_dict()[name].double() for name in ("running_mean", "running_var", "weight", "bias")
        )
        scale = gain / (variance + norm.eps).sqrt()
        weight, bias = weight * scale[:, None], (bias - mean) * scale + shift
    return torch.cat([weight, bias[:, None]], 1)


def _set(part: Part, weights: Tensor, inputs: Tensor) -> None:
    """Make *part* compute *weights*, as of :func:`_folded`, with batch-norm statistics from the Hessian *inputs*."""
    layer, norm, rows, bias = part.layer, part.norm, weights[:, :-1], weights[:, -1]
    with torch.no_grad():
        layer.weight.copy_(rows.reshape(layer.weight.shape))
        if layer.bias is not None:
            layer.bias.copy_(bias)
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            mean = rows @ inputs[-1, :-1]
            variance = ((rows @ inputs[:-1, :-1]) * rows).sum(1) - mean.square()
            deviation = (variance.clamp(min=0) + norm.eps).sqrt()
            before = bias if layer.bias is not None else torch.zeros_like(bias)
            state = {
                "running_mean": mean + before, "running_var": variance.clamp(min=0), "weight": deviation,
                "bias": mean + bias,
            }  # fmt: skip
            for name, value in state.items():
                norm.state_dict()[name].copy_(value)
