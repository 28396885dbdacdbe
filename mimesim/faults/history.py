"""The batches of a long evaluation: which tasks' images each holds, and the copies it makes, walked once per kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.faults.residency import BatchCopies, walk
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import Image, compose_batches
from mimesim.schedule.program import CasePlan, plan_case
from mimesim.schemes import Scheme
from mimesim.trace import Trace

__all__ = ["Batch", "Replay"]

#: (task, number of the image among the task's) of each image of a batch.
Batch = tuple[tuple[str, int], ...]
_Tasks = tuple[str, ...]


@dataclass
class Replay:
    """A case on as many images as an evaluation needs, of which its trace holds only a few.

    Blocks, slots and lookups do not depend on the masks, so the trace's images stand in for the others.
    """

    trace: Trace
    scheme: Scheme
    skipping: Skipping
    hardware: Hardware
    schedule: Schedule
    workload_tasks: Sequence[str]
    batch_images: int

    def __post_init__(self) -> None:
        """Nothing is walked yet."""
        self._book = CostBook()
        self._kept: dict[tuple[_Tasks, ...], BatchCopies] = {}

    def batches(self, tasks: Sequence[str], mode: Mode, images_per_task: int) -> list[Batch]:
        """Return the images of each batch, as :func:`compose_batches` lays them out."""
        made = compose_batches(self.trace, tasks, mode, images_per_task, self.batch_images)
        return [tuple((image.task, image.number) for image in batch) for batch in made]

    def plan(self, batches: Sequence[_Tasks]) -> CasePlan:
        """Plan batches of images of the given tasks."""
        seen: Counter[str] = Counter()
        made: list[list[Image]] = []
        index = 0
        for tasks in batches:
            batch = []
            for task in tasks:
                batch.append(Image(index, task, seen[task] % self.trace.entry(task).images, self.trace))
                seen[task] += 1
                index += 1
            made.append(batch)
        return plan_case(
            self.trace.network, self.scheme, self.skipping, self.hardware, self.schedule, made, self.workload_tasks,
            self._book,
        )  # fmt: skip

    def copies(self, batches: Sequence[Batch]) -> list[BatchCopies]:
        """Return the copies of each batch, the caches being empty before the first.

        With LRU a block is resident exactly if what was used since its last use, and itself, fit: only the order of
        last uses counts. So of the batches before one, each kind need be walked only once, where it came last. (In a
        unified cache the activations of repeated batches take room, too, and are walked; pinning depends on more than
        the order, so all batches are.)
        """
        kinds = [tuple(task for task, _ in batch) for batch in batches]
        if self.hardware.caches.policy == "pin":
            return list(walk(self.plan(kinds)))
        found = []
        history: tuple[_Tasks, ...] = ()
        unified = self.hardware.caches.organisation == "unified"
        for kind in kinds:
            key = (*history, kind)
            if key not in self._kept:
                *_, self._kept[key] = walk(self.plan(key))
            found.append(self._kept[key])
            history = _shortened(key) if unified else (*(one for one in history if one != kind), kind)
        return found


def _shortened(history: tuple[_Tasks, ...]) -> tuple[_Tasks, ...]:
    """Return the end of *history* that begins where the kind that was used least recently came last."""
    first = min(len(history) - 1 - history[::-1].index(kind) for kind in set(history))
    return history[first:]
