"""What the paper claims, as data: every number and every remark of its results that a replay can confirm or refute.

The list was written and committed before the first result was looked at, and ``tests/paper`` pins its hash, so that no
claim is dropped and no band is widened because of what came out. Source: Bhattacharjee et al., "MIME: Adapting a Single
Neural Network for Multi-task Inference with Memory-efficient Dynamic Pruning" (arXiv 2204.05274); the figures print no
values, so the bands are the ranges that its text gives.

Bands that the paper does not state are ours, and say so under *basis*.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Literal

from mimesim.trace import SparsityTable

__all__ = ["CLAIMS", "EVEN_LAYERS", "TABLE_LAYERS", "TASKS", "Claim", "Kind", "Masks", "Measure", "claims_digest"]

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

_BOTH: tuple[Masks, ...] = ("drawn", "recorded")


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
    masks: tuple[Masks, ...] = _BOTH
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


def _storage() -> Iterator[Claim]:
    for scope in STORAGE_SCOPES:
        yield Claim(
            "Fig. 4",
            scope,
            "storage, conventional / MIME, 3 children",
            3.4,
            3.56,
            "storage",
            "'~3.48x savings in DRAM storage'; the band is ours: what rounds to within 2.3 % of it",
            children=3,
        )
        for children in (1, 2, 3):
            yield Claim(
                "Fig. 4",
                scope,
                f"storage, conventional / MIME, {children} child{'ren' if children > 1 else ''} (> n)",
                float(children),
                None,
                "storage",
                "'the memory savings with respect to conventional multi-task inference approach is > n x'",
                exclusive=True,
                children=children,
            )


def _singular() -> Iterator[Claim]:
    for layer in EVEN_LAYERS:
        yield Claim(
            "Fig. 5",
            layer,
            "energy, singular, Case-1 / MIME",
            1.8,
            2.5,
            "energy",
            "'~1.8-2.5x energy savings with MIME with respect to baseline Case-1'",
            ("case-1/singular", "mime/singular"),
        )
        yield Claim(
            "Fig. 5",
            layer,
            "energy, singular, Case-2 / MIME",
            1.07,
            1.30,
            "energy",
            "'~1.07-1.30x with respect to baseline Case-2'",
            ("case-2/singular", "mime/singular"),
        )
        yield Claim(
            "Fig. 5",
            layer,
            "DRAM energy, singular, MIME / Case-2 (> 1)",
            1.0,
            None,
            "energy_dram",
            "'E_DRAM of MIME is slightly higher than the corresponding E_DRAM of Case-2 for each layer'",
            ("mime/singular", "case-2/singular"),
            kind="remark",
            exclusive=True,
        )


def _pipelined() -> Iterator[Claim]:
    for layer in EVEN_LAYERS:
        for case, low, high in (("1", 2.4, 3.1), ("2", 1.3, 2.4)):
            yield Claim(
                "Fig. 6",
                layer,
                f"energy, pipelined, Case-{case} / MIME",
                low,
                high,
                "energy",
                f"'~{low}-{high}x savings in total energy expenditure per convolutional layer'",
                (f"case-{case}/pipelined", "mime/pipelined"),
            )
    for level in ("dram", "reg"):
        yield Claim(
            "Fig. 6",
            "conv8-12 / conv2-6",
            f"{level} energy saving over Case-1 of the later layers over that of the earlier (> 1)",
            1.0,
            None,
            "later_saving",
            "'savings being more significant for E_DRAM and E_reg based memory access energies in latter layers'",
            ("case-1/pipelined", "mime/pipelined"),
            kind="remark",
            exclusive=True,
            level=level,
        )
    for layer in EVEN_LAYERS:
        yield Claim(
            "Fig. 7",
            layer,
            "throughput, pipelined, MIME / Case-1",
            2.8,
            3.0,
            "cycles",
            "'~2.8-3.0x improvement in throughput'",
            ("case-1/pipelined", "mime/pipelined"),
        )


def _pruned() -> Iterator[Claim]:
    runs = ("pruned/pipelined", "mime/pipelined")
    for layer in ("conv2", "conv4"):
        yield Claim(
            "Fig. 8",
            layer,
            "energy, pipelined, pruned / MIME (< 1)",
            None,
            1.0,
            "energy",
            "'specifically, conv2 and conv4 layers ..., MIME under-performs with respect to inference with the pruned "
            "models'",
            runs,
            exclusive=True,
        )
    for layer in ("conv5", "conv6", "conv8", "conv10", "conv12"):
        yield Claim(
            "Fig. 8",
            layer,
            "energy, pipelined, pruned / MIME",
            1.36,
            2.0,
            "energy",
            "'the energy savings (~1.36-2.0x) achieved by MIME in the latter convolutional layers'; from conv5 on",
            runs,
        )
    for layer in ("conv2", "conv4", "conv5", "conv6", "conv8", "conv10", "conv12"):
        early = layer in ("conv2", "conv4")
        yield Claim(
            "Fig. 8",
            layer,
            f"thresholds of the three tasks per weight ({'>' if early else '<'} 1)",
            1.0 if early else None,
            None if early else 1.0,
            "thresholds_per_weight",
            "thresholds 'outnumber the weight parameters in the conv2 and conv4 layers'; 'from conv5 layer onwards, "
            "the weight parameters outnumber the threshold parameters' (this remark led to 64 px: it is no test of it)",
            kind="remark",
            exclusive=True,
        )


def _ablation() -> Iterator[Claim]:
    small_grid, small_cache = (
        ("mime/pipelined/pe-256", "mime/pipelined"),
        ("mime/pipelined/cache-128", "mime/pipelined"),
    )
    middle = tuple(f"conv{i}" for i in range(5, 11))
    for layer in middle:
        yield Claim(
            "Fig. 9",
            layer,
            "energy, MIME, 256 PEs / 1024 PEs",
            1.26,
            1.41,
            "energy",
            "'for the intermediate convolutional layers (conv5 to conv10), the energy expenditure increases "
            "significantly (~1.26-1.41x)'",
            small_grid,
        )
    for layer in ("conv2", "conv4", "conv12"):
        yield Claim(
            "Fig. 9",
            layer,
            "energy, MIME, 256 PEs / 1024 PEs (less than in the middle)",
            1.0,
            1.26,
            "energy",
            "only conv5 to conv10 are said to rise by 1.26 or more; the band below that is ours",
            small_grid,
            kind="remark",
        )
    for layer in middle:
        yield Claim(
            "Fig. 9",
            layer,
            "DRAM's share of the rise with 256 PEs (> 1/2)",
            0.5,
            None,
            "dram_share_of_rise",
            "'this additional energy expenditure is attributed to increased DRAM accesses'; the band is ours",
            small_grid,
            kind="remark",
            exclusive=True,
        )
        yield Claim(
            "Fig. 9",
            layer,
            "rise of cache energy per rise of DRAM energy with 256 PEs (0 to 1)",
            0.0,
            1.0,
            "cache_rise_per_dram_rise",
            "'There is also a rise in the value of E_cache, but is not as significant as E_DRAM'",
            small_grid,
            kind="remark",
            exclusive=True,
        )
    for layer in ("conv2", "conv4", *middle, "conv12"):
        yield Claim(
            "Fig. 9",
            layer,
            "energy, MIME, 128 KB / 156 KB of cache",
            1.0,
            1.1,
            "energy",
            "'reducing cache size does not add significant energy overhead'; the band is ours",
            small_cache,
            kind="remark",
        )


def _tables() -> Iterator[Claim]:
    table = SparsityTable.shipped()
    for name, scheme in (("Table II", "mime"), ("Table III", "conventional")):
        for task in TASKS:
            row = table.row(scheme, task)
            for layer in TABLE_LAYERS:
                given = row.sparsity[layer]
                for masks, width in (("drawn", 0.02), ("recorded", 0.05)):
                    yield Claim(
                        name,
                        layer,
                        f"sparsity, {scheme}, {task}",
                        round(given - width, 4),
                        round(given + width, 4),
                        "sparsity",
                        f"{given} in {name}; the band of +-{width} is ours"
                        + (", for drawing at that sparsity leaves a sampling error only" if masks == "drawn" else ""),
                        masks=(masks,),  # type: ignore[arg-type]
                        by_construction=masks == "drawn",
                        scheme=scheme,
                        task=task,
                    )
            assert row.test_accuracy is not None  # noqa: S101 - the shipped table has it in every row
            percent = round(100 * row.test_accuracy, 2)
            yield Claim(
                name,
                "network",
                f"test accuracy in percent, {scheme}, {task}",
                round(percent - 2, 2),
                round(percent + 2, 2),
                "accuracy",
                f"{percent} % in {name}; the band of +-2 points is ours",
                masks=("recorded",),
                scheme=scheme,
                task=task,
            )
    yield from _between_tables()


def _between_tables() -> Iterator[Claim]:
    for task in TASKS:
        yield Claim(
            "Tables II, III",
            "network",
            f"points of accuracy lost by MIME, {task}",
            None,
            2.0,
            "accuracy_loss",
            "0.68, 1.13 and 1.76 points in the tables; the bound is ours",
            masks=("recorded",),
            scheme="mime",
            task=task,
        )
        yield Claim(
            "Tables II, III",
            "network",
            f"points of accuracy lost by pruning, {task}",
            -2.0,
            2.0,
            "accuracy_loss",
            "pruned models were trained 'to near iso-accuracy with the corresponding baselines'; the band is ours",
            masks=("recorded",),
            kind="remark",
            scheme="pruned",
            task=task,
        )
        for masks in _BOTH:
            yield Claim(
                "Tables II, III",
                "network",
                f"layers of {len(TABLE_LAYERS)} in which MIME is sparser than ReLU, {task}",
                float(len(TABLE_LAYERS)),
                float(len(TABLE_LAYERS)),
                "sparser_layers",
                "every entry of Table II exceeds the one of Table III",
                masks=(masks,),
                by_construction=masks == "drawn",
                scheme="mime",
                task=task,
            )


#: Every claim, in the order of the paper's figures.
CLAIMS: tuple[Claim, ...] = tuple(
    claim for part in (_storage, _singular, _pipelined, _pruned, _ablation, _tables) for claim in part()
)


@cache
def claims_digest() -> str:
    """Return the sha256 of the whole list; it changes with any claim, band or text."""
    listed = [asdict(claim) for claim in CLAIMS]
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()
