"""What an injection of faults found: per layer the masks that changed, per task the right answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import stdev
from typing import Literal

__all__ = ["ALL_PLACES", "PLACES", "TENSORS", "BaseLine", "CaseFaults", "LayerFaults", "Place", "StoredLayer",
           "Tensor", "Trial", "interval"]  # fmt: skip

Place = Literal["dram", "cache", "scratchpad", "envm"]
Tensor = Literal["weights", "thresholds"]
#: Where bits flip at a rate; in embedded non-volatile memory it is cells that are misread.
PLACES: tuple[Place, ...] = ("dram", "cache", "scratchpad")
ALL_PLACES: tuple[Place, ...] = (*PLACES, "envm")
TENSORS: tuple[Tensor, ...] = ("weights", "thresholds")

#: Student's t for 95 % on both sides, by degrees of freedom from 1 to 30; beyond, the normal distribution's 1.96 to
#: within 4 %. (Any table of the distribution; these from NIST's Engineering Statistics Handbook, 1.3.6.7.2.)
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True)
class StoredLayer:
    """How one task's layer is stored, and what rounding to words alone does to its mask.

    *words* and *fraction* bits of each tensor are 0 where the layer has none. *bits* of mask were compared, *cleared*
    of them went from 1 to 0, *set* from 0 to 1.
    """

    task: str
    layer: str
    weight_words: int
    weight_fraction: int
    threshold_words: int
    threshold_fraction: int
    bits: int
    cleared: int
    set: int


@dataclass(frozen=True)
class BaseLine:
    """Right answers of one task without faults: computed in float32, and with parameters rounded to words."""

    task: str
    images: int
    right_float: int
    right: int


@dataclass(frozen=True)
class LayerFaults:
    """What one trial did to one layer of one task; *flips* are wrong bits that the task's images met there."""

    task: str
    layer: str
    flips: int
    bits: int
    cleared: int
    set: int


@dataclass(frozen=True)
class Trial:
    """One seed at one rate in one place: right answers by task, and every layer.

    In eNVM the rate is the mean probability that a cell of *bits_per_cell* is misread; elsewhere there are no cells: 0.
    """

    place: Place
    tensor: Tensor
    rate: float
    seed: int
    right: dict[str, int]
    layers: tuple[LayerFaults, ...]
    bits_per_cell: int = 0


@dataclass(frozen=True)
class CaseFaults:
    """All trials of one case."""

    case: str
    title: str
    scheme: str
    trace_digest: str
    word_bits: int
    base: tuple[BaseLine, ...]
    stored: tuple[StoredLayer, ...]
    trials: tuple[Trial, ...]


def interval(values: Sequence[float]) -> float:
    """Return half the width of the 95 % confidence interval of the mean of two *values* or more (Student's t)."""
    freedom = len(values) - 1
    factor = _STUDENT[freedom - 1] if freedom <= len(_STUDENT) else 1.96
    return factor * stdev(values) / sqrt(len(values))
