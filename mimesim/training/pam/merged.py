"""The merged network: neurons that all tasks share, and those of each task, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from mimesim.network import Network, Node
from mimesim.training.pam.chain import HEAD, Chain, Link
from mimesim.training.pam.partition import SHARED

__all__ = ["MergedNet", "Part", "Widths", "node_name"]

Widths = dict[str, dict[str, int]]
"""Neurons by layer and unit; the heads are not in it."""

Pair = tuple[int, int]
_IMAGE = ""
"""The unit of the image, and of pools of it, which everybody reads."""


class Part(nn.Module):
    """The neurons of one unit in one layer: *inputs* channels to *outputs*, with batch norm and activation."""

    def __init__(self, link: Link, inputs: int, outputs: int) -> None:
        """Fresh weights from torch's global generator."""
        super().__init__()
        node = cast("Node", link.node)
        self.layer: nn.Conv2d | nn.Linear
        norm: type[nn.Module]
        if node.kind == "conv":
            self.layer = nn.Conv2d(inputs, outputs, node.kernel, node.stride, node.padding, bias=link.bias)
            norm = nn.BatchNorm2d
        else:
            self.layer = nn.Linear(inputs * link.positions, outputs, bias=link.bias)
            norm = nn.BatchNorm1d
        self.taps = link.positions * node.kernel[0] * node.kernel[1]
        """Weights for each channel that is read."""
        self.norm = norm(outputs, eps=link.norm[0], momentum=link.norm[1]) if link.norm else nn.Identity()
        self.activation = link.activation() if link.activation else nn.Identity()
        self.gate: nn.Module = nn.Identity()
        """What a pruner may put behind the activation."""

    def inherit(self, layer: nn.Module, norm: nn.Module | None, rows: Sequence[Pair], columns: Sequence[Pair]) -> None:
        """Take over some neurons of another *layer* and its batch *norm*: *rows* are pairs of a neuron here and there,
        *columns* of a channel that is read here and there."""
        here, there = self.layer, cast("nn.Conv2d | nn.Linear", layer)
        mine, theirs = ([pair[side] for pair in rows] for side in range(2))
        into, out_of = (torch.tensor([pair[side] for pair in columns], dtype=torch.int64) for side in range(2))
        with torch.no_grad():
            # fresh weights can be viewed; those of a network that was trained may lie in another order
            weights = here.weight.view(here.weight.shape[0], -1, self.taps)
            inherited = there.weight.reshape(there.weight.shape[0], -1, self.taps)
            weights[torch.tensor(mine, dtype=torch.int64)[:, None], into] = inherited[theirs][:, out_of]
            if here.bias is not None and there.bias is not None:
                here.bias[mine] = there.bias[theirs]
            for name, tensor in self.norm.state_dict().items():
                source = cast("nn.Module", norm).state_dict()[name]
                if tensor.ndim:
                    tensor[mine] = source[theirs]
                else:  # how many batches it has seen
                    tensor.copy_(source)

    def forward(self, value: Tensor) -> Tensor:
        """(N, C, H, W), or (N, features) between linear layers, to the same of this layer."""
        if isinstance(self.layer, nn.Linear):
            value = value.flatten(1)
        output: Tensor = self.gate(self.activation(self.norm(self.layer(value))))
        return output


class MergedNet(nn.Module):
    """Several tasks in one network, of which any may be run.

    Shared neurons read the shared ones of the layer before; a task's own read the shared ones and then its own; the
    image is read by all, and a task's head reads as its own neurons do. A unit that has no neurons in a layer is absent
    there.
    """

    def __init__(self, chain: Chain, classes: Mapping[str, int], widths: Mapping[str, Mapping[str, int]]) -> None:
        """*classes* of every task, *widths* of every layer of *chain* but the head: fresh weights."""
        super().__init__()
        self.chain = chain
        self.classes = dict(classes)
        self.tasks = tuple(classes)
        self.widths: Widths = {
            layer: {unit: units[unit] for unit in (SHARED, *self.tasks) if units.get(unit)}
            for layer, units in widths.items()
        } | {HEAD: dict(classes)}
        self.parts = nn.ModuleList()
        before: dict[str, int] = {_IMAGE: self.chain.image[0]}
        for link in self.chain.links:
            made = nn.ModuleDict()
            if link.pool is None:
                here = self.widths[link.name]
                for unit, outputs in here.items():
                    inputs = sum(before[source] for source in self.sources(unit, before))
                    made[self._key(unit)] = Part(link, inputs, outputs)
                before = here
            self.parts.append(made)

    def _key(self, unit: str) -> str:
        """Modules may not have every name that a task may."""
        return str((SHARED, *self.tasks).index(unit))

    @staticmethod
    def sources(unit: str, before: Iterable[str]) -> tuple[str, ...]:
        """Which of the units that there are *before* a layer its *unit* reads, in the order of its weights."""
        wanted = dict.fromkeys((_IMAGE, SHARED, unit))
        return tuple(source for source in wanted if source in before)

    def part(self, layer: str, unit: str) -> Part:
        """The neurons of *unit* in *layer*; raises :class:`KeyError` where it has none."""
        (position,) = (number for number, link in enumerate(self.chain.links) if link.name == layer)
        return cast("Part", cast("nn.ModuleDict", self.parts[position])[self._key(unit)])

    def forward(self, images: Tensor, tasks: Sequence[str] | None = None) -> dict[str, Tensor]:
        """The logits (N, classes) of *tasks*, by default all, for *images* (N, C, H, W); the shared part runs once."""
        return self._run(images, tasks, None)

    def outputs(self, images: Tensor, tasks: Sequence[str] | None = None) -> dict[str, Tensor]:
        """What every node that *tasks* run writes, by the names of :meth:`network`."""
        kept: dict[str, Tensor] = {}
        self._run(images, tasks, kept)
        return kept

    def _run(self, images: Tensor, tasks: Sequence[str] | None, kept: dict[str, Tensor] | None) -> dict[str, Tensor]:
        active = (SHARED, *(self.tasks if tasks is None else tasks))
        values = {_IMAGE: images}
        for link, parts in zip(self.chain.links, self.parts, strict=True):
            if link.pool is not None:
                values = {unit: link.pool(value) for unit, value in values.items()}
            else:
                made: dict[str, Tensor] = {}
                for unit in active:
                    if unit in self.widths[link.name]:
                        read = [values[source] for source in self.sources(unit, values)]
                        value = read[0] if len(read) == 1 else torch.cat(read, 1)
                        made[unit] = cast("nn.ModuleDict", parts)[self._key(unit)](value)
                values = made
            if kept is not None and link.node is not None:
                kept |= {node_name(link.name, unit): value for unit, value in values.items()}
        return values

    def network(self, name: str) -> Network:
        """The graph that is simulated: nodes ``<layer>.<unit>``, each of its unit; batch norm folded."""
        nodes = [Node(name="image", kind="input", shape=self.chain.image)]
        before = {_IMAGE: nodes[0]}
        for link in self.chain.links:
            if link.node is None:
                continue
            made: dict[str, Node] = {}
            for unit in self.widths.get(link.name, before):
                sources = (unit,) if link.pool else self.sources(unit, before)
                channels = before[unit].shape[0] if link.pool else self.widths[link.name][unit]
                changes = {
                    "name": node_name(link.name, unit), "inputs": tuple(before[source].name for source in sources),
                    "shape": (channels, *link.node.shape[1:]), "unit": unit or None,
                }  # fmt: skip
                made[unit] = Node.model_validate(link.node.model_dump() | changes)
            nodes += made.values()
            before = made
        return Network(name=name, nodes=tuple(nodes))

    def select(self, kept: Mapping[tuple[str, str], Sequence[int]]) -> MergedNet:
        """A network of the neurons *kept* by (layer, unit), with the weights that they have; all where none is named.

        A unit that keeps none vanishes from its layer; that who read it reads something else is the caller's care.
        """
        rows = {
            (layer, unit): list(kept.get((layer, unit), range(width)))
            for layer, units in self.widths.items()
            for unit, width in units.items()
        }
        widths: Widths = {layer: {} for layer in self.widths if layer != HEAD}
        for (layer, unit), neurons in rows.items():
            if layer != HEAD:
                widths[layer][unit] = len(neurons)
        smaller = MergedNet(self.chain, self.classes, widths)
        before = {_IMAGE: self.chain.image[0]}
        columns = {_IMAGE: list(range(before[_IMAGE]))}
        for link in self.chain.links:
            if link.pool is not None:
                continue
            here = self.widths[link.name]
            for unit in smaller.widths[link.name]:
                taken, offset = [], 0
                for source in self.sources(unit, before):
                    taken += [offset + column for column in columns[source]]
                    offset += before[source]
                part = self.part(link.name, unit)
                smaller.part(link.name, unit).inherit(part.layer, part.norm, _from(rows[link.name, unit]), _from(taken))
            before, columns = here, {unit: rows[link.name, unit] for unit in here}
        return smaller.to(next(self.parameters()).device).train(self.training)


def node_name(layer: str, unit: str) -> str:
    """The node of *unit* in *layer*; pools of the image belong to nobody."""
    return f"{layer}.{unit}" if unit else layer


def _from(kept: Sequence[int]) -> list[tuple[int, int]]:
    return list(enumerate(kept))
