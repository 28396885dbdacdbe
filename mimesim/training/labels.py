"""Labels of a task's own on the images of a set."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mimesim.errors import InputError
from mimesim.training.data import ImageSet
from mimesim.training.tasks import LabelledTask

__all__ = ["COARSE", "class_count", "label_table", "relabelled"]

#: The superclass of each of CIFAR-100's classes, both in alphabetical order, as the data set's files have them.
COARSE = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10,
    12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17, 10, 3, 2, 12, 12, 16,
    12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14,
    13,
)  # fmt: skip


def label_table(task: LabelledTask, count: int, key: str) -> Tensor:
    """The task's class of each of *count* labels, int64 (count,).

    Groups that overlap or name no label are an ``InputError`` at *key*.
    """
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


def class_count(table: Tensor) -> int:
    """Classes of a task with the :func:`label_table` *table*."""
    return int(table.max()) + 1


def relabelled(images: ImageSet, task: LabelledTask, key: str = "labels") -> ImageSet:
    """*images*, which have their set's own labels, with those of *task*."""
    table = label_table(task, images.classes, key)
    return replace(images, labels=table[images.labels], classes=class_count(table))
