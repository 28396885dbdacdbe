"""The results of a training as CSV files, long form, that pandas and R read without further arguments.

Fractions run from 0 to 1; an empty cell means that there is no such number. The same run writes the same bytes.

``accuracy.csv``, a row per task and method:

====================================  ================================================================================
task, method, scheme                  as the configuration calls them
train_images, test_images             how many images were trained on, and tested on
accuracy                              fraction of the test images whose class is right
interval                              half the width of its 95 % interval, a fraction
paper_accuracy                        the paper's (Tables II and III), for its network only
to_fine_tuning                        accuracy minus that of the fine-tuned network, a fraction
to_fine_tuning_interval               half the width of that difference's 95 % interval, paired
mean_sparsity                         mean share of zeros over convolutions (and additions) behind an activation
paper_mean_sparsity                   the same over the convolutions that the paper lists
own_words                             words of memory that only this task needs
own_words_share                       those as a share of the fine-tuned network's
rate                                  learning rate that the trials chose
====================================  ================================================================================

``sparsity.csv``, a row per task, method and layer whose masks a trace holds: ``sparsity``, the share of zeros in its
output over the test images, and ``paper``, what the paper lists.

``curves.csv``, a row per 20 training steps of every stage (``parent``, ``TASK-METHOD``, ``trials/TASK-METHOD-RATE``):
``step`` counts from 1, ``size_px`` is the side of the images, ``rate`` the learning rate of that step; ``loss`` (cross
entropy, nats) and ``train_accuracy`` (fraction of the augmented images) are means over the steps since the last row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mimesim.results.csv_file import Row, render_csv
from mimesim.training.report.outcome import Metrics, Outcome
from mimesim.training.report.verdict import difference

__all__ = ["ACCURACY", "CURVES", "SPARSITY", "accuracy_rows", "csv_files", "curve_rows", "sparsity_rows"]

ACCURACY = (
    "task", "method", "scheme", "train_images", "test_images", "accuracy", "interval", "paper_accuracy",
    "to_fine_tuning", "to_fine_tuning_interval", "mean_sparsity", "paper_mean_sparsity", "own_words",
    "own_words_share", "rate",
)  # fmt: skip
SPARSITY = ("task", "method", "layer", "sparsity", "paper")
CURVES = ("stage", "step", "size_px", "rate", "loss", "train_accuracy")


def accuracy_rows(outcome: Outcome) -> Iterator[Row]:
    """The rows of ``accuracy.csv``, task by task."""
    baseline = outcome.fine_tuning
    for task in outcome.tasks:
        for method in outcome.methods:
            metrics, paper = outcome.children[task, method.name], outcome.paper(task, method)
            other = baseline is not None and baseline is not method
            to = difference(metrics, outcome.children[task, baseline.name]) if baseline and other else None
            yield {
                "task": task,
                "method": method.name,
                "scheme": method.scheme,
                "train_images": metrics["train_images"],
                "test_images": metrics["images"],
                "accuracy": _rounded(metrics["accuracy"]),
                "interval": _rounded(metrics["interval"]),
                "paper_accuracy": paper.test_accuracy if paper else None,
                "to_fine_tuning": _rounded(to.value) if to else None,
                "to_fine_tuning_interval": _rounded(to.margin) if to else None,
                "mean_sparsity": _rounded(outcome.mean_sparsity(task, method)),
                "paper_mean_sparsity": _rounded(outcome.paper_mean_sparsity(task, method)),
                "own_words": outcome.words(task, method),
                "own_words_share": _rounded(outcome.share_of_fine_tuning(task, method)),
                "rate": metrics["rate"],
            }


def sparsity_rows(outcome: Outcome) -> Iterator[Row]:
    """The rows of ``sparsity.csv``."""
    for task in outcome.tasks:
        for method in outcome.methods:
            sparsity, paper = outcome.children[task, method.name]["sparsity"], outcome.paper(task, method)
            for layer in outcome.network.recorded:
                yield {
                    "task": task,
                    "method": method.name,
                    "layer": layer,
                    "sparsity": _rounded(sparsity[layer]),
                    "paper": paper.sparsity.get(layer) if paper else None,
                }


def curve_rows(outcome: Outcome) -> Iterator[Row]:
    """The rows of ``curves.csv``: the parent's, the children's, the trials'."""
    stages: list[Metrics] = [outcome.parent]
    stages += [outcome.children[task, method.name] for task in outcome.tasks for method in outcome.methods]
    stages += [trial for trials in outcome.trials.values() for trial in trials]
    for metrics in stages:
        for row in metrics.get("curve", ()):
            yield {
                "stage": metrics["stage"],
                "step": int(row["step"]),
                "size_px": int(row["size_px"]),
                "rate": float(f"{row['rate']:.6g}"),
                "loss": _rounded(row["loss"]),
                "train_accuracy": _rounded(row["train_accuracy"]),
            }


def csv_files(outcome: Outcome) -> dict[str, str]:
    """The text of every file by its name."""
    return {
        "accuracy.csv": render_csv(ACCURACY, accuracy_rows(outcome)),
        "sparsity.csv": render_csv(SPARSITY, sparsity_rows(outcome)),
        "curves.csv": render_csv(CURVES, curve_rows(outcome)),
    }


def _rounded(value: float | None) -> float | None:
    """Six decimals: more is noise of the arithmetic, and differs between machines."""
    return None if value is None or math.isnan(value) else round(value, 6)
