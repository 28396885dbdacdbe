"""How each scheme adapts the parent: what is trained, at which rate, and what happens after every step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mimesim.training.config import (
    BatchNormMethod,
    HeadMethod,
    LoraMethod,
    MemtiMethod,
    Method,
    MimeMethod,
    PacknetMethod,
    PiggybackMethod,
    PrunedMethod,
)
from mimesim.training.data import ImageSet
from mimesim.training.recipe import FineTune, Frozen, Recipe
from mimesim.training.sharing.adapters import AdaptedConv2d
from mimesim.training.sharing.lora import LowRankConv2d
from mimesim.training.sharing.packnet import Packnet
from mimesim.training.sharing.piggyback import MaskedConv2d, MaskedLinear
from mimesim.training.sharing.surgery import replace_layers
from mimesim.training.threshold import ThresholdLayer, threshold_layers, threshold_penalty
from mimesim.training.tracing.model import TracedModel

__all__ = ["Lora", "Memti", "Mime", "Piggyback", "Pruned", "make_recipe"]


class Mime(Frozen):
    """Weights of the parent frozen; a threshold in the place of every ReLU and the head learn."""

    def __init__(self, method: MimeMethod, rate: float) -> None:
        """Take granularity, start, beta and what becomes of batch norm from *method*; *rate* is the thresholds'."""
        super().__init__(rate, method.head_rate, method.batch_norm)
        self.method = method

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Freeze the parent and put a threshold layer in the place of every ReLU."""
        super().prepare(model, size, data)
        granularity, start = self.method.threshold_granularity, self.method.threshold_start
        device = next(model.module.parameters()).device
        shapes = model.output_shapes(size)
        for name, activation in model.activations.items():
            ceiling = 6.0 if isinstance(activation, nn.ReLU6) else None
            model.set_activation(name, ThresholdLayer(shapes[name], granularity, start, ceiling).to(device))

    def resize(self, model: TracedModel, size: int) -> None:
        """Carry the threshold maps over to the new size."""
        shapes = model.output_shapes(size)
        for name, activation in model.activations.items():
            if isinstance(activation, ThresholdLayer):
                activation.resize(shapes[name])

    def parameter_groups(self, model: TracedModel) -> list[dict[str, Any]]:
        """Thresholds at the method's rate; head, and batch norm where it learns, at the head's."""
        thresholds = [layer.t for layer in threshold_layers(model.module)]
        mine = {id(p) for p in thresholds}
        rest = [p for p in model.module.parameters() if id(p) not in mine and p.requires_grad]
        return [{"params": thresholds, "lr": self.rate}, {"params": rest, "lr": self.head_rate}]

    def penalty(self, model: TracedModel) -> Tensor | None:
        """Equation 3's second term."""
        return self.method.beta * threshold_penalty(model.module) if self.method.beta else None

    def after_step(self, model: TracedModel) -> None:
        """Keep the thresholds at or above 0."""
        for layer in threshold_layers(model.module):
            layer.clamp()


class Memti(Frozen):
    """The parent's weights frozen; a parallel adapter on every 3 x 3 convolution, batch norm and the head learn."""

    def __init__(self, method: MemtiMethod, rate: float) -> None:
        """*rate* is that of adapters and batch norm."""
        super().__init__(rate, method.head_rate, "trained")

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Freeze the parent and add the adapters."""
        super().prepare(model, size, data)
        replace_layers(model, AdaptedConv2d.beside)


class Lora(Frozen):
    """The parent's weights frozen; a low-rank update of every convolution, batch norm and the head learn."""

    def __init__(self, method: LoraMethod, rate: float) -> None:
        """*rate* is that of the updates and batch norm."""
        super().__init__(rate, method.head_rate, "trained")
        self.rank = method.rank

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Freeze the parent and add the updates."""
        super().prepare(model, size, data)
        replace_layers(model, lambda layer: LowRankConv2d.beside(layer, self.rank))


class Piggyback(Frozen):
    """The parent's weights frozen; a bit for each says whether the task uses it. Batch norm and the head learn."""

    def __init__(self, method: PiggybackMethod, rate: float) -> None:
        """*rate* is that of the real-valued masks; batch norm learns at the head's."""
        super().__init__(rate, method.head_rate, "trained")
        self.start, self.threshold = method.mask_start, method.mask_threshold

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Freeze the parent and put a mask on the weights of every layer but the head."""
        super().prepare(model, size, data)

        def masked(layer: nn.Module) -> nn.Module | None:
            kind = MaskedConv2d if isinstance(layer, nn.Conv2d) else MaskedLinear
            return kind.over(layer, self.start, self.threshold)

        replace_layers(model, masked)

    def parameter_groups(self, model: TracedModel) -> list[dict[str, Any]]:
        """Masks at the method's rate, batch norm and head at the head's."""
        masks = [layer.scores for layer in model.layers.values() if isinstance(layer, MaskedConv2d | MaskedLinear)]
        mine = {id(p) for p in masks}
        rest = [p for p in model.module.parameters() if id(p) not in mine and p.requires_grad]
        return [{"params": masks, "lr": self.rate}, {"params": rest, "lr": self.head_rate}]


class Pruned(Recipe):
    """Pruned at initialization, then trained with the mask fixed.

    Of every layer but the head, the given share of the weights smallest in magnitude *in the parent* is removed, so
    all tasks share one mask. The head is new for each task and small, hence kept whole.
    """

    def __init__(self, method: PrunedMethod, rate: float) -> None:
        """Take the share of weights to remove from *method*."""
        super().__init__(rate, method.head_rate)
        self.sparsity = method.weight_sparsity
        self.masks: dict[str, Tensor] = {}

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Choose the mask and apply it."""
        for name, layer in model.layers.items():
            if name == model.head_site.name:
                continue
            magnitude = layer.weight.detach().abs().flatten()
            keep = magnitude.numel() - int(self.sparsity * magnitude.numel())
            mask = torch.zeros_like(magnitude, dtype=torch.bool)
            mask[magnitude.topk(keep).indices] = True
            self.masks[name] = mask.view_as(layer.weight)
        self.after_step(model)

    def after_step(self, model: TracedModel) -> None:
        """Set the removed weights back to 0: Adam's step does not leave them there by itself."""
        layers = model.layers
        with torch.no_grad():
            for name, mask in list(self.masks.items()):
                weight = layers[name].weight
                if mask.device != weight.device:
                    mask = self.masks[name] = mask.to(weight.device)
                weight.mul_(mask)


def make_recipe(method: Method, rate: float) -> Recipe:
    """The recipe of a method's scheme, with *rate* out of those that the method lists."""
    if isinstance(method, MimeMethod):
        return Mime(method, rate)
    if isinstance(method, PrunedMethod):
        return Pruned(method, rate)
    if isinstance(method, MemtiMethod):
        return Memti(method, rate)
    if isinstance(method, LoraMethod):
        return Lora(method, rate)
    if isinstance(method, PiggybackMethod):
        return Piggyback(method, rate)
    if isinstance(method, PacknetMethod):
        return Packnet(method, rate)
    if isinstance(method, BatchNormMethod):
        return Frozen(rate, method.head_rate, "trained")
    if isinstance(method, HeadMethod):
        return Frozen(rate, rate, "frozen")
    return FineTune(rate, method.head_rate)
