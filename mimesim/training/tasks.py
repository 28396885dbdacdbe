"""Which images a task has and what its classes are, as a configuration says it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mimesim.config.base import Described

__all__ = ["ImageTask", "LabelledTask", "Labels", "NamedTask"]

Class = Annotated[int, Field(ge=0)]
Labels = Literal["all", "coarse"] | Annotated[tuple[tuple[Class, ...], ...], Field(min_length=1)]


class LabelledTask(Described):
    """A task on some images: its *labels* are the image set's own (``all``), CIFAR-100's superclasses (``coarse``), or
    a class for each listed group of them; labels that no group names are one more class, the last: none of these."""

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=40, description="what results call it")
    ]
    labels: Labels = "all"
    """``all``, ``coarse``, or for each class a list of the image set's."""


class ImageTask(LabelledTask):
    """A task that also says which image set its images are of; several tasks may have the same."""

    dataset: Annotated[str, Field(description="an image set of docs/data.md")]

    @classmethod
    def whole(cls, dataset: str) -> ImageTask:
        """The task that is called like its image set and has its labels."""
        return cls(name=dataset, dataset=dataset)

    @property
    def is_whole(self) -> bool:
        """Whether a configuration names it by its image set alone."""
        return self.name == self.dataset and self.labels == "all"


def _named(value: Any) -> Any:
    return {"name": value, "dataset": value} if isinstance(value, str) else value


NamedTask = Annotated[ImageTask, BeforeValidator(_named)]
"""An :class:`ImageTask`, or the name of an image set for the task of all its labels."""
