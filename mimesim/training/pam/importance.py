"""Which neurons matter least, by the first-order Taylor criterion, and the network without them.

Source: Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR 2019, equation 8 for a gate of 1
behind each neuron: the square of the change of the loss if the neuron were silenced, to first order, as a mean over
batches.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mimesim.training.data import normalise
from mimesim.training.pam.chain import HEAD
from mimesim.training.pam.finetune import joint_loss
from mimesim.training.pam.merged import MergedNet, node_name
from mimesim.training.pam.partition import SHARED
from mimesim.training.pam.tasks import TaskImages

__all__ = ["Scores", "importance", "least", "prunable", "without"]

Scores = dict[tuple[str, str], Tensor]
"""float64 (neurons,) by layer and unit."""


def prunable(net: MergedNet, whole: bool) -> list[tuple[str, str]]:
    """The layers and units whose neurons may go: the shared ones or, with *whole*, all but the heads."""
    return [(layer, unit) for layer, units in net.widths.items() if layer != HEAD
            for unit in units if whole or unit == SHARED]  # fmt: skip


def importance(net: MergedNet, data: TaskImages, device: torch.device, batch: int = 50) -> Scores:
    """The importance of every neuron for all the tasks together, from the gradients on *data* in inference mode."""
    net.to(device).eval()
    groups = prunable(net, whole=True)
    scores = {group: torch.zeros(net.widths[group[0]][group[1]], dtype=torch.float64) for group in groups}
    parts = torch.split(torch.arange(len(data)), batch)
    for rows in parts:
        outputs = net.outputs(normalise(data.images.images[rows].to(device)))
        values = {group: outputs[node_name(*group)] for group in groups}
        logits = {task: outputs[node_name(HEAD, task)] for task in net.tasks}
        loss = joint_loss(logits, {task: data.labels[task][rows].to(device) for task in net.tasks})
        slopes = torch.autograd.grad(loss, list(values.values()))
        for (group, value), slope in zip(values.items(), slopes, strict=True):
            # the derivative by the gate, summed over the batch and all positions
            change = (value * slope).transpose(0, 1).flatten(1).sum(1)
            scores[group] += change.detach().cpu().double().square() / len(parts)
    return scores


def least(scores: Mapping[tuple[str, str], Tensor], share: float) -> dict[tuple[str, str], list[int]]:
    """The *share* of all the neurons in *scores* that matter least, at least one, the first of equals first.

    The one that matters most of a layer's unit stays, so that whoever reads it has something to read.
    """
    groups = list(scores)
    protected = {(group, int(values.argmax())) for group, values in scores.items()}
    ranked = sorted(
        (value, number, neuron)
        for number, group in enumerate(groups)
        for neuron, value in enumerate(scores[group].tolist())
        if (group, neuron) not in protected
    )
    total = sum(len(values) for values in scores.values())
    found: dict[tuple[str, str], list[int]] = {}
    for _, number, neuron in ranked[: max(1, int(share * total))]:
        found.setdefault(groups[number], []).append(neuron)
    return found


def without(net: MergedNet, removed: Mapping[tuple[str, str], list[int]]) -> MergedNet:
    """*net* without the neurons *removed*."""
    kept = {}
    for (layer, unit), neurons in removed.items():
        gone = set(neurons)
        kept[layer, unit] = [neuron for neuron in range(net.widths[layer][unit]) if neuron not in gone]
    return net.select(kept)
