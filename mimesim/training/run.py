"""``mimesim train``: the parent, its children by every method, their recordings, each stage resumable.

A stage is a folder below ``runs/NAME``: while it runs it holds ``checkpoint.pt``; once done, ``model.pt`` (the
weights) and ``metrics.json`` (accuracy, sparsity and the curve). A finished stage is skipped, a killed one continues.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mimesim.network import Network
from mimesim.trace import TraceWriter
from mimesim.training.checkpoint import FORMAT, fingerprint, load_checkpoint, save_checkpoint
from mimesim.training.config import Method, MimeMethod, PrunedMethod, TrainingConfig, load_config
from mimesim.training.data import ImageSet, resize, subset
from mimesim.training.evaluate import evaluate
from mimesim.training.graph import network_of
from mimesim.training.loop import Job, fit, pick_device
from mimesim.training.methods import Recipe, Scratch, frozen_parameters, make_recipe
from mimesim.training.models import VGG16, Vgg, VggShape, load_state
from mimesim.training.recalibrate import recalibrate
from mimesim.training.record import choose_images, record, versions, weight_masks
from mimesim.training.report import report
from mimesim.training.smoke import smoke
from mimesim.training.sources import TITLES, load_dataset

__all__ = ["Training", "train", "train_from_file"]


class Training:
    """One run of a configuration; *shape* is the network's, which tests replace by a small one."""

    def __init__(self, config: TrainingConfig, shape: VggShape = VGG16) -> None:
        """Nothing is loaded or written yet."""
        self.config = config
        self.shape = shape
        self.device = pick_device()
        self.folder = config.runs / config.name
        self._dataset = cache(load_dataset)

    # ---- stages ----------------------------------------------------------------------------------------------

    def parent(self) -> dict[str, Tensor]:
        """Train the parent, or load it: its state, head included."""
        config, parent = self.config, self.config.parent
        identity = fingerprint("parent", asdict(self.shape), config.seed, config.test_images, parent.model_dump())
        folder = self.folder / "parent"
        if (folder / "model.pt").exists():
            state: dict[str, Tensor] = load_checkpoint(folder / "model.pt", identity)["model"]
            return state
        data = subset(self._dataset(parent.dataset, "train"), parent.train_images, config.seed)
        torch.manual_seed(config.seed)
        model = Vgg(self.shape, data.classes, dropout=parent.dropout).to(memory_format=torch.channels_last)
        self._stage("parent", folder, identity, model, Scratch(parent.rate, parent.rate), data, parent.dataset)
        return model.state_dict()

    def child(self, task: str, method: Method, parent: dict[str, Tensor]) -> Vgg:
        """Adapt the parent to *task* by *method*, or load the result."""
        config = self.config
        shared = config.child.model_dump(exclude={"tasks", "methods"})
        identity = fingerprint(
            task, method.model_dump(), shared, asdict(self.shape), config.seed, config.test_images, self._parent_hash
        )
        folder = self.folder / f"{task}-{method.scheme}"
        data = self._dataset(task, "test") if (folder / "model.pt").exists() else self._dataset(task, "train")
        model = self._child_model(data.classes, parent)
        recipe = make_recipe(method)
        recipe.prepare(model, config.size_px)
        if (folder / "model.pt").exists():
            path = folder / "model.pt"
            load_state(model, load_checkpoint(path, identity)["model"], str(path))
            return model
        before = frozen_parameters(model) if method.scheme == "mime" else {}
        self._stage(
            f"{task} {method.scheme}", folder, identity, model, recipe,
            subset(data, config.child.train_images, config.seed), task,
        )  # fmt: skip
        after = model.state_dict()
        moved = [name for name, tensor in before.items() if not torch.equal(tensor, after[name].cpu())]
        if moved:
            raise AssertionError(f"threshold training changed the parent's {moved[0]}")
        return model

    def _child_model(self, classes: int, parent: dict[str, Tensor]) -> Vgg:
        head = parent["nodes.classifier.bias"].numel()
        model = Vgg(self.shape, head)
        load_state(model, parent, str(self.folder / "parent" / "model.pt"))
        model.set_head(classes, torch.Generator().manual_seed(self.config.seed))
        return model.to(memory_format=torch.channels_last)

    @property
    def _parent_hash(self) -> str:
        return fingerprint(self.config.parent.model_dump())

    def _stage(
        self, title: str, folder: Path, identity: str, model: Vgg, recipe: Recipe, data: ImageSet, dataset: str
    ) -> None:
        """Fit, evaluate, write ``metrics.json`` and ``model.pt``, drop the checkpoint."""
        is_parent = title == "parent"
        schedule = self.config.parent if is_parent else self.config.child
        checkpoint = folder / "checkpoint.pt"
        curve = fit(
            Job(
                name=title, model=model, recipe=recipe, data=data, schedule=schedule, seed=self.config.seed,
                checkpoint=checkpoint, identity=identity, device=self.device,
                weight_decay=self.config.parent.weight_decay if is_parent else 0.0,
                label_smoothing=self.config.parent.label_smoothing if is_parent else 0.0,
                checkpoint_steps=self.config.checkpoint_steps,
            )
        )  # fmt: skip
        test = resize(self._test(dataset), self.config.size_px)
        metrics: dict[str, Any] = {"stage": title, "train_images": len(data)}
        if is_parent and self.config.parent.recalibrate_images:
            metrics["accuracy_before_recalibration"] = evaluate(model, test, self.device).accuracy
            some = subset(data, self.config.parent.recalibrate_images, self.config.seed)
            recalibrate(model, resize(some, self.config.size_px), self.device)
        score = evaluate(model, test, self.device)
        model.to("cpu")
        metrics |= {**asdict(score), "curve": curve}
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
        save_checkpoint(folder / "model.pt", {"format": FORMAT, "identity": identity, "model": model.state_dict()})
        checkpoint.unlink(missing_ok=True)
        print(f"{title}: test accuracy {score.accuracy:.4f} ± {score.interval:.4f}", file=sys.stderr, flush=True)

    def _test(self, dataset: str) -> ImageSet:
        return subset(self._dataset(dataset, "test"), self.config.test_images, self.config.seed)

    # ---- recording -------------------------------------------------------------------------------------------

    def record(self, method: Method, models: dict[str, Vgg]) -> Path:
        """Write the trace of one scheme: the same test images for every scheme, all tasks in one folder."""
        config = self.config
        directory = config.record.directory / method.scheme
        network = self._network(next(iter(models.values())))
        layers = {node.name for node in network.weight_layers} - {"classifier"}
        first: str | None = None
        with TraceWriter(
            directory, network=network, scheme=method.scheme, origin="recorded", parent=config.parent.dataset,
            seed=config.seed, settings=self._settings(method, list(models)), versions=versions(),
            scheme_options=scheme_options(method), overwrite=True,
        ) as writer:  # fmt: skip
            for task, model in models.items():
                chosen = choose_images(
                    self._dataset(task, "test"), config.record.images[method.scheme], config.seed, task
                )
                recording = record(model, network, resize(chosen, config.size_px))
                metrics = self._metrics(f"{task}-{method.scheme}")
                pruned = method.scheme == "pruned"
                writer.add_task(
                    task, dataset=TITLES[task], classes=self._classes(task), masks=recording.masks,
                    image_ids=recording.image_ids, labels=recording.labels, predictions=recording.predictions,
                    test_accuracy=metrics["accuracy"], test_images=metrics["images"],
                    # pruning goes by the parent's weights, so the tasks share one set of weight masks
                    weight_masks=weight_masks(model, layers) if pruned and first is None else None,
                    weights_from=first if pruned else None,
                )  # fmt: skip
                first = first or task
        return directory

    def report(self, model: Vgg) -> Path:
        """Write the tables of all schemes beside their traces; *model* is any of the networks."""
        config = self.config
        path = config.record.directory / "results.md"
        children: dict[tuple[str, str], dict[str, Any]] = {
            (method.scheme, task): self._metrics(f"{task}-{method.scheme}")
            for method in config.child.methods
            for task in config.child.tasks
        }
        classes = {task: self._classes(task) for task in config.child.tasks}
        text = report(config, self._network(model), self._metrics("parent"), children, classes)
        path.write_text(text, encoding="utf-8")
        return path

    def _network(self, model: Vgg) -> Network:
        """The graph that all tasks share, with the head of the task that has the most classes."""
        classes = max(self._classes(task) for task in self.config.child.tasks)
        return network_of(model, self.config.network, self.config.size_px, classes)

    def _classes(self, task: str) -> int:
        return self._dataset(task, "test").classes

    def _metrics(self, stage: str) -> dict[str, Any]:
        metrics: dict[str, Any] = json.loads((self.folder / stage / "metrics.json").read_text(encoding="utf-8"))
        return metrics

    def _settings(self, method: Method, tasks: list[str]) -> dict[str, Any]:
        """How the trace was made; nothing about where."""
        config = self.config
        parent = self._metrics("parent")
        children = {task: self._metrics(f"{task}-{method.scheme}") for task in tasks}
        keys = ("train_images", "accuracy", "interval", "images")
        of_parent = {key: parent[key] for key in (*keys, "accuracy_before_recalibration") if key in parent}
        return {
            "training": config.name,
            "note": config.note,
            "size_px": config.size_px,
            "parent": config.parent.model_dump(mode="json") | {"result": of_parent},
            "child": config.child.model_dump(mode="json", exclude={"methods", "tasks"}),
            "method": method.model_dump(mode="json"),
            "result": {task: {key: metrics[key] for key in keys} for task, metrics in children.items()},
            "test_sparsity": {task: {n: round(s, 4) for n, s in metrics["sparsity"].items()}
                              for task, metrics in children.items()},
            "head_classes": {task: self._classes(task) for task in tasks},
            "input": "bilinear to size_px, three channels (grey repeated), ImageNet mean and deviation",
            "recorded": "inference mode, float32, batch norm in place; mask = value != 0 after activation or pooling",
            "images": "drawn by seed and task name before evaluation; image_ids count within the data set's test split",
            "evaluation": "bfloat16 autocast; interval = half width of the 95 % interval",
        }  # fmt: skip


def scheme_options(method: Method) -> dict[str, str | int | float | bool]:
    """What the simulator must know of a scheme to count its words."""
    if isinstance(method, MimeMethod):
        return {"threshold_granularity": method.threshold_granularity, "batch_norm": "frozen"}
    if isinstance(method, PrunedMethod):
        return {"batch_norm": "trained", "weight_sparsity": method.weight_sparsity, "pruned_by": "parent magnitude"}
    return {"batch_norm": "trained"}


def train(config: TrainingConfig, shape: VggShape = VGG16) -> list[Path]:
    """Run every stage of *config* that is not done yet, then record; returns the folders of the traces."""
    training = Training(config, shape)
    parent = training.parent()
    traces: list[Path] = []
    models: dict[str, Vgg] = {}
    for method in config.child.methods:
        models = {task: training.child(task, method, parent) for task in config.child.tasks}
        traces.append(training.record(method, models))
        print(f"recorded {traces[-1]}", file=sys.stderr, flush=True)
    training.report(next(iter(models.values())))
    return traces


def train_from_file(path: Path, quick: bool = False) -> list[Path]:
    """Train as *path* says; *quick* shrinks it to a smoke version, whose runs and traces go to folders of their own."""
    config = load_config(path)
    return train(smoke(config) if quick else config)
