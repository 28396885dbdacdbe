"""How a scheme adapts the parent: what is trained, at which rate, and what happens after every step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mimesim.training.config import Method, MimeMethod, PrunedMethod
from mimesim.training.models import Vgg, weight_layers
from mimesim.training.threshold import ThresholdLayer, threshold_layers, threshold_penalty

__all__ = ["FineTune", "Mime", "Pruned", "Recipe", "Scratch", "frozen_parameters", "make_recipe"]


class Recipe:
    """Plain training of everything; the schemes override what they do differently."""

    def __init__(self, rate: float, head_rate: float) -> None:
        """Learning rates of the body and of the head."""
        self.rate = rate
        self.head_rate = head_rate

    def prepare(self, model: Vgg, size: int) -> None:
        """Change the freshly loaded parent (with its new head) into what is trained, for images of *size* pixels."""

    def resize(self, model: Vgg, size: int) -> None:
        """Adjust what depends on the input size, at the start of a phase."""

    def parameter_groups(self, model: Vgg) -> list[dict[str, Any]]:
        """Parameters and learning rates, as an optimiser takes them."""
        head = list(model.nodes["classifier"].parameters())
        mine = {id(p) for p in head}
        rest = [p for p in model.parameters() if id(p) not in mine and p.requires_grad]
        return [{"params": rest, "lr": self.rate}, {"params": head, "lr": self.head_rate}]

    def train_mode(self, model: Vgg) -> None:
        """Put the modules that learn into training mode."""
        model.train()

    def penalty(self, model: Vgg) -> Tensor | None:
        """What is added to the cross entropy, a scalar."""
        return None

    def after_step(self, model: Vgg) -> None:
        """Restore what every step must keep."""


class Scratch(Recipe):
    """The parent: all weights from their random start, one rate for body and head."""


class FineTune(Recipe):
    """The paper's baseline: the parent's weights, batch norm and a new head, all trained, with ReLU."""


class Mime(Recipe):
    """Weights and batch norm of the parent frozen (running statistics too); thresholds and head learn."""

    def __init__(self, method: MimeMethod) -> None:
        """Take granularity, start and beta from *method*; its rate is the thresholds'."""
        super().__init__(method.rate, method.head_rate)
        self.method = method

    def prepare(self, model: Vgg, size: int) -> None:
        """Freeze the parent and put a threshold layer in the place of every ReLU."""
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith("nodes.classifier"))
        granularity, start = self.method.threshold_granularity, self.method.threshold_start
        device = next(model.parameters()).device
        model.set_activations(lambda _, shape: ThresholdLayer(shape, granularity, start).to(device), size)

    def resize(self, model: Vgg, size: int) -> None:
        """Carry the threshold maps over to the new size."""
        for name, shape in model.output_shapes(size).items():
            activation = getattr(model.nodes[name], "activation", None)
            if isinstance(activation, ThresholdLayer):
                activation.resize(shape)

    def train_mode(self, model: Vgg) -> None:
        """Batch norm and dropout stay in inference mode: the parent must not move."""
        model.eval()

    def penalty(self, model: Vgg) -> Tensor | None:
        """Equation 3's second term."""
        return self.method.beta * threshold_penalty(model) if self.method.beta else None

    def after_step(self, model: Vgg) -> None:
        """Keep the thresholds at or above 0."""
        for layer in threshold_layers(model):
            layer.clamp()


class Pruned(Recipe):
    """Pruned at initialization, then trained with the mask fixed.

    Of every layer but the head, the given share of the weights smallest in magnitude *in the parent* is removed, so
    all tasks share one mask. The head is new for each task and small, hence kept whole.
    """

    def __init__(self, method: PrunedMethod) -> None:
        """Take the share of weights to remove from *method*."""
        super().__init__(method.rate, method.head_rate)
        self.sparsity = method.weight_sparsity
        self.masks: dict[str, Tensor] = {}

    def prepare(self, model: Vgg, size: int) -> None:
        """Choose the mask and apply it."""
        for name, layer in weight_layers(model).items():
            if name == "classifier":
                continue
            magnitude = layer.weight.detach().abs().flatten()
            keep = magnitude.numel() - int(self.sparsity * magnitude.numel())
            mask = torch.zeros_like(magnitude, dtype=torch.bool)
            mask[magnitude.topk(keep).indices] = True
            self.masks[name] = mask.view_as(layer.weight)
        self.after_step(model)

    def after_step(self, model: Vgg) -> None:
        """Set the removed weights back to 0: Adam's step does not leave them there by itself."""
        layers = weight_layers(model)
        with torch.no_grad():
            for name, mask in list(self.masks.items()):
                weight = layers[name].weight
                if mask.device != weight.device:
                    mask = self.masks[name] = mask.to(weight.device)
                weight.mul_(mask)


def make_recipe(method: Method) -> Recipe:
    """The recipe of a method's scheme."""
    if isinstance(method, MimeMethod):
        return Mime(method)
    if isinstance(method, PrunedMethod):
        return Pruned(method)
    return FineTune(method.rate, method.head_rate)


def frozen_parameters(model: nn.Module) -> dict[str, Tensor]:
    """Everything of *model* that threshold training must leave as it is: weights and batch norm, without the head."""
    return {
        name: tensor.detach().clone()
        for name, tensor in model.state_dict().items()
        if not name.startswith("nodes.classifier") and not name.endswith(".activation.t")
    }
