"""``mimesim trace record``: the masks of a user's own network on folders of images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mimesim.errors import InputError
from mimesim.trace import Trace, TraceWriter
from mimesim.training.data import MEAN, STD
from mimesim.training.files import file_digest
from mimesim.training.pretrained import IMAGENET
from mimesim.training.recording.image_folder import ImageFolder, scan_folder
from mimesim.training.recording.masks import Bits, versions
from mimesim.training.recording.own_model import OwnModel
from mimesim.training.recording.task import TaskRecorder
from mimesim.training.threshold import threshold_layers
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.model import TracedModel

__all__ = ["OwnTask", "Recorder", "parse_tasks"]

_TASK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class OwnTask:
    """A task: its name, its images, and the file of its weights, if they are not in the network already."""

    name: str
    folder: Path
    weights: str | None = None


def parse_tasks(data: Sequence[str], weights: Sequence[str]) -> list[OwnTask]:
    """From ``[TASK=]FOLDER`` and ``[TASK=]FILE``; a folder's name is the task's, a plain FILE serves all tasks.

    What stands before ``=`` is a task only where it could be one, so ``./a=b`` is a path.
    """
    tasks: dict[str, OwnTask] = {}
    for entry in data:
        name, path = _split(entry)
        name = name or Path(path).resolve().name
        if not _TASK.fullmatch(name):
            rule = "cannot name a task (letters, digits, '_', '-', '.'): say --data NAME=FOLDER"
            raise InputError("--data", rule, value=name)
        if name.lower() in {known.lower() for known in tasks}:
            raise InputError("--data", f"there are two tasks {name!r}: say --data NAME=FOLDER", value=entry)
        tasks[name] = OwnTask(name, Path(path))
    if not tasks:
        raise InputError("--data", "needs a folder of images")
    given = [_split(entry) for entry in weights]
    for name, path in given:
        if name and name not in tasks:
            raise InputError("--weights", f"no --data names this task; there are {', '.join(tasks)}", value=name)
        if sum(other == name for other, _ in given) > 1:
            rule = "is the second file for the same task" if name else "is the second for all tasks: say TASK=FILE"
            raise InputError("--weights", rule, value=path)
    files = dict(given)
    found = [replace(task, weights=files.get(task.name, files.get(""))) for task in tasks.values()]
    for task in found:
        if files and task.weights is None:
            raise InputError("--weights", "other tasks have some, this one has none", key=task.name)
    return found


def _split(entry: str) -> tuple[str, str]:
    name, equals, rest = entry.partition("=")
    return (name, rest) if equals and _TASK.fullmatch(name) else ("", entry)


@dataclass(frozen=True)
class Recorder:
    """How a network is recorded.

    *model* is what :class:`OwnModel` takes. *mean* and *std* of red, green and blue, for values from 0 to 1, are
    ImageNet's unless given; a network that reads one channel needs them. With *labels* false, folders in a folder of
    images are no classes. *accuracy* counts the right answers over all images of a labelled folder.
    """

    model: str
    size: int = 64
    images: int = 3
    scheme: str = "conventional"
    seed: int = 0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: bool = True
    accuracy: bool = True

    def record(self, directory: Path, tasks: Sequence[OwnTask], *, overwrite: bool = False) -> Trace:
        """Write the trace of *tasks*, whole or not at all, and return it.

        Raises ``InputError`` for everything a user may have got wrong, before anything is written.
        """
        self._check()
        folders = {task.name: scan_folder(task.folder, self.labels) for task in tasks}
        chosen = {name: folder.choose(self.images, self.seed, name) for name, folder in folders.items()}
        own = OwnModel(self.model, self.size, self.seed)
        loaded = {weights: own.load(weights) for weights in {task.weights: None for task in tasks}}
        models = {task.name: loaded[task.weights] for task in tasks}
        first = next(iter(models.values()))
        mean, std = self._statistics(first.channels)
        network = network_of(first, self.model.replace(":", "."), self.size, max(map(_classes, models.values())))
        for task in tasks:
            self._check_task(task, folders[task.name], models[task.name], first)
        with TraceWriter(
            directory, network=network, scheme=self.scheme, seed=self.seed, versions=versions(), overwrite=overwrite,
            scheme_options=_scheme_options(first), settings=self._settings(tasks, folders, chosen, models, mean, std),
        ) as writer:  # fmt: skip
            before: dict[str, Bits] = {}
            for task in tasks:
                one = TaskRecorder(task.name, folders[task.name], models[task.name], self.size, mean, std)
                recorded = one.record(network, chosen[task.name])
                kept = one.kept_weights(network) if self.scheme == "pruned" else {}
                shared = next(iter(models)) if before and _equal(kept, before) else None
                before = before or kept
                accuracy = one.accuracy() if self.accuracy and one.folder.labels is not None else None
                writer.add_task(
                    task.name, dataset=task.folder.resolve().name or task.name, classes=_classes(one.model),
                    masks=recorded.masks, image_ids=chosen[task.name], predictions=recorded.predictions,
                    labels=recorded.labels, test_accuracy=accuracy,
                    test_images=None if accuracy is None else len(one.folder),
                    weight_masks=kept if kept and not shared else None, weights_from=shared,
                )  # fmt: skip
        return Trace.load(directory)

    def _check(self) -> None:
        for key, value, least in (("size", self.size, 1), ("images", self.images, 1), ("seed", self.seed, 0)):
            if value < least:
                raise InputError(f"--{key}", f"must be at least {least}", value=value)
        for key, values in (("mean", self.mean), ("std", self.std)):
            if not all(np.isfinite(values)) or (key == "std" and any(value <= 0 for value in values)):
                raise InputError(f"--{key}", "must be finite numbers, and a deviation larger than 0", value=values)

    def _statistics(self, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if channels not in (1, 3):
            raise InputError("--model", f"reads {channels} channels: images have 3, or 1", value=self.model)
        found = []
        for key, given, default in (("mean", self.mean, MEAN), ("std", self.std, STD)):
            if channels == 1 and not given:
                raise InputError(f"--{key}", f"is needed: {self.model} reads one channel, as ImageNet's images do not")
            if given and len(given) != channels:
                raise InputError(f"--{key}", f"must be {channels} number{'s' * (channels > 1)}", value=given)
            found.append(given or default)
        return found[0], found[1]

    def _check_task(self, task: OwnTask, folder: ImageFolder, model: TracedModel, first: TracedModel) -> None:
        classes, names = _classes(model), folder.class_names
        if names and len(names) != classes:
            rule = (
                f"holds {len(names)} folders, but the network tells {classes} classes apart, so which is which?"
                " Add a folder for each class, if empty, or say --no-labels"
            )
            raise InputError(str(folder.root), rule)
        if any(True for _ in threshold_layers(model.module)) and self.scheme != "mime":
            raise InputError("--scheme", f"{self.model} has threshold layers: say mime", value=self.scheme)
        if self.scheme == "mime":
            for (name, mine), theirs in zip(model.layers.items(), first.layers.values(), strict=True):
                if name != model.head_site.name and not torch.equal(mine.weight, theirs.weight):
                    rule = "tasks of scheme mime share all weights but the head's: these differ from the first task's"
                    raise InputError(f"task {task.name!r}", rule, key=name)

    def _settings(
        self, tasks: Sequence[OwnTask], folders: Mapping[str, ImageFolder], chosen: Mapping[str, Sequence[int]],
        models: Mapping[str, TracedModel], mean: Sequence[float], std: Sequence[float],
    ) -> dict[str, Any]:  # fmt: skip
        """How the trace was made; nothing about where."""
        return {
            "model": self.model,
            "weights": {task.name: _digest(task.weights) for task in tasks},
            "size_px": self.size,
            "mean": list(mean),
            "std": list(std),
            "input": "shorter side to size_px (bilinear, antialiased), the middle of that, (value - mean) / std",
            "recorded": "inference mode, float32, one image at a time; mask = value != 0 after activation or pooling",
            "images": "drawn by seed and task name; image_ids count within the folder's sorted files",
            "files": {name: [folders[name].files[position] for position in chosen[name]] for name in chosen},
            "class_names": {name: list(folder.class_names) for name, folder in folders.items()},
            "head_classes": {name: _classes(model) for name, model in models.items()},
        }


def _classes(model: TracedModel) -> int:
    return int(model.head.weight.shape[0])


def _equal(some: Mapping[str, Bits], others: Mapping[str, Bits]) -> bool:
    return some.keys() == others.keys() and all(np.array_equal(bits, others[name]) for name, bits in some.items())


def _scheme_options(model: TracedModel) -> dict[str, str | int | float | bool]:
    """What the simulator must know of threshold layers to count their words."""
    granularities = {layer.granularity for layer in threshold_layers(model.module)}
    return {"threshold_granularity": granularities.pop()} if len(granularities) == 1 else {}


def _digest(weights: str | None) -> str | None:
    """What identifies a file of weights, wherever it lies."""
    if weights in (None, IMAGENET):
        return weights
    return f"sha256 {file_digest(Path(weights or ''))}"
