"""``mimesim train``: the parent, its children by every method, their recordings and tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mimesim.config.origin import Origin
from mimesim.config.yaml_file import read_yaml
from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.trace import TraceWriter
from mimesim.training.config import Method, TrainingConfig, load_config
from mimesim.training.data import resize
from mimesim.training.device import precision
from mimesim.training.models import ModelSpec, Options
from mimesim.training.recording.masks import record, versions, weight_masks
from mimesim.training.recording.scheme import scheme_of, scheme_options
from mimesim.training.report.document import write_results
from mimesim.training.report.outcome import Outcome
from mimesim.training.smoke import smoke
from mimesim.training.sources import TITLES, check_name
from mimesim.training.stages import Stages
from mimesim.training.systems import train_system
from mimesim.training.tracing.graph import heads_apart, network_of
from mimesim.training.tracing.model import TracedModel

__all__ = ["Training", "train", "train_from_file"]


class Training(Stages):
    """The stages of a configuration, and what is written of their results."""

    def check(self) -> None:
        """Find what would only be found when the parent is trained, hours later; image sets are fetched first, too."""
        config = self.config
        of_children = [task.dataset for task in config.child.tasks]
        for name in (*([config.parent.dataset] if config.parent.schedule else []), *of_children):
            check_name(name)
        model = self.spec.traced(Options(1, config.size_px))
        if model.channels != 3:
            raise InputError("network", f"reads {model.channels} channels: the images have 3", value=config.network)
        for schedule in (config.parent.schedule, config.child):
            for phase in schedule.phases if schedule else ():
                model.output_shapes(phase.size_px)
        network_of(model, "network", config.size_px)
        for task in config.child.names:
            self.sets.classes(task)
            self.sets.recorded(task, max(config.record.images.values(), default=0))

    def record(self, method: Method, models: dict[str, TracedModel]) -> Path:
        """Write the trace of one method: the same test images for every method, all tasks in one folder."""
        config = self.config
        directory = config.record.directory / method.name
        any_model = next(iter(models.values()))
        network = self.network(any_model)
        layers = {node.name for node in network.weight_layers} - {any_model.head_site.name}
        scheme = scheme_of(method)
        # a frozen trunk computes the same for every task: with heads apart it can run once for several on a picture
        apart = scheme == "heads" and self.sets.same_pictures
        if apart:
            network = heads_apart(network, {task: self.sets.classes(task) for task in models})
        first: str | None = None
        with TraceWriter(
            directory, network=network, scheme=scheme, origin="recorded",
            parent=config.parent.weights or config.parent.dataset, seed=config.seed,
            settings=self._settings(method, list(models)), versions=versions(),
            scheme_options=scheme_options(method, len(models)), overwrite=True,
        ) as writer:  # fmt: skip
            for task, model in models.items():
                chosen = self.sets.recorded(task, config.record.images[method.name])
                dataset = self.sets.task(task).dataset
                recording = record(model, network, resize(chosen, config.size_px))
                metrics = self.metrics(f"{task}-{method.name}")
                pruned, masked = method.scheme == "pruned", method.scheme in ("piggyback", "packnet")
                writer.add_task(
                    task, dataset=TITLES.get(dataset, dataset), classes=self.sets.classes(task), masks=recording.masks,
                    image_ids=recording.image_ids, labels=recording.labels, predictions=recording.predictions,
                    test_accuracy=metrics["accuracy"], test_images=metrics["images"],
                    # pruning goes by the parent's weights, so the tasks share one set of weight masks
                    weight_masks=weight_masks(model, layers) if masked or (pruned and first is None) else None,
                    weights_from=first if pruned else None,
                    units=[task] if apart else None,
                )  # fmt: skip
                first = first or task
        return directory

    def report(self, model: TracedModel) -> Path:
        """Write report, tables and pictures of all methods beside their traces; *model* has the graph without what a
        method adds to it: it is the parent."""
        config = self.config
        pairs = [(task, method) for task in config.child.names for method in config.child.methods]
        outcome = Outcome(
            config=config,
            network=self.network(model),
            normed=frozenset(model.norms),
            classes={task: self.sets.classes(task) for task in config.child.names},
            parent=self.metrics("parent"),
            children={(task, method.name): self.metrics(f"{task}-{method.name}") for task, method in pairs},
            trials={(task, method.name): self._trials_of(task, method) for task, method in pairs},
        )
        return write_results(outcome, config.record.directory)

    def _trials_of(self, task: str, method: Method) -> list[dict[str, Any]]:
        """Metrics of the trials that this pair's rate was chosen by; none where it has one rate or others decided."""
        stages = [self.trial_stage(task, method, rate) for rate in method.rates]
        return [self.metrics(stage) for stage in stages if (self.folder / stage / "metrics.json").exists()]

    def network(self, model: TracedModel) -> Network:
        """The graph that all tasks share, with the head of the task that has the most classes."""
        classes = max(self.sets.classes(task) for task in self.config.child.names)
        name = self.config.network.replace(":", ".")
        return network_of(model, name, self.config.size_px, classes)

    def _settings(self, method: Method, tasks: list[str]) -> dict[str, Any]:
        """How the trace was made; nothing about where."""
        config = self.config
        parent = self.metrics("parent")
        children = {task: self.metrics(f"{task}-{method.name}") for task in tasks}
        keys = ("train_images", "accuracy", "interval", "images", "rate", "trials")
        of_parent = {key: parent[key] for key in (*keys, "accuracy_before_recalibration") if key in parent}
        return {
            "training": config.name,
            "note": config.note,
            "size_px": config.size_px,
            **({"features": config.features, "hidden": config.hidden} if config.features else {}),
            "subset": config.subset,
            "parent": config.parent.model_dump(mode="json") | {"result": of_parent},
            "child": config.child.model_dump(mode="json", exclude={"methods", "tasks"}),
            "method": method.model_dump(mode="json"),
            "result": {task: {key: metrics[key] for key in keys} for task, metrics in children.items()},
            "test_sparsity": {task: {n: round(s, 4) for n, s in metrics["sparsity"].items()}
                              for task, metrics in children.items()},
            **({} if all(task.is_whole for task in config.child.tasks) else
               {"tasks": [task.model_dump(mode="json") for task in config.child.tasks]}),
            "head_classes": {task: self.sets.classes(task) for task in tasks},
            "input": "bilinear to size_px, three channels (grey repeated), ImageNet mean and deviation",
            "recorded": "inference mode, float32, batch norm in place; mask = value != 0 after activation or pooling",
            "images": "drawn by seed and task name before evaluation; image_ids: docs/data.md",
            "evaluation": f"{precision(self.device)}; interval = half width of the 95 % interval",
        }  # fmt: skip


def train(config: TrainingConfig, spec: ModelSpec | None = None) -> list[Path]:
    """Run every stage of *config* that is not done yet, then record; returns the folders of the traces."""
    training = Training(config, spec)
    training.check()
    parent = training.parent()
    traces: list[Path] = []
    for method in config.child.methods:
        models = {task: training.child(task, method, parent) for task in config.child.names}
        if method.name in config.record.images:
            traces.append(training.record(method, models))
            print(f"recorded {traces[-1]}", file=sys.stderr, flush=True)
    training.report(parent)
    return traces


def train_from_file(path: Path, quick: bool = False) -> list[Path]:
    """Train as *path* says; *quick* shrinks it to a smoke version, whose runs and traces go to folders of their own.

    A file with the key ``system`` is of one of the other ways to share a network, which have no parent and children.
    """
    data, places = read_yaml(path)
    if "system" in data:
        return [train_system(data, Origin(str(path), path.parent, places), quick)]
    config = load_config(path)
    return train(smoke(config) if quick else config)
