"""The tables of a training in Markdown: accuracy, words per task and sparsity per layer, beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from statistics import mean
from typing import Any

from mimesim.network import Network
from mimesim.trace import SparsityTable, TaskSparsity
from mimesim.training.config import Method, MimeMethod, PrunedMethod, TrainingConfig
from mimesim.training.sources import TITLES

__all__ = ["own_words", "report"]

Metrics = Mapping[str, Any]
"""What a stage wrote to ``metrics.json``."""


def own_words(network: Network, method: Method, classes: int) -> int:
    """Words that a task adds to the memory: what its scheme does not share, and its head.

    Batch norm folds into one scale and one bias per channel of a convolution (two words), which belongs to the task
    unless it is the parent's; a hidden linear layer has one bias per output.
    """
    body = [node for node in network.weight_layers if node.activation]
    last = network.weight_layers[-1]
    head = classes * (prod(network.weight_shape(last)[1:]) + 1)
    if isinstance(method, MimeMethod):
        per_channel = method.threshold_granularity == "channel"
        return head + sum(node.shape[0] if per_channel else prod(node.shape) for node in body)
    words = head
    for node in body:
        weights = prod(network.weight_shape(node))
        if isinstance(method, PrunedMethod):
            weights -= int(method.weight_sparsity * weights)
        words += weights + node.shape[0] * (2 if node.kind == "conv" else 1)
    return words


def report(config: TrainingConfig, network: Network, parent: Metrics, children: Mapping[tuple[str, str], Metrics],
           classes: Mapping[str, int]) -> str:  # fmt: skip
    """Markdown: *children* maps (scheme, task) to metrics, *classes* each task to the size of its head."""
    lines = [
        f"# Results of {config.name}",
        "",
        f"Written by `mimesim train`. {config.note[:1].upper()}{config.note[1:]}.",
        "",
        f"Parent: {TITLES.get(config.parent.dataset, config.parent.dataset)}, {_phases(config.parent.phases)}, "
        f"{parent['train_images']:,} training images, test accuracy {_percent(parent)} on {parent['images']:,} images. "
        f"Each child: {_phases(config.child.phases)}, batches of {config.child.batch}. "
        "± is half of the 95 % interval that the number of test images allows; it says nothing of other seeds.",
        "",
        "## Accuracy and memory",
        "",
        *_table(
            ["task", "scheme", "training images", "accuracy %", "paper %", "conv sparsity", "words of its own"],
            [
                _accuracy_row(network, method, task, children[method.scheme, task], classes[task])
                for task in config.child.tasks
                for method in config.child.methods
            ],
        ),
        "",
        "Words of its own: thresholds, weights that are kept, batch norm (two per channel where it is trained) and the "
        "head; mime shares the parent's weights besides. Pruned weights count without their index.",
    ]
    for method in config.child.methods:
        lines += ["", f"## Sparsity of each layer's output: {method.scheme}", ""]
        lines += _sparsity_table(config, network, method.scheme, children)
    return "\n".join([*lines, ""])


def _accuracy_row(network: Network, method: Method, task: str, metrics: Metrics, classes: int) -> list[str]:
    paper = _paper(method.scheme, task)
    convs = [metrics["sparsity"][node.name] for node in network.nodes if node.kind == "conv"]
    return [
        TITLES[task],
        method.scheme,
        f"{metrics['train_images']:,}",
        _percent(metrics),
        "-" if paper is None or paper.test_accuracy is None else f"{100 * paper.test_accuracy:.2f}",
        f"{mean(convs):.3f}",
        f"{own_words(network, method, classes):,}",
    ]


def _sparsity_table(
    config: TrainingConfig, network: Network, scheme: str, children: Mapping[tuple[str, str], Metrics]
) -> list[str]:
    papers = {task: _paper(scheme, task) for task in config.child.tasks}
    header = ["layer"]
    for task, paper in papers.items():
        header += [TITLES[task], "paper"] if paper else [TITLES[task]]
    rows = []
    for name in network.recorded:
        row = [name]
        for task, paper in papers.items():
            row.append(f"{children[scheme, task]['sparsity'][name]:.3f}")
            if paper:
                row.append(f"{paper.sparsity[name]:.3f}" if name in paper.sparsity else "")
        rows.append(row)
    return _table(header, rows)


def _paper(scheme: str, task: str) -> TaskSparsity | None:
    """Tables II and III, where they have such a row."""
    return SparsityTable.shipped().rows.get((scheme, task))


def _percent(metrics: Metrics) -> str:
    return f"{100 * metrics['accuracy']:.1f} ± {100 * metrics['interval']:.1f}"


def _phases(phases: Sequence[Any]) -> str:
    return ", then ".join(
        f"{phase.epochs:g} epoch{'s' * (phase.epochs != 1)} at {phase.size_px} px" for phase in phases
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
