"""Several tasks on the same images: each has labels of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mimesim.training.data import ImageSet, hold_out
from mimesim.training.labels import class_count, label_table
from mimesim.training.tasks import LabelledTask

__all__ = ["TaskImages", "relabel"]


@dataclass(frozen=True)
class TaskImages:
    """Images, and for every task its labels, int64 (N,), and how many classes it has."""

    images: ImageSet
    labels: Mapping[str, Tensor]
    classes: Mapping[str, int]

    def __len__(self) -> int:
        """Images."""
        return len(self.images)

    def take(self, rows: Tensor) -> TaskImages:
        """The images at *rows*, in that order."""
        return replace(self, images=self.images.take(rows), labels={t: n[rows] for t, n in self.labels.items()})

    def only(self, tasks: Sequence[str]) -> TaskImages:
        """The same images with the labels of *tasks* alone."""
        return TaskImages(self.images, {t: self.labels[t] for t in tasks}, {t: self.classes[t] for t in tasks})

    def of(self, task: str) -> ImageSet:
        """The images with the labels of one task."""
        return replace(self.images, labels=self.labels[task], classes=self.classes[task])

    def split(self, share: float, seed: int) -> tuple[TaskImages, TaskImages]:
        """What is left, and *share* of the images, balanced over the image set's own classes."""
        held = hold_out(self.images, share, seed)[1]
        chosen = torch.isin(self.images.ids, held.ids)
        return self.take((~chosen).nonzero().flatten()), self.take(chosen.nonzero().flatten())


def relabel(images: ImageSet, tasks: Sequence[LabelledTask]) -> TaskImages:
    """*images* with the labels of *tasks*; groups that overlap or name no label are an ``InputError``."""
    labels: dict[str, Tensor] = {}
    classes: dict[str, int] = {}
    for number, task in enumerate(tasks):
        table = label_table(task, images.classes, f"tasks.{number}.labels")
        labels[task.name] = table[images.labels]
        classes[task.name] = class_count(table)
    return TaskImages(images, labels, classes)
