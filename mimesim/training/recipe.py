"""What a training does with a network: what learns, at which rate, and what happens around every step."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from mimesim.training.config import BatchNorm
from mimesim.training.data import ImageSet, resize
from mimesim.training.recalibrate import recalibrate
from mimesim.training.sharing.surgery import is_added
from mimesim.training.tracing.model import TracedModel

__all__ = ["FineTune", "Frozen", "Recipe", "Scratch", "frozen_state"]


class Recipe:
    """Plain training of everything; the schemes override what they do differently."""

    batch_norm: BatchNorm = "trained"

    def __init__(self, rate: float, head_rate: float) -> None:
        """Learning rates of the body and of the head."""
        self.rate = rate
        self.head_rate = head_rate

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Change the freshly loaded parent (with its new head) into what is trained, for images of *size* pixels.

        *data* is the task's training set, of any size, or None where a finished network is only loaded.
        """

    def resize(self, model: TracedModel, size: int) -> None:
        """Adjust what depends on the input size, at the start of a phase."""

    def parameter_groups(self, model: TracedModel) -> list[dict[str, Any]]:
        """Parameters and learning rates, as an optimiser takes them."""
        head = list(model.head.parameters())
        mine = {id(p) for p in head}
        rest = [p for p in model.module.parameters() if id(p) not in mine and p.requires_grad]
        groups = [{"params": rest, "lr": self.rate}] if rest else []
        return [*groups, {"params": head, "lr": self.head_rate}]

    def train_mode(self, model: TracedModel) -> None:
        """Put the modules that learn into training mode."""
        model.module.train()

    def penalty(self, model: TracedModel) -> Tensor | None:
        """What is added to the cross entropy, a scalar."""
        return None

    def before_step(self, model: TracedModel, step: int, steps: int) -> None:
        """Change what is trained, before number *step*, counted from 0, of all *steps*."""

    def after_step(self, model: TracedModel) -> None:
        """Restore what every step must keep."""

    def untouched(self, model: TracedModel) -> dict[str, Tensor]:
        """Copies of what training must leave bit for bit, by name."""
        return {}


class Scratch(Recipe):
    """The parent: all weights from their random start, one rate for body and head."""


class FineTune(Recipe):
    """The paper's baseline: the parent's weights, batch norm and a new head, all trained, with ReLU."""


class Frozen(Recipe):
    """The parent's weights are never changed; the head learns, and batch norm as *batch_norm* says.

    ``frozen``: the parent's statistics, scales and shifts. ``statistics``: mean and variance measured once on the
    task's training images before training starts, scales and shifts the parent's. ``trained``: scales and shifts
    learn, and the running statistics follow the task's batches.
    """

    def __init__(self, rate: float, head_rate: float, batch_norm: BatchNorm) -> None:
        """*rate* is that of all that learns beside the head."""
        super().__init__(rate, head_rate)
        self.batch_norm = batch_norm

    def prepare(self, model: TracedModel, size: int, data: ImageSet | None = None) -> None:
        """Freeze the weights."""
        for parameter in model.module.parameters():
            parameter.requires_grad_(False)
        for parameter in model.head.parameters():
            parameter.requires_grad_(True)
        if self.batch_norm == "trained":
            for norm in model.norms.values():
                for parameter in norm.parameters():
                    parameter.requires_grad_(True)
        if self.batch_norm == "statistics" and data is not None:
            recalibrate(model, resize(data, size), next(model.module.parameters()).device)

    def untouched(self, model: TracedModel) -> dict[str, Tensor]:
        """Everything but the head, what was added, and batch norm that is trained."""
        return frozen_state(model, self.batch_norm)

    def train_mode(self, model: TracedModel) -> None:
        """Only batch norm that is trained moves; dropout stays off: the body computes what the parent does."""
        model.module.eval()
        if self.batch_norm == "trained":
            for norm in model.norms.values():
                norm.train()


def frozen_state(model: TracedModel, batch_norm: BatchNorm) -> dict[str, Tensor]:
    """What threshold training must leave bit for bit: weights and biases of all layers but the head; batch norm, too,
    where it is the parent's. Names are those of the module's state."""
    head, norms = model.head_site.weights or "", [site.norm for site in model.sites if site.norm]
    kept: dict[str, Tensor] = {}
    for name, tensor in model.module.state_dict().items():
        owner = name.rpartition(".")[0]
        moves = owner == head or owner.startswith("activations.") or (owner in norms and batch_norm != "frozen")
        if not (moves or is_added(name)):
            kept[name] = tensor.detach().clone()
    return kept
