"""What training configurations have in common: the network, and entries with their bounds and descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mimesim.config.base import Count, Described

__all__ = [
    "WHICH",
    "Architecture",
    "BatchNorm",
    "BatchSize",
    "DataSet",
    "Images",
    "MethodName",
    "Note",
    "Rate",
    "RateCourse",
    "Rates",
    "RunName",
    "Runs",
    "Seed",
    "SizePx",
    "Steps",
]

BatchNorm = Literal["frozen", "statistics", "trained"]
Rate = Annotated[float, Field(gt=0, le=10, description="the highest learning rate of its course")]
MethodName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", description="what results call the method")]
Images = Annotated[int, Field(gt=0, description="a number of images; null: all")]
SizePx = Annotated[int, Field(ge=8, le=1024, description="edge of the square images, in pixels")]
Rates = Annotated[tuple[Rate, ...], Field(min_length=1, description="learning rates; trials choose between several")]
BatchSize = Annotated[int, Field(gt=0, description="images in a step")]
RateCourse = Annotated[
    Literal["onecycle", "cosine", "linear", "constant"],
    Field(description="how the learning rate goes from step to step"),
]
#: Of the key that tells the methods apart.
WHICH = Field(description="which method this is")
Note = Annotated[str, Field(description="for whoever reads the file")]
RunName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the folder under runs")]
Seed = Annotated[int, Field(ge=0, description="of everything that is drawn")]
Steps = Annotated[int, Field(gt=0, description="steps between two checkpoints, from which a training goes on")]
Runs = Annotated[Path, Field(description="folder of checkpoints and what else a training goes on from")]
DataSet = Annotated[str, Field(description="an image set of docs/data.md")]


class Architecture(Described):
    """The network that is trained: one of those known by name, a function of the user's, or a VGG of any width."""

    network: str = "vgg16"
    """A name, MODULE:FUNCTION, or ``vgg`` with *features* and *hidden*."""
    features: tuple[Count | Literal["M"], ...] = ()
    """Of ``vgg``: channels of each convolution, or M, a 2 x 2 max-pool."""
    hidden: tuple[Count, ...] = ()
    """Of ``vgg``: features of each linear layer but the head."""

    @model_validator(mode="after")
    def _one_network(self) -> Self:
        if (self.network == "vgg") != bool(self.features):
            raise ValueError("features go with network: vgg, and only with it")
        if self.hidden and not self.features:
            raise ValueError("hidden goes with network: vgg, and only with it")
        return self
