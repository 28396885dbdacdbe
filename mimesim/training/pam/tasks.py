"""Several tasks on the same images: each has labels of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mimesim.errors import InputError
from mimesim.training.data import ImageSet, hold_out
from mimesim.training.pam.config import PamTask

__all__ = ["COARSE", "TaskImages", "relabel"]

#: The superclass of each of CIFAR-100's classes, both in alphabetical order, as the data set's files have them.
COARSE = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10,
    12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16,
    12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14,
    13,
)  # fmt: skip


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


def relabel(images: ImageSet, tasks: Sequence[PamTask]) -> TaskImages:
    """*images* with the labels of *tasks*; groups that overlap or name no label are an ``InputError``."""
    labels: dict[str, Tensor] = {}
    classes: dict[str, int] = {}
    for number, task in enumerate(tasks):
        table = _table(task, images.classes, f"tasks.{number}.labels")
        labels[task.name] = table[images.labels]
        classes[task.name] = int(table.max()) + 1
    return TaskImages(images, labels, classes)


def _table(task: PamTask, count: int, key: str) -> Tensor:
    """The task's class of each of *count* labels."""
    if task.labels == "all":
        return torch.arange(count)
    if task.labels == "coarse":
        if count != len(COARSE):
            raise InputError(task.name, "coarse labels are CIFAR-100's", key=key, value=f"{count} classes")
        return torch.tensor(COARSE)
    table = torch.full((count,), len(task.labels))
    for position, group in enumerate(task.labels):
        if not group:
            raise InputError(task.name, "holds an empty group", key=key)
        for label in group:
            if label >= count or table[label] < len(task.labels):
                rule = "is in two groups" if label < count else f"labels go from 0 to {count - 1}"
                raise InputError(task.name, rule, key=key, value=label)
            table[label] = position
    return table
