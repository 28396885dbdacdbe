"""The networks that a trace was recorded from, out of the folder of their training run."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, cast

import torch
from pydantic import TypeAdapter, ValidationError

from mimesim.config.explain import suggest
from mimesim.errors import InputError
from mimesim.trace import Trace
from mimesim.training.checkpoint import read_checkpoint, state_digest
from mimesim.training.config import Method
from mimesim.training.data import ImageSet, resize
from mimesim.training.labels import relabelled
from mimesim.training.methods import make_recipe
from mimesim.training.models import MODELS, Options, load_state, model_spec
from mimesim.training.recording.masks import choose_images, record
from mimesim.training.sources import load_dataset
from mimesim.training.stages import shared_state
from mimesim.training.tasks import ImageTask
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.model import TracedModel

__all__ = ["TrainedRun"]

_RERUN = "is it whole? Train again with mimesim train"
#: Between one version of PyTorch and another a sum may round to the other side of a threshold, now and then.
_MOST_OTHER_BITS = 0.01


class TrainedRun:
    """What a finished ``mimesim train`` left in *folder*, as far as *trace* was recorded from it.

    *parent* is the network that the tasks start from. Raises ``InputError`` if *trace* was not recorded by a training,
    or *folder* holds none.
    """

    def __init__(self, folder: Path, trace: Trace) -> None:
        self.folder = folder
        self.trace = trace
        settings = trace.manifest.settings
        where = str(trace.directory / "manifest.json")
        try:
            method: Method = TypeAdapter[Method](Method).validate_python(settings.get("method"))
            self._size = TypeAdapter(int).validate_python(settings.get("size_px"))
            features = TypeAdapter(tuple[int | str, ...]).validate_python(settings.get("features", ()))
            hidden = TypeAdapter(tuple[int, ...]).validate_python(settings.get("hidden", ()))
            tasks = TypeAdapter(list[ImageTask]).validate_python(settings.get("tasks", []))
        except ValidationError:
            rule = "says of no training: only traces that mimesim train recorded have weights to flip bits of"
            raise InputError(where, rule, key="settings.method") from None
        self._method = method
        self._tasks = {task.name: task for task in tasks}
        self._subset = settings.get("subset") is not False
        if not folder.is_dir():
            raise InputError(
                "--checkpoint", "there is no such folder; it is runs/NAME of a training", value=str(folder)
            )
        self._spec = model_spec(_network(trace.network.name), str(trace.directory), features, hidden)
        self.parent = self._load_parent()
        self._digest = state_digest(self.parent.module.state_dict())

    def model(self, task: str) -> TracedModel:
        """Return the network of *task*, on the CPU in inference mode; it must be the trace's."""
        stage = f"{task}-{self._method.name}"
        path = self._stage(stage)
        content = read_checkpoint(path, f"; {_RERUN}")
        model = copy.deepcopy(self.parent)
        model.set_head(_classes(path, content), torch.Generator().manual_seed(0))
        make_recipe(self._method, self._method.rates[0]).prepare(model, self._size)
        if content.get("parent", self._digest) != self._digest:
            rule = "was made from another parent than the one in this folder"
            raise InputError(str(path), rule, key="parent", value=content["parent"])
        load_state(model.module, {**shared_state(self.parent, model), **_state(path, content)}, str(path))
        model.module.eval()
        self._check_network(path, model)
        return model

    def images(self, task: str, count: int) -> ImageSet:
        """Return *count* test images of *task* at the network's size; the first are those that were recorded."""
        found = self._tasks.get(task) or ImageTask.whole(task)
        data = load_dataset(found.dataset, "test", self._subset)
        if count > len(data):
            raise InputError("--images", f"must be at most {len(data)}, the test images of {task}", value=count)
        chosen = relabelled(choose_images(data, count, self.trace.manifest.seed, found.dataset), found)
        recorded = self.trace.entry(task).image_ids[:count]
        if tuple(chosen.ids.tolist()[: len(recorded)]) != tuple(recorded):
            rule = f"names other images than those drawn from the data at hand for task {task!r}: is it the same set?"
            raise InputError(str(self.trace.directory / "manifest.json"), rule, key=f"tasks.{task}.image_ids")
        return resize(chosen, self._size)

    def check_masks(self, task: str, model: TracedModel, images: ImageSet) -> None:
        """Refuse a network that does not make the recorded masks of the first of *images*."""
        made = record(model, self.trace.network, images.take(torch.tensor([0]))).masks
        names = self.trace.network.recorded
        other = sum(int((made[name][0] != self.trace.mask(task, 0, name)).sum()) for name in names)
        total = sum(made[name][0].size for name in names)
        if other > _MOST_OTHER_BITS * total:
            rule = (
                f"is not what {self.trace.directory} was recorded from: of the first image of task {task!r},"
                f" {100 * other / total:.0f} % of the mask bits differ"
            )
            raise InputError(str(self.folder), rule)

    def _load_parent(self) -> TracedModel:
        path = self._stage("parent")
        content = read_checkpoint(path, f"; {_RERUN}")
        model = self._spec.traced(Options(_classes(path, content), self._size))
        load_state(model.module, _state(path, content), str(path))
        return model

    def _stage(self, stage: str) -> Path:
        path = self.folder / stage / "model.pt"
        if path.is_file():
            return path
        if (self.folder / stage / "checkpoint.pt").is_file():
            raise InputError(str(self.folder / stage), "is not finished: run mimesim train on to its end")
        stages = sorted(one.parent.name for one in self.folder.glob("*/model.pt"))
        if stages and stage != "parent":
            raise InputError(str(self.folder), f"has no such network; {suggest(stage, stages)}", value=stage)
        rule = f"holds no {stage}/model.pt: it is not the folder runs/NAME of a finished training"
        raise InputError(str(self.folder), rule)

    def _check_network(self, path: Path, model: TracedModel) -> None:
        network = self.trace.network
        own = network_of(model, network.name, self._size, network.nodes[-1].shape[0])
        for mine, theirs in zip(own.nodes, network.nodes, strict=False):
            if mine != theirs:
                rule = f"is of another network than the trace {self.trace.directory}"
                raise InputError(str(path), rule, key=theirs.name)
        if len(own.nodes) != len(network.nodes):
            rule = f"has {len(own.nodes)} layers, the trace {self.trace.directory} {len(network.nodes)}"
            raise InputError(str(path), rule)


def _network(name: str) -> str:
    """From a trace's name of a network to that of its builder: in a trace, MODULE:FUNCTION has a dot for the colon."""
    module, _, function = name.rpartition(".")
    return f"{module}:{function}" if name not in MODELS and module else name


def _classes(path: Path, content: dict[str, Any]) -> int:
    classes = content.get("classes")
    if not isinstance(classes, int) or classes < 1:
        raise InputError(str(path), "is not the checkpoint of a finished stage", key="classes", value=classes)
    return classes


def _state(path: Path, content: dict[str, Any]) -> dict[str, torch.Tensor]:
    state = content.get("model")
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(str(path), "is not the checkpoint of a finished stage", key="model")
    return cast("dict[str, torch.Tensor]", state)
