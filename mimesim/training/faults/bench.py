"""The images of a campaign, run again and again: with and without faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from mimesim.errors import InputError
from mimesim.faults.history import Batch
from mimesim.faults.landing import Landings
from mimesim.faults.residency import BatchCopies
from mimesim.training.data import ImageSet, normalise
from mimesim.training.faults.injection import Injection
from mimesim.training.tracing.model import TracedModel

__all__ = ["Bench", "Result", "changes"]

Bits = npt.NDArray[np.bool_]
#: Images of a task that run together.
_TOGETHER = 10
#: Rows of landings that are held in memory for them.
_MOST_LANDINGS = 50_000_000


@dataclass(frozen=True)
class Result:
    """Right answers by task, a bit per image, and packed masks by (task, layer), an array per run."""

    right: dict[str, Bits]
    masks: dict[tuple[str, str], list[npt.NDArray[np.uint8]]]
    bits: dict[tuple[str, str], int]


class Bench:
    """The images of all tasks, cut into runs of whole batches: the same for every trial, so that sums are, too."""

    def __init__(
        self, batches: Sequence[Batch], models: Mapping[str, TracedModel], images: Mapping[str, ImageSet],
        tell: Callable[[int], None],
    ) -> None:  # fmt: skip
        self._batches, self._models, self._images, self._tell = batches, models, images, tell
        self._runs: list[range] = []
        start, held = 0, Counter[str]()
        for number, batch in enumerate(batches):
            held.update(task for task, _ in batch)
            if max(held.values()) >= _TOGETHER or number == len(batches) - 1:
                self._runs.append(range(start, number + 1))
                start, held = number + 1, Counter()

    def evaluate(self, injection: Injection | None = None, copies: Sequence[BatchCopies] = ()) -> Result:
        """Run all images; with *copies* (one per batch), *injection* draws and lands its faults on the way."""
        right: dict[str, list[Bits]] = defaultdict(list)
        masks: dict[tuple[str, str], list[npt.NDArray[np.uint8]]] = defaultdict(list)
        bits: Counter[tuple[str, str]] = Counter()
        for run in self._runs:
            places = {
                task: [(number, place, image) for number in run
                       for place, (one, image) in enumerate(self._batches[number]) if one == task]
                for task in self._models
            }  # fmt: skip
            landed = self._land(injection, copies, run) if injection is not None and copies else {}
            for task, used in places.items():
                if not used:
                    continue
                chosen = self._images[task].take(np.array([image for _, _, image in used]))
                hooked = injection.hooked(task, landed[task]) if injection and task in landed else nullcontext()
                with hooked, torch.inference_mode():
                    outputs = self._models[task].outputs(normalise(chosen.images))
                model = self._models[task]
                right[task].append((outputs[model.head_site.name].argmax(1) == chosen.labels).numpy())
                for name in model.activations:
                    mask = (outputs[name] != 0).numpy()
                    masks[task, name].append(np.packbits(mask))
                    bits[task, name] += mask.size
                self._tell(len(used))
        return Result({task: np.concatenate(parts) for task, parts in right.items()}, dict(masks), dict(bits))

    def _land(
        self, injection: Injection, copies: Sequence[BatchCopies], run: range
    ) -> dict[str, dict[int, list[Landings]]]:
        """Draw the faults of a run's batches, by task and operation; images are numbered as the task's run has them."""
        found: dict[str, dict[int, list[Landings]]] = defaultdict(lambda: defaultdict(list))
        seen: Counter[str] = Counter()
        total = 0
        for number in run:
            batch = self._batches[number]
            index = np.zeros(len(batch), np.int64)
            for place, (task, _) in enumerate(batch):
                index[place] = seen[task]
                seen[task] += 1
            for position, landings in injection.next_batch(batch, copies[number]):
                task = batch[int(landings.image[0])][0]
                total += len(landings)
                if total > _MOST_LANDINGS:
                    rule = f"makes more than {_MOST_LANDINGS} sums of a few images wrong: choose a lower rate"
                    raise InputError("--rate", rule, value=injection.rate)
                found[task][position].append(replace(landings, image=index[landings.image]))
        return found


def changes(base: Result, other: Result, key: tuple[str, str]) -> tuple[int, int]:
    """Return the bits of a layer's masks that went from 1 to 0, and from 0 to 1; none where it has no mask."""
    cleared = was_set = 0
    for before, after in zip(base.masks.get(key, ()), other.masks.get(key, ()), strict=True):
        cleared += int(np.unpackbits(before & ~after).sum(dtype=np.int64))
        was_set += int(np.unpackbits(~before & after).sum(dtype=np.int64))
    return cleared, was_set
