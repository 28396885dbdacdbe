"""What a training configuration may say; unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mimesim.errors import InputError

__all__ = [
    "Child",
    "ConventionalMethod",
    "Method",
    "MimeMethod",
    "Parent",
    "Phase",
    "PrunedMethod",
    "Record",
    "Schedule",
    "Scheme",
    "TrainingConfig",
    "load_config",
]

Scheme = Literal["conventional", "mime", "pruned"]
Rate = Annotated[float, Field(gt=0, le=10)]
Images = Annotated[int, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Phase(_Frozen):
    """A stretch of training at one input size; several of them are progressive resizing."""

    size_px: Annotated[int, Field(ge=8, le=1024)]
    epochs: Annotated[float, Field(gt=0)]


class Schedule(_Frozen):
    """Batch, phases and the course of the learning rate over all of them (a fraction of each method's rate)."""

    batch: Annotated[int, Field(gt=0)] = 100
    phases: Annotated[tuple[Phase, ...], Field(min_length=1)]
    optimiser: Literal["adam", "sgd"] = "adam"
    rate_course: Literal["onecycle", "cosine", "linear", "constant"] = "cosine"


class Parent(Schedule):
    """The network whose weights the schemes share or start from."""

    dataset: str = "tinyimagenet100"
    train_images: Images | None = None
    rate: Rate = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1e-2
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    recalibrate_images: Annotated[int, Field(ge=0)] = 0
    """Training images from which batch-norm statistics are measured anew at the end; 0 keeps the running averages."""


class _Adaptation(_Frozen):
    """What every method has: the learning rates of what it trains and of the task's new head."""

    rate: Rate = 1e-3
    head_rate: Rate = 1e-3


class ConventionalMethod(_Adaptation):
    """All weights fine-tuned, ReLU: the paper's baseline."""

    scheme: Literal["conventional"] = "conventional"


class MimeMethod(_Adaptation):
    """Weights frozen; thresholds trained at *rate* with the penalty *beta* (equation 3)."""

    scheme: Literal["mime"] = "mime"
    threshold_granularity: Literal["neuron", "channel"] = "neuron"
    threshold_start: Annotated[float, Field(ge=0)] = 0.0
    beta: Annotated[float, Field(ge=0)] = 1e-6


class PrunedMethod(_Adaptation):
    """Pruned at initialization, layer by layer to *weight_sparsity*, then fine-tuned with ReLU."""

    scheme: Literal["pruned"] = "pruned"
    weight_sparsity: Annotated[float, Field(ge=0, lt=1)] = 0.9


Method = Annotated[ConventionalMethod | MimeMethod | PrunedMethod, Field(discriminator="scheme")]


class Child(Schedule):
    """What all methods have in common on a task: the same images, steps and order."""

    train_images: Images | None = None
    tasks: Annotated[tuple[str, ...], Field(min_length=1)] = ("cifar10", "cifar100", "fashion_mnist")
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _once(self) -> Child:
        listed: dict[str, list[str]] = {"task": list(self.tasks), "scheme": [m.scheme for m in self.methods]}
        for label, names in listed.items():
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{label} {twice[0]!r} is listed twice")
        return self


class Record(_Frozen):
    """Which images are recorded, and where the traces go: one folder per scheme."""

    directory: Path
    images: dict[Scheme, Images]


class TrainingConfig(_Frozen):
    """All of one training: a parent, its children by every method, their recordings."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    note: str = ""
    network: Literal["vgg16"] = "vgg16"
    size_px: Annotated[int, Field(ge=8, le=1024)] = 64
    seed: Annotated[int, Field(ge=0)] = 0
    test_images: Images = 2000
    checkpoint_steps: Annotated[int, Field(gt=0)] = 100
    runs: Path = Path("runs")
    parent: Parent
    child: Child
    record: Record

    @model_validator(mode="after")
    def _ends_at_size(self) -> TrainingConfig:
        for label, schedule in (("parent", self.parent), ("child", self.child)):
            if schedule.phases[-1].size_px != self.size_px:
                raise ValueError(f"{label}.phases must end at size_px = {self.size_px}, the size that is recorded")
        missing = [m.scheme for m in self.child.methods if m.scheme not in self.record.images]
        if missing:
            raise ValueError(f"record.images has no entry for the scheme {missing[0]!r}")
        return self


def load_config(path: Path) -> TrainingConfig:
    """Read and check *path*; anything wrong in it is an ``InputError`` that names the key."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise InputError(str(path), f"is not valid YAML: {error}") from error
    try:
        return TrainingConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or None
        raise InputError(str(path), first["msg"], key=key) from error
