"""What a configuration of merged networks may say; unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mimesim.config.base import Count, Described, Positive
from mimesim.training.config import Phase, Schedule
from mimesim.training.fields import (
    Architecture,
    BatchSize,
    DataSet,
    Note,
    Rate,
    RateCourse,
    RunName,
    Runs,
    Seed,
    SizePx,
    Steps,
)
from mimesim.training.pam.information import NOISE
from mimesim.training.tasks import LabelledTask

__all__ = ["Fit", "InformationSettings", "PamConfig", "Pruning", "SystemName", "Zipping"]

SystemName = Literal["separate", "pam", "random", "trunk", "mtz"]
Share = Annotated[float, Field(gt=0, lt=1)]


class Fit(Described):
    """A stretch of training on all the training images; *rate* is the highest of its course."""

    batch: Annotated[BatchSize, Field(gt=1)] = 64
    epochs: Annotated[float, Field(gt=0, description="passes over the training images")]
    rate: Rate = 1e-3
    optimiser: Annotated[Literal["adam", "sgd"], Field(description="as of any training")] = "adam"
    rate_course: RateCourse = "cosine"
    weight_decay: Annotated[float, Field(ge=0, description="decoupled weight decay")] = 0.0

    def schedule(self, size_px: int) -> Schedule:
        """The same at one input size, as a single network is trained."""
        phases = (Phase(size_px=size_px, epochs=self.epochs),)
        return Schedule(batch=self.batch, phases=phases, optimiser=self.optimiser, rate_course=self.rate_course)


class InformationSettings(Described):
    """From how many training *images* information is estimated, with which *noise* (a variance), and how many nats
    neurons that count as irrelevant may carry together: the thresholds of the authors' example."""

    images: Annotated[int, Field(ge=2, le=1024, description="training images to estimate from")] = 128
    noise: Annotated[Positive, Field(description="variance of the noise")] = NOISE
    conv_nats: Annotated[float, Field(ge=0, description="threshold of convolutions")] = 0.01
    linear_nats: Annotated[float, Field(ge=0, description="threshold of linear layers")] = 0.05


class Pruning(Described):
    """*rounds* of removing neurons and training what is left by *fit*.

    ``taylor`` removes the *share* of the neurons with the lowest importance, estimated from *images* training images;
    ``bottleneck`` trains gates at *gate_rate* with the penalty *beta* and removes those that let nothing through: it
    begins with open gates in every round, so it wants few rounds of many epochs. In the merged
    networks only ``shared`` neurons are pruned, as the authors do, or ``all``; the others are pruned whole.
    """

    method: Annotated[Literal["taylor", "bottleneck"], Field(description="how neurons are chosen")] = "taylor"
    neurons: Annotated[Literal["shared", "all"], Field(description="of the merged networks")] = "shared"
    rounds: Annotated[int, Field(ge=0, le=100, description="of pruning and training")] = 30
    share: Annotated[Share, Field(description="of the neurons that a round removes")] = 0.09
    images: Annotated[Count, Field(description="training images to estimate importance from")] = 500
    beta: Annotated[float, Field(ge=0, description="weight of the penalty on open gates")] = 1e-5
    gate_rate: Rate = 0.01
    fit: Fit


class Zipping(Described):
    """How the networks of two tasks are zipped (``mtz``): *share* of each layer's neurons, by Hessians from *images*
    training images, with a training by *fit* after each layer. Nine tenths are what the authors' code shares."""

    share: Annotated[float, Field(gt=0, le=1, description="of each layer's neurons")] = 0.9
    images: Annotated[Count, Field(description="training images for the Hessians")] = 128
    fit: Fit = Fit(epochs=0.1)


class PamConfig(Architecture):
    """Tasks on the same images, a network for each, and how these become one."""

    system: Annotated[Literal["pam"], Field(description="which way to share a network")]
    name: RunName
    note: Note = ""
    dataset: DataSet
    subset: bool = True
    """The project's balanced subsets; false: the whole public sets (docs/data.md)."""
    tasks: Annotated[tuple[LabelledTask, ...], Field(min_length=1, max_length=8)]
    size_px: SizePx = 32
    seed: Seed = 0
    train_images: Count | None = Field(None, description="null: all")
    test_images: Count | None = Field(None, description="null: all")
    held_out: Share = 0.1
    """Share of the training images on which it is decided how far to prune."""
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """How much less of the held-out images a pruned system may get right than the separate networks before pruning."""
    single: Fit
    merged: Fit
    information: InformationSettings = InformationSettings()
    zipping: Zipping = Zipping()
    pruning: Pruning
    systems: Annotated[tuple[SystemName, ...], Field(min_length=1, description="what is compared")] = (
        "separate",
        "pam",
        "random",
        "trunk",
    )
    record_images: Count = 3
    """Test images, the same for all tasks, whose masks the trace holds."""
    checkpoint_steps: Steps = 100
    runs: Runs = Path("runs")
    results: Annotated[Path, Field(description="folder of the results")]

    @model_validator(mode="after")
    def _sound(self) -> PamConfig:
        names = [task.name for task in self.tasks]
        twice = sorted({name for name in names if [n.lower() for n in names].count(name.lower()) > 1})
        if twice:
            raise ValueError(f"task {twice[0]!r} is listed twice")
        if "shared" in names:
            raise ValueError("no task may be called 'shared': that is what belongs to all")
        if "separate" not in self.systems or "pam" not in self.systems:
            raise ValueError("systems must hold separate and pam: the others are compared with them")
        if "mtz" in self.systems and len(self.tasks) != 2:
            raise ValueError("mtz zips two networks: give two tasks, or leave it out of systems")
        return self
