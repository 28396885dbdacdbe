"""What a finished training yields, in the form that its tables, its report and its plots are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import mean
from typing import Any

from mimesim.network import Network
from mimesim.trace import SparsityTable, TaskSparsity
from mimesim.training.config import ConventionalMethod, Method, MimeMethod, TrainingConfig
from mimesim.training.report.words import own_words
from mimesim.training.sources import TITLES

__all__ = ["Metrics", "Outcome", "is_mime"]

Metrics = Mapping[str, Any]
"""What a stage wrote to ``metrics.json``; accuracies, intervals and sparsities are fractions from 0 to 1."""


def is_mime(method: Method) -> bool:
    """Whether *method* is MIME as the paper has it: a threshold per neuron, all else but the head the parent's."""
    return isinstance(method, MimeMethod) and method.threshold_granularity == "neuron" and method.batch_norm == "frozen"


@dataclass(frozen=True)
class Outcome:
    """The metrics of all stages of *config*, and the graph that they share.

    *network* is the graph with the largest head, *normed* its nodes with a batch norm, *classes* the size of each
    task's head. *children* and *trials* go by (task, name of the method); the trials of one pair by rising place in
    the method's rates. A pair without trials is missing.
    """

    config: TrainingConfig
    network: Network
    normed: frozenset[str]
    classes: Mapping[str, int]
    parent: Metrics
    children: Mapping[tuple[str, str], Metrics]
    trials: Mapping[tuple[str, str], Sequence[Metrics]] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The child tasks, in the order of the configuration."""
        return self.config.child.names

    @property
    def methods(self) -> tuple[Method, ...]:
        """All methods, in the order of the configuration."""
        return self.config.child.methods

    @property
    def fine_tuning(self) -> Method | None:
        """The method that the others are measured by: all weights trained, with ReLU."""
        return next((method for method in self.methods if isinstance(method, ConventionalMethod)), None)

    @property
    def drawn_layers(self) -> tuple[str, ...]:
        """The nodes behind an activation, pools left out, in order."""
        return tuple(node.name for node in self.network.nodes if node.activation)

    def title(self, task: str) -> str:
        """What people call the data set of *task*."""
        return TITLES.get(task, task)

    def words(self, task: str, method: Method) -> int:
        """Words of the task's own, head included."""
        return own_words(self.network, method, self.classes[task], self.normed)

    def share_of_fine_tuning(self, task: str, method: Method) -> float:
        """Words of the task's own as a share of those of a fine-tuned network, whether one was trained or not."""
        return self.words(task, method) / self.words(task, ConventionalMethod())

    def mean_sparsity(self, task: str, method: Method) -> float:
        """Mean over the convolutions behind an activation, and the additions that stand for the last one of a block.

        Every layer counts the same, whatever its size, as in the paper's tables. NaN where there is none.
        """
        sparsity = self.children[task, method.name]["sparsity"]
        kinds = ("conv", "add")
        values = [sparsity[node.name] for node in self.network.nodes if node.kind in kinds and node.activation]
        return mean(values) if values else float("nan")

    def paper(self, task: str, method: Method) -> TaskSparsity | None:
        """The row of the paper's Table II (MIME) or III (fine-tuning), where *network* is the one of the paper.

        Names alone do not tell: ResNet-18 has a ``conv1``, too. So the network must have all layers that are listed.
        """
        scheme = "mime" if is_mime(method) else "conventional" if isinstance(method, ConventionalMethod) else ""
        row = self._paper_rows.get((scheme, task))
        names = {node.name for node in self.network.weight_layers}
        return row if row is not None and names >= row.sparsity.keys() else None

    def paper_mean_sparsity(self, task: str, method: Method) -> float | None:
        """Mean over the convolutions that the paper lists, which are not all."""
        row = self.paper(task, method)
        if row is None:
            return None
        return mean(value for layer, value in row.sparsity.items() if self.network.node(layer).kind == "conv")

    @cached_property
    def _paper_rows(self) -> Mapping[tuple[str, str], TaskSparsity]:
        return SparsityTable.shipped().rows
