"""The images of a configuration's tasks: which are trained on, tested and recorded, with each task's labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from mimesim.training.config import TrainingConfig
from mimesim.training.data import ImageSet, hold_out, resize, subset
from mimesim.training.labels import class_count, label_table, relabelled
from mimesim.training.recording.masks import choose_images
from mimesim.training.sources.arrays import Split
from mimesim.training.tasks import ImageTask

__all__ = ["TaskSets"]


class TaskSets:
    """Images are drawn by their set's own labels and labelled anew after that: tasks of one set have the same ones.

    *load* returns the images of a set and split; it is asked more than once for the same.
    """

    def __init__(self, config: TrainingConfig, load: Callable[[str, Split], ImageSet]) -> None:
        self._config = config
        self._load = load
        self.test = cache(self._test)

    @property
    def same_pictures(self) -> bool:
        """Whether there are several child tasks, all on the images of one set."""
        tasks = self._config.child.tasks
        return len(tasks) > 1 and len({task.dataset for task in tasks}) == 1

    def task(self, name: str) -> ImageTask:
        """The child task of that *name*."""
        return next(task for task in self._config.child.tasks if task.name == name)

    def classes(self, task: str) -> int:
        """Classes of a child task; labels that make no task are an ``InputError``."""
        found = self.task(task)
        key = f"child.tasks.{self._config.child.names.index(task)}.labels"
        return class_count(label_table(found, self._load(found.dataset, "test").classes, key))

    def train(self, task: str) -> ImageSet:
        """A child's training images."""
        return relabelled(self._train(task), self.task(task))

    def split(self, task: str, share: float) -> tuple[ImageSet, ImageSet]:
        """A child's training images without *share* of them, and these; the first may be none."""
        rest, held = hold_out(self._train(task), share, self._config.seed)
        return relabelled(rest, self.task(task)), relabelled(held, self.task(task))

    def _train(self, task: str) -> ImageSet:
        return subset(self._load(self.task(task).dataset, "train"), self._config.child.train_images, self._config.seed)

    def _test(self, task: ImageTask) -> ImageSet:
        """The images that *task* is tested on, at the network's size."""
        chosen = subset(self._load(task.dataset, "test"), self._config.test_images, self._config.seed)
        return relabelled(resize(chosen, self._config.size_px), task)

    def recorded(self, task: str, count: int) -> ImageSet:
        """*count* test images that are recorded, at their own size."""
        found = self.task(task)
        chosen = choose_images(self._load(found.dataset, "test"), count, self._config.seed, found.dataset)
        return relabelled(chosen, found)
