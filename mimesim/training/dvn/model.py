"""The backbone in PyTorch, run as one of its virtual networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mimesim.training.dvn.backbone import Backbone, Step
from mimesim.training.dvn.graph import head_name, node_name

__all__ = ["VirtualNetworks"]


class VirtualNetworks(nn.Module):
    """All virtual networks of a backbone.

    Weights of each layer, (C_out, C_in, 3, 3), are one tensor for all; of it a virtual network uses the blocks both of
    whose units are active, so that units of another level or task change nothing. How the authors keep levels nested
    where the tasks' orders differ is not known; this holds for any order. Batch norm and head are each virtual
    network's own, since the statistics of a sum depend on the units in it.
    """

    def __init__(self, backbone: Backbone) -> None:
        """Draw all weights (He et al. 2015) from torch's global generator; heads start at normal(0, 0.01)."""
        super().__init__()
        self.backbone = backbone
        self.weights = nn.ParameterList()
        for step in backbone.convolutions:
            weight = torch.empty(step.writes[-1].stop, step.reads[-1].stop, 3, 3)
            self.weights.append(nn.Parameter(nn.init.kaiming_normal_(weight, nonlinearity="relu")))
        self.norms, self.heads = nn.ModuleDict(), nn.ModuleDict()
        for task, level in backbone.assignment.virtual:
            active = self._active(task, level)
            widths = [sum(len(step.writes[unit]) for unit in active) for step in backbone.convolutions]
            head = nn.Linear(backbone.features_of(task, level), backbone.classes[task])
            nn.init.normal_(head.weight, std=0.01)
            nn.init.zeros_(head.bias)
            self.norms[_key(task, level)] = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
            self.heads[_key(task, level)] = head

    def forward(self, images: Tensor, task: str, level: int) -> Tensor:
        """Scores (N, classes) of images (N, 3, H, W), normalised, by the virtual network of *task* and *level*."""
        return self._run(images, task, level, None)

    def outputs(self, images: Tensor, task: str, level: int) -> dict[str, Tensor]:
        """What every node that an image of the virtual network runs writes; nodes are those of its graph."""
        kept: dict[str, Tensor] = {}
        kept[head_name(task, level)] = self._run(images, task, level, kept)
        return kept

    def node_weight(self, step: str, unit: int) -> Tensor:
        """The weights of the node of a layer and unit, its inputs' channels in the order in which the node reads."""
        number = [one.name for one in self.backbone.convolutions].index(step)
        layer = self.backbone.convolutions[number]
        rows = layer.writes[unit - 1]
        # the first layer reads the image
        own = [unit - 1, *(other for other in range(len(layer.reads)) if other != unit - 1)] if number else [0]
        columns = [layer.reads[other] for other in own]
        return torch.cat([self.weights[number][rows.start : rows.stop, c.start : c.stop] for c in columns], 1)

    def head_weight(self, task: str, level: int) -> Tensor:
        """The weights of a head (classes, features), in the order of its node's inputs."""
        order = self.backbone.assignment.active(task, level)
        last = self.backbone.last
        maps = [len(last.writes[unit - 1]) * last.side**2 for unit in sorted(order)]
        weight = cast("nn.Linear", self.heads[_key(task, level)]).weight
        parts = dict(zip(sorted(order), torch.split(weight, maps, 1), strict=True))
        return torch.cat([parts[unit] for unit in order], 1)

    def _active(self, task: str, level: int) -> list[int]:
        """Places of the active units, from 0 and ascending: channels keep the backbone's order."""
        return sorted(unit - 1 for unit in self.backbone.assignment.active(task, level))

    def _run(self, images: Tensor, task: str, level: int, kept: dict[str, Tensor] | None) -> Tensor:
        active, values, number = self._active(task, level), images, 0
        norms = cast("nn.ModuleList", self.norms[_key(task, level)])
        for step in self.backbone.steps:
            if step.kind == "pool":
                values = functional.max_pool2d(values, 2)
            else:
                weight = _blocks(self.weights[number], step, active if number else [0], active)
                values = functional.relu(norms[number](functional.conv2d(values, weight, padding=1)))
                number += 1
            if kept is not None:
                ends = list(accumulate(len(step.writes[unit]) for unit in active))
                for unit, low, high in zip(active, [0, *ends], ends, strict=False):
                    kept[node_name(step.name, unit + 1)] = values[:, low:high]
        scores: Tensor = self.heads[_key(task, level)](values.flatten(1))
        return scores


def _key(task: str, level: int) -> str:
    return f"{task}-{level}"


def _blocks(weight: Tensor, step: Step, sources: Sequence[int], targets: Sequence[int]) -> Tensor:
    """The weights between some units."""
    rows = _pick(weight, [step.writes[unit] for unit in targets], 0)
    return _pick(rows, [step.reads[unit] for unit in sources], 1)


def _pick(weight: Tensor, ranges: Sequence[range], axis: int) -> Tensor:
    """Some consecutive ranges along an axis; slices, since indexing would cost the backward pass dearly."""
    parts = [weight.narrow(axis, part.start, len(part)) for part in ranges]
    return parts[0] if len(parts) == 1 else torch.cat(parts, axis)
