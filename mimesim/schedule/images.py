"""The images that a run replays, in which batches, and the counts that all cases share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mimesim.config.schedule import Mode

__all__ = ["Image", "MaskSource", "compose_batches"]


class MaskSource(Protocol):
    """Where masks come from: a :class:`mimesim.trace.Trace`, or anything that answers like one."""

    def mask(self, task: str, image_index: int, tensor: str) -> NDArray[np.bool_]:
        """Return the mask (C, H, W) of one image at *tensor*."""

    def weight_mask(self, task: str, layer: str) -> NDArray[np.bool_] | None:
        """Return the non-zero weights (Co, Ci / groups, kh, kw) of a pruned layer, None where none is zero."""

    def units(self, task: str) -> tuple[str, ...] | None:
        """Return the units of the network that the images of *task* run, None for all of them."""


@dataclass(frozen=True)
class Image:
    """One image of the replay: number *number* of *task* in *trace*; *index* is its place in the replay.

    A request is an image of several tasks, whose names *task* joins by ``+``; *number* is then the first one's.
    """

    index: int
    task: str
    number: int
    trace: MaskSource

    def mask(self, tensor: str) -> NDArray[np.bool_]:
        """Return the recorded mask (C, H, W) of *tensor*."""
        return self.trace.mask(self.task, self.number, tensor)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its task, or those of a request."""
        return tuple(self.task.split("+"))

    @cached_property
    def _units(self) -> dict[str, tuple[str, ...] | None]:
        return {task: self.trace.units(task) for task in self.tasks}

    def runs(self, unit: str | None) -> bool:
        """Return whether the image runs the nodes of a *unit*; None stands for those of no unit, which all run."""
        return unit is None or any(used is None or unit in used for used in self._units.values())

    def runner(self, unit: str | None) -> str:
        """Return the task for which the image runs the nodes of a *unit*: of a request's, the first that does."""
        return next(task for task, used in self._units.items() if unit is None or used is None or unit in used)


def compose_batches(
    trace: MaskSource, tasks: Sequence[str], mode: Mode, images_per_task: int, batch_images: int
) -> list[list[Image]]:
    """Return the batches of a replay.

    ``singular``: each task's images on their own, task after task. ``pipelined``: the tasks take turns, image by image.
    A batch holds at most *batch_images*; in ``singular`` mode no batch mixes tasks.
    """
    by_task = [[(task, number) for number in range(images_per_task)] for task in tasks]
    if mode == "singular":
        streams = by_task
    else:
        streams = [[pair for pair in chain.from_iterable(zip_longest(*by_task)) if pair is not None]]
    batches: list[list[Image]] = []
    index = 0
    for stream in streams:
        for start in range(0, len(stream), batch_images):
            batch = []
            for task, number in stream[start : start + batch_images]:
                batch.append(Image(index, task, number, trace))
                index += 1
            batches.append(batch)
    return batches
