"""What a training configuration may say; unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from mimesim.config.base import Described
from mimesim.config.explain import check
from mimesim.config.origin import Origin
from mimesim.config.yaml_file import read_yaml
from mimesim.training.fields import (
    WHICH,
    Architecture,
    BatchNorm,
    BatchSize,
    DataSet,
    Images,
    MethodName,
    Note,
    Rate,
    RateCourse,
    Rates,
    RunName,
    Runs,
    Seed,
    SizePx,
    Steps,
)
from mimesim.training.tasks import ImageTask, NamedTask

__all__ = [
    "BatchNorm",
    "BatchNormMethod",
    "Child",
    "ConventionalMethod",
    "HeadMethod",
    "LoraMethod",
    "MemtiMethod",
    "Method",
    "MimeMethod",
    "PacknetMethod",
    "Parent",
    "Phase",
    "PiggybackMethod",
    "PrunedMethod",
    "Record",
    "Schedule",
    "TrainingConfig",
    "Trials",
    "load_config",
]


class Phase(Described):
    """A stretch of training at one input size; several of them are progressive resizing."""

    size_px: SizePx
    epochs: Annotated[float, Field(gt=0, description="passes over the training images")]


class Schedule(Described):
    """Batch, phases and the course of the learning rate over all of them (a fraction of each method's rate)."""

    batch: BatchSize = 100
    phases: Annotated[tuple[Phase, ...], Field(min_length=1, description="stretches of training, one after the other")]
    optimiser: Literal["adam", "sgd"] = "adam"
    """``adam``: with decoupled weight decay (AdamW), 0 for children; ``sgd``: with Nesterov's momentum of 0.9."""
    rate_course: RateCourse = "cosine"


class Parent(Described):
    """The network whose weights the schemes share or start from: *weights* from elsewhere, or trained on *dataset*."""

    weights: str | None = None
    """``imagenet``: torchvision's, downloaded; else a file of a state that torchvision's network of that name takes."""
    dataset: DataSet = "tinyimagenet100"
    train_images: Images | None = None
    schedule: Schedule | None = None
    rate: Rate = 1e-3
    weight_decay: Annotated[float, Field(ge=0, description="decoupled weight decay")] = 1e-2
    label_smoothing: Annotated[float, Field(ge=0, lt=1, description="share that labels give to other classes")] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of hidden features dropped in a step")] = 0.1
    crop_scale: Annotated[float, Field(gt=0, le=1)] | None = None
    """Random crops of at least this share of the area; without it images are shifted by up to an eighth."""
    hidden_batch_norm: bool = False
    """Train VGG's hidden layers with batch norm, which is folded into their weights and biases at the end."""
    recalibrate_images: Annotated[int, Field(ge=0)] = 0
    """Training images from which batch-norm statistics are measured anew at the end; 0 keeps the running averages."""

    @model_validator(mode="after")
    def _one_origin(self) -> Parent:
        if (self.weights is None) == (self.schedule is None):
            raise ValueError("give either weights (a file, or imagenet) or a schedule to train by")
        return self


class _Adaptation(Described):
    """What every method has: a name, the learning rates of what it trains, of which trials choose one, and the rate of
    the task's new head."""

    name: MethodName
    rates: Rates = (1e-3,)
    head_rate: Rate = 1e-3

    @field_validator("rates")
    @classmethod
    def _told_apart(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        if len({f"{rate:g}" for rate in rates}) < len(rates):
            raise ValueError("no rate may be listed twice: a trial is named by its rate, to six digits")
        return rates


class ConventionalMethod(_Adaptation):
    """All weights fine-tuned, ReLU: the paper's baseline."""

    scheme: Annotated[Literal["conventional"], WHICH] = "conventional"
    name: MethodName = "conventional"


class MimeMethod(_Adaptation):
    """Weights frozen; thresholds trained at one of *rates* with the penalty *beta* (equation 3).

    *batch_norm* is the parent's (``frozen``), has its ``statistics`` measured anew on the task's images, or is
    ``trained`` along at the head's rate.
    """

    scheme: Annotated[Literal["mime"], WHICH] = "mime"
    name: MethodName = "mime"
    threshold_granularity: Annotated[Literal["neuron", "channel"], Field(description="a threshold for each")] = "neuron"
    threshold_start: Annotated[float, Field(ge=0, description="what every threshold starts from")] = 0.0
    beta: Annotated[float, Field(ge=0, description="weight of the penalty on small thresholds")] = 1e-6
    batch_norm: Annotated[BatchNorm, Field(description="whose statistics, scale and shift")] = "frozen"


class PrunedMethod(_Adaptation):
    """Pruned at initialization, layer by layer to *weight_sparsity*, then fine-tuned with ReLU."""

    scheme: Annotated[Literal["pruned"], WHICH] = "pruned"
    name: MethodName = "pruned"
    weight_sparsity: Annotated[float, Field(ge=0, lt=1, description="share of zero weights in each layer")] = 0.9


class HeadMethod(_Adaptation):
    """A control: the parent as it is, only the head learns, at one of *rates*."""

    scheme: Annotated[Literal["head"], WHICH] = "head"
    name: MethodName = "head"


class BatchNormMethod(_Adaptation):
    """A control: weights frozen, ReLU; batch norm learns at one of *rates*."""

    scheme: Annotated[Literal["batch_norm"], WHICH] = "batch_norm"
    name: MethodName = "batch_norm"


class MemtiMethod(_Adaptation):
    """Weights frozen, ReLU; a parallel 1 x 1 adapter on every 3 x 3 convolution and batch norm learn at one of *rates*
    (docs/memti.md)."""

    scheme: Annotated[Literal["memti"], WHICH] = "memti"
    name: MethodName = "memti"


class LoraMethod(_Adaptation):
    """Weights frozen, ReLU; an update of *rank* of every convolution and batch norm learn at one of *rates*."""

    scheme: Annotated[Literal["lora"], WHICH] = "lora"
    name: MethodName = "lora"
    rank: Annotated[int, Field(gt=0, description="of each update")] = 4


class PiggybackMethod(_Adaptation):
    """Weights frozen, ReLU; real-valued masks learn at one of *rates*, and a weight counts where its mask is above
    *mask_threshold*. Batch norm is trained along at the head's rate."""

    scheme: Annotated[Literal["piggyback"], WHICH] = "piggyback"
    name: MethodName = "piggyback"
    rates: Rates = (1e-4,)
    mask_start: Annotated[float, Field(description="what every mask starts from")] = 0.01
    mask_threshold: Annotated[float, Field(description="above it a weight counts")] = 0.005


class PacknetMethod(_Adaptation):
    """One network for all tasks, in the order listed: each trains the weights that those before it left, gives up the
    *prune_share* of them smallest in magnitude, layer by layer, and trains what it keeps for *retrain_share* of its
    steps. Half is what the authors' code prunes unless told otherwise."""

    scheme: Annotated[Literal["packnet"], WHICH] = "packnet"
    name: MethodName = "packnet"
    prune_share: Annotated[float, Field(gt=0, lt=1, description="share of a task's weights given up")] = 0.5
    retrain_share: Annotated[float, Field(gt=0, lt=1, description="share of the steps after that")] = 1 / 3


Method = Annotated[
    ConventionalMethod | MimeMethod | PrunedMethod | HeadMethod | BatchNormMethod | MemtiMethod | LoraMethod
    | PiggybackMethod | PacknetMethod,
    Field(discriminator="scheme"),
]  # fmt: skip


class Trials(Described):
    """How one of a method's learning rates is chosen: each trains on what is left of the training images when
    *held_out* of them are set aside, for *share* of the steps, and the most accurate on those wins."""

    held_out: Annotated[float, Field(gt=0, lt=1, description="share of the training images that decides")] = 0.1
    share: Annotated[float, Field(gt=0, le=1, description="share of the steps that a trial takes")] = 1.0
    tasks: tuple[str, ...] | None = None
    """The tasks whose mean decides for all; without it every task decides for itself."""


class Child(Schedule):
    """What all methods have in common on a task: the same images, steps, order and number of learning-rate trials."""

    phases: Annotated[tuple[Phase, ...], Field(min_length=1)] = (Phase(size_px=64, epochs=10),)
    """The paper's ten epochs unless said otherwise."""
    train_images: Images | None = None
    tasks: Annotated[tuple[NamedTask, ...], Field(min_length=1)] = tuple(
        map(ImageTask.whole, ("cifar10", "cifar100", "fashion_mnist"))
    )
    trials: Trials | None = None
    methods: Annotated[tuple[Method, ...], Field(min_length=1, description="what is compared on each task")]

    @property
    def names(self) -> tuple[str, ...]:
        """The tasks' names."""
        return tuple(task.name for task in self.tasks)

    @model_validator(mode="after")
    def _fair(self) -> Child:
        listed: dict[str, list[str]] = {"task": list(self.names), "method": [m.name for m in self.methods]}
        for label, names in listed.items():
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{label} {twice[0]!r} is listed twice")
        counts = {method.name: len(method.rates) for method in self.methods}
        if len(set(counts.values())) > 1:
            raise ValueError(f"every method has as many rates as the others, to be fair: {counts}")
        if max(counts.values()) > 1 and self.trials is None:
            raise ValueError("several rates need trials to choose between them: give trials")
        unknown = sorted(set(self.trials.tasks or ()) - set(self.names)) if self.trials else []
        if unknown:
            raise ValueError(f"trials.tasks names {unknown[0]!r}, which is none of tasks")
        return self


class Record(Described):
    """How many images of each task are recorded of which methods, and where the traces go: one folder per method."""

    directory: Annotated[Path, Field(description="folder of the traces")]
    images: Annotated[dict[str, Images], Field(description="by method: images of each task")]


class TrainingConfig(Architecture):
    """All of one training: a parent, its children by every method, their recordings."""

    name: RunName
    note: Note = ""
    size_px: SizePx = 64
    seed: Seed = 0
    test_images: Images = 2000
    subset: bool = True
    """The project's balanced subsets, which ship as index lists; false: the whole public sets (docs/data.md)."""
    checkpoint_steps: Steps = 100
    runs: Runs = Path("runs")
    parent: Parent
    child: Child
    record: Record

    @model_validator(mode="after")
    def _ends_at_size(self) -> TrainingConfig:
        for label, schedule in (("parent.schedule", self.parent.schedule), ("child", self.child)):
            if schedule is not None and schedule.phases[-1].size_px != self.size_px:
                raise ValueError(f"{label}.phases must end at size_px = {self.size_px}, the size that is recorded")
        unknown = sorted(set(self.record.images) - {method.name for method in self.child.methods})
        if unknown:
            raise ValueError(f"record.images names {unknown[0]!r}, which is none of the methods")
        return self


def load_config(path: Path) -> TrainingConfig:
    """Read and check *path*; the first thing wrong in it is an ``InputError`` that names line, key, value and rule."""
    data, places = read_yaml(path)
    return check(TrainingConfig, data, Origin(str(path), path.parent, places))
