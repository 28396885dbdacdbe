"""PackNet (Mallya and Lazebnik, CVPR 2018; arXiv 1711.05769): every task leaves weights free for the tasks after it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mimesim.training.config import PacknetMethod
from mimesim.training.data import ImageSet
from mimesim.training.recipe import Recipe
from mimesim.training.tracing.model import TracedModel

__all__ = ["OWNERS", "Packnet", "keep_largest", "owners_of"]

#: A buffer beside the weights of a layer: the number of the task, from 1, that each belongs to; 0 is nobody's.
OWNERS = "owners"


def owners_of(layer: nn.Module) -> Tensor | None:
    """The owners of a layer's weights, uint8 of their shape; None where nobody packs tasks into them."""
    return getattr(layer, OWNERS, None)


def keep_largest(weights: Tensor, candidates: Tensor, share: float) -> Tensor:
    """Which of the *candidates* stay when the *share* of them smallest in magnitude goes: bool, of the same shape.

    ``round(share * candidates)`` of them go; of equal ones the first.
    """
    places = candidates.flatten().nonzero().flatten()
    order = weights.detach().flatten()[places].abs().argsort(stable=True)
    kept = torch.zeros_like(candidates.flatten())
    kept[places[order[round(share * len(places)) :]]] = True
    return kept.view_as(candidates)


class Packnet(Recipe):
    """The free weights and the head learn; then in every layer the smallest of them go, and what is left is retrained.

    Weights of earlier tasks take part, but never change. Biases and batch norm learn with the first task and are fixed
    for all later ones, so that one set of them serves all, as in the authors' code
    (github.com/arunmallya/packnet), which fixes both for every task it adds to the first. Pruned weights are 0, from
    where the next task takes them up. The head is each task's own and never pruned.
    """

    def __init__(self, method: PacknetMethod, rate: float) -> None:
        """Take from *method* how much is pruned, and for how long what is left is trained; *rate* is the weights'."""
        super().__init__(rate, method.head_rate)
        self.share, self.retrain = method.prune_share, method.retrain_share
        self.task = 1
        self._fixed: dict[str, Tensor] = {}

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Become the task after those that own weights already; the network of the first has no owners yet."""
        packed = self._packed(model)
        for layer in packed.values():
            if owners_of(layer) is None:
                layer.register_buffer(OWNERS, torch.zeros_like(layer.weight, dtype=torch.uint8))
        self.task = 1 + max(int(self._owners(layer).max()) for layer in packed.values())
        self._fixed = {name: layer.weight.detach().clone() for name, layer in packed.items()}
        if self.task > 1:
            for parameter in self._once(model).values():
                parameter.requires_grad_(False)

    def train_mode(self, model: TracedModel) -> None:
        """After the first task batch norm keeps its statistics."""
        model.module.train()
        if self.task > 1:
            for norm in model.norms.values():
                norm.eval()

    def before_step(self, model: TracedModel, step: int, steps: int) -> None:
        """Prune where the retraining begins: the largest free weights become the task's, the rest 0."""
        if step != min(steps - 1, round((1 - self.retrain) * steps)):
            return
        for layer in self._packed(model).values():
            owners = self._owners(layer)
            owners[keep_largest(layer.weight, owners == 0, self.share)] = self.task
        self.after_step(model)

    def after_step(self, model: TracedModel) -> None:
        """Put back what belongs to earlier tasks, and, once pruned, what belongs to nobody: momentum moves both."""
        with torch.no_grad():
            for name, layer in self._packed(model).items():
                owners = self._owners(layer)
                fixed = self._fixed[name] = self._fixed[name].to(owners.device)
                earlier = (owners > 0) & (owners < self.task)
                layer.weight.copy_(torch.where(earlier, fixed, layer.weight))
                if (owners == self.task).any():
                    layer.weight.mul_(owners > 0)

    def untouched(self, model: TracedModel) -> dict[str, Tensor]:
        """The weights of earlier tasks, and after the first task biases and batch norm."""
        if self.task == 1:
            return {}
        kept = {name: value.detach().clone() for name, value in self._once(model).items()}
        for name, norm in model.norms.items():
            kept |= {f"{name}.{key}": value.detach().clone() for key, value in norm.named_buffers()}
        for name, layer in self._packed(model).items():
            owners = self._owners(layer)
            kept[name] = layer.weight.detach()[(owners > 0) & (owners < self.task)].clone()
        return kept

    def _packed(self, model: TracedModel) -> dict[str, Any]:
        """The layers that tasks share, by name: all but the head."""
        return {name: layer for name, layer in model.layers.items() if name != model.head_site.name}

    def _owners(self, layer: nn.Module) -> Tensor:
        owners = owners_of(layer)
        assert owners is not None  # noqa: S101 - prepare() gave every layer its owners
        return owners

    def _once(self, model: TracedModel) -> dict[str, nn.Parameter]:
        """What only the first task trains: biases, scales and shifts."""
        found = {f"{name}.bias": layer.bias for name, layer in self._packed(model).items() if layer.bias is not None}
        for name, norm in model.norms.items():
            found |= {f"{name}.norm.{key}": value for key, value in norm.named_parameters()}
        return found
