"""What a configuration of virtual networks may say; unknown keys are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mimesim.config.base import Described
from mimesim.training.fields import DataSet, Note, Rate, RateCourse, RunName, Runs, Seed, SizePx, Steps

__all__ = ["Baseline", "DvnConfig"]

Baseline = Literal["separate", "equal", "trunk", "random"]
Count = Annotated[int, Field(gt=0)]


class DvnConfig(Described):
    """One backbone, its tasks and levels, how they are trained, and what they are held against."""

    system: Annotated[Literal["dvn"], Field(description="which way to share a network")]
    name: RunName
    note: Note = ""
    tasks: Annotated[tuple[DataSet, ...], Field(min_length=2)] = ("cifar10", "cifar100", "fashion_mnist")
    """In the order that decides which are neighbours; there are as many units."""
    levels: Annotated[Count, Field(description="virtual networks of each task, each within the next")] = 3
    features: Annotated[tuple[Count | Literal["M"], ...], Field(min_length=1)]
    """Channels of each convolution, or M, a 2 x 2 max-pool."""
    size_px: SizePx = 32
    seed: Seed = 0
    train_images: Count | None = Field(None, description="of each task; null: all")
    test_images: Annotated[Count, Field(description="of each task")] = 2000
    subset: bool = True
    """The project's balanced subsets; false: the whole public sets (docs/data.md)."""
    batch: Annotated[int, Field(gt=1)] = 50
    """Images of each task in a step."""
    epochs: Annotated[float, Field(gt=0)] = 10
    """Over the task with the most training images; those with fewer begin again sooner."""
    optimiser: Annotated[Literal["adam", "sgd"], Field(description="as of any training")] = "sgd"
    rate: Rate = 0.05
    rate_course: RateCourse = "cosine"
    weight_decay: Annotated[float, Field(ge=0, description="decoupled weight decay")] = 5e-4
    checkpoint_steps: Steps = 100
    baselines: tuple[Baseline, ...] = ("separate", "equal", "trunk", "random")
    """``separate``: for each task and level a network of its own, as large as the level; ``equal``: one for each task,
    together as large as the backbone; ``trunk``: the backbone whole for all tasks; ``random``: virtual networks
    whose units are drawn."""
    runs: Runs = Path("runs")
    results: Annotated[Path, Field(description="folder of the results")]
    record_images: Annotated[int, Field(ge=0)] = 0
    """Test images of each task whose masks are recorded, at every level, as the trace ``RESULTS/trace``."""

    @model_validator(mode="after")
    def _fits(self) -> DvnConfig:
        for label, names in (("task", self.tasks), ("baseline", self.baselines)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{label} {twice[0]!r} is listed twice")
        if self.levels > len(self.tasks):
            raise ValueError(f"levels = {self.levels} is more than the {len(self.tasks)} tasks, hence units, there are")
        return self
