"""The physical network: a VGG of 3 x 3 convolutions and 2 x 2 max-pools, every layer cut into the same units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mimesim.errors import InputError
from mimesim.training.dvn.units import Assignment, split_channels

__all__ = ["Backbone", "Step"]


@dataclass(frozen=True)
class Step:
    """A convolution or a pool: its name, the units of what it reads and writes as ranges of channels, its output's
    side. The image is one range of no unit."""

    kind: Literal["conv", "pool"]
    name: str
    reads: tuple[range, ...]
    writes: tuple[range, ...]
    side: int


@dataclass(frozen=True)
class Backbone:
    """*features* are channels of a convolution (padding 1, batch norm, ReLU) or "M", a 2 x 2 max-pool, for square
    images of *size_px* pixels and three channels; heads read the last map whole. *classes* are those of each task."""

    features: tuple[int | Literal["M"], ...]
    size_px: int
    assignment: Assignment
    classes: Mapping[str, int]

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Convolutions and pools, in order, numbered by kind from 1."""
        found: list[Step] = []
        reads: tuple[range, ...] = (range(3),)
        side, convolutions, pools = self.size_px, 0, 0
        for entry in self.features:
            if entry == "M":
                if side < 2:
                    raise InputError("features", f"halves {self.size_px} pixels too often", value=list(self.features))
                side, pools = side // 2, pools + 1
                found.append(Step("pool", f"pool{pools}", reads, reads, side))
            else:
                convolutions += 1
                writes = split_channels(entry, self.assignment.units)
                found.append(Step("conv", f"conv{convolutions}", reads, writes, side))
                reads = writes
        if not found or found[0].kind != "conv":
            raise InputError("features", "must begin with a convolution", value=list(self.features))
        return tuple(found)

    @property
    def convolutions(self) -> tuple[Step, ...]:
        """The layers with weights but the heads."""
        return tuple(step for step in self.steps if step.kind == "conv")

    @property
    def last(self) -> Step:
        """What the heads read."""
        return self.steps[-1]

    def features_of(self, task: str, level: int) -> int:
        """Values that the head of a virtual network reads."""
        channels = sum(len(self.last.writes[unit - 1]) for unit in self.assignment.active(task, level))
        return channels * self.last.side**2
