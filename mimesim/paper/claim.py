"""One claim of the paper as data: what is compared, and the band that the paper gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BOTH",
    "EVEN_LAYERS",
    "STORAGE_SCOPES",
    "TABLE_LAYERS",
    "TASKS",
    "Claim",
    "Kind",
    "Masks",
    "Measure",
]

Masks = Literal["drawn", "recorded"]

#: ``number``: a range or value that the paper gives; ``remark``: a statement without one, for which the band is ours.
Kind = Literal["number", "remark"]

#: How a value is computed (:mod:`mimesim.paper.measure`).
Measure = Literal[
    "storage",  # words of all parameters: conventional over MIME, for the parent and `children` child tasks
    "thresholds_per_weight",  # words: thresholds of all child tasks over the layer's weights
    "energy",  # energy of the layer, all images of the batch: runs[0] / runs[1]
    "energy_dram",  # the DRAM part of it
    "cycles",  # cycles from the start of the layer to its end: runs[0] / runs[1]
    "dram_share_of_rise",  # (E_DRAM of runs[0] - of runs[1]) / (E_total of runs[0] - of runs[1])
    "cache_rise_per_dram_rise",  # (E_cache of runs[0] - of runs[1]) / (E_DRAM of runs[0] - of runs[1])
    "later_saving",  # mean over conv8, 10, 12 of a level's runs[0] / runs[1], over that of conv2, 4, 6
    "sparsity",  # share of zeros in the layer's output before pooling, mean over the trace's images of one task
    "sparser_layers",  # layers of Tables II and III in which MIME's outputs have more zeros than the baseline's
    "accuracy",  # test accuracy in the trace's manifest, percent
    "accuracy_loss",  # baseline's test accuracy less this scheme's, points
]

#: Layers that Figs. 5 to 7 show ("for brevity, we show results pertaining to the even-numbered convolutional layers").
EVEN_LAYERS = ("conv2", "conv4", "conv6", "conv8", "conv10", "conv12")
#: Rows of Tables II and III; conv14 and conv15 are VGG16's hidden linear layers.
TABLE_LAYERS = tuple(f"conv{i}" for i in (2, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15))
#: The child tasks, in the order in which a pipelined batch holds one image of each.
TASKS = ("cifar10", "cifar100", "fashion_mnist")

#: The scopes over which parameters can be counted: the paper does not say which layers its Fig. 4 includes. The head of
#: the second is one linear layer from the last pool to the task's classes (1000 for the parent, ImageNet); the third
#: counts the hidden linear layers too, with their thresholds. Heads belong to their task in both systems.
STORAGE_SCOPES = ("conv layers", "conv layers and head", "whole network")

BOTH: tuple[Masks, ...] = ("drawn", "recorded")


@dataclass(frozen=True, slots=True)
class Claim:
    """One check.

    *low* and *high* bound the band, None where a side is open; the bounds belong to it unless *exclusive*. *runs* names
    the runs compared, numerator first (:mod:`mimesim.paper.runs`). *masks* lists the masks on which it is checked,
    *by_construction* those on which it must hold because the masks were drawn so. *basis* quotes the paper, or says
    whose band it is.
    """

    figure: str
    layer: str
    quantity: str
    low: float | None
    high: float | None
    measure: Measure
    basis: str
    runs: tuple[str, ...] = ()
    kind: Kind = "number"
    exclusive: bool = False
    masks: tuple[Masks, ...] = BOTH
    by_construction: bool = False
    scheme: str = ""
    task: str = ""
    level: str = ""
    children: int = 0

    def holds(self, value: float) -> bool:
        """Return whether *value* lies in the band."""
        if self.exclusive:
            return (self.low is None or value > self.low) and (self.high is None or value < self.high)
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def nearly(self, value: float, margin: float = 0.05) -> bool:
        """Return whether *value* lies in the band or misses it by at most the share *margin* of the bound missed."""
        low = None if self.low is None else self.low - margin * abs(self.low)
        high = None if self.high is None else self.high + margin * abs(self.high)
        return (low is None or value >= low) and (high is None or value <= high)
