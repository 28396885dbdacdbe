"""Sum a trace up: what it holds and how sparse it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from mimesim.trace.reader import Trace

__all__ = ["LayerSummary", "TaskSummary", "TraceSummary", "describe", "show_trace"]

#: Set bits of each byte value (numpy.bitwise_count needs NumPy 2).
_ONES = np.array([bin(value).count("1") for value in range(256)], dtype=np.uint8)


@dataclass(frozen=True)
class LayerSummary:
    """One tensor of one task: the mean share of zeros over its images, 0..1, and that of the extreme images."""

    tensor: str
    kind: str
    sparsity: float
    sparsity_min: float
    sparsity_max: float


@dataclass(frozen=True)
class TaskSummary:
    """One task: what the manifest says, its tensors in the network's order, and what its pruned layers keep."""

    task: str
    dataset: str
    classes: int
    images: int
    test_accuracy: float | None
    test_images: int | None
    layers: tuple[LayerSummary, ...]
    weight_density: dict[str, float]


@dataclass(frozen=True)
class TraceSummary:
    """A whole trace, ready to be printed or tabled."""

    directory: str
    network: str
    scheme: str
    origin: str
    parent: str | None
    seed: int
    digest: str
    tasks: tuple[TaskSummary, ...]


def describe(trace: Trace) -> TraceSummary:
    """Return what *trace* holds; reads every mask once.

    ::

        for task in describe(Trace.load("traces/vgg16-mime")).tasks:
            print(task.task, task.images, {layer.tensor: layer.sparsity for layer in task.layers})
    """
    manifest = trace.manifest
    return TraceSummary(
        directory=str(trace.directory),
        network=manifest.network.name,
        scheme=manifest.scheme,
        origin=manifest.origin,
        parent=manifest.parent,
        seed=manifest.seed,
        digest=trace.digest(),
        tasks=tuple(_describe_task(trace, task) for task in trace.tasks),
    )


def _describe_task(trace: Trace, task: str) -> TaskSummary:
    entry = trace.entry(task)
    layers = []
    for name in trace.network.recorded_by(entry.units):
        node = trace.network.node(name)
        ones = _ONES[trace.packed(task, name)].sum(axis=1, dtype=np.int64)
        sparsity = 1 - ones / prod(node.shape)
        layers.append(
            LayerSummary(name, node.kind, float(sparsity.mean()), float(sparsity.min()), float(sparsity.max()))
        )
    density = {}
    for node in trace.network.weight_layers:
        mask = trace.weight_mask(task, node.name)
        if mask is not None:
            density[node.name] = float(mask.mean())
    return TaskSummary(
        task=task,
        dataset=entry.dataset,
        classes=entry.classes,
        images=entry.images,
        test_accuracy=entry.test_accuracy,
        test_images=entry.test_images,
        layers=tuple(layers),
        weight_density=density,
    )


def show_trace(trace: Trace) -> str:
    """Return :func:`describe`'s summary as plain text: a head, a line per task and a table of mean sparsity."""
    summary = describe(trace)
    head = f"{summary.directory}: {summary.network}, scheme {summary.scheme}, {summary.origin}, seed {summary.seed}"
    if summary.parent is not None:
        head += f", parent {summary.parent}"
    lines = [head, f"sha256 {summary.digest}", ""]
    for task in summary.tasks:
        line = f"{task.task}: {task.images} images of {task.dataset}, {task.classes} classes"
        if task.test_accuracy is not None:
            line += f", test accuracy {task.test_accuracy:.2%}"
        if task.test_images is not None:
            line += f" of {task.test_images}"
        if task.weight_density:
            kept = list(task.weight_density.values())
            line += f", weights kept {min(kept):.1%} to {max(kept):.1%} a layer"
        lines.append(line)
    found = [{layer.tensor: layer.sparsity for layer in task.layers} for task in summary.tasks]
    # a task may run some units of the network only
    names = [name for name in trace.network.recorded if any(name in layers for layers in found)]
    label = "mean sparsity"
    first = max(len(text) for text in (label, *names))
    widths = [max(len(task.task), 6) for task in summary.tasks]
    cells = [task.task.rjust(width) for task, width in zip(summary.tasks, widths, strict=True)]
    lines += ["", "  ".join([label.ljust(first), *cells])]
    for name in names:
        shown = (f"{layers[name]:.4f}" if name in layers else "-" for layers in found)
        cells = [cell.rjust(width) for cell, width in zip(shown, widths, strict=True)]
        lines.append("  ".join([name.ljust(first), *cells]))
    return "\n".join(lines)
