"""One round of pruning: neurons are removed, and what is left is trained for all tasks together."""

from __future__ import annotations

import torch

from mimesim.training.data import draw
from mimesim.training.pam.bottleneck import Bottleneck
from mimesim.training.pam.config import Pruning
from mimesim.training.pam.finetune import finetune
from mimesim.training.pam.importance import importance, least, prunable, without
from mimesim.training.pam.merged import MergedNet
from mimesim.training.pam.tasks import TaskImages
from mimesim.training.progress import Curve

__all__ = ["prune_round"]


def prune_round(
    net: MergedNet, data: TaskImages, pruning: Pruning, whole: bool, seed: int, name: str, device: torch.device
) -> tuple[MergedNet, Curve]:
    """A smaller network, trained, and the curve of its training; *net* is not to be used again.

    With *whole* every neuron may go, else the shared ones. A network of which no neuron may go is only trained.
    """
    groups = prunable(net, whole)
    if groups and pruning.method == "taylor":
        some = data.take(torch.from_numpy(draw(len(data), pruning.images, seed, "importance")))
        scores = importance(net, some, device)
        net = without(net, least({group: scores[group] for group in groups}, pruning.share))
    if groups and pruning.method == "bottleneck":
        gates = Bottleneck(net, groups, pruning.beta, pruning.gate_rate)
        curve = finetune(net, data, pruning.fit, seed, name, device, gates)
        return gates.closed(), curve
    return net, finetune(net, data, pruning.fit, seed, name, device)
