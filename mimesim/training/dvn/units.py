"""Who uses which part of the backbone: channels cut into units, and each task's order of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mimesim.errors import InputError

__all__ = ["Assignment", "Level", "split_channels", "unit_name", "unit_order"]

#: A task's virtual network: the task, and how many of its units it uses, from 1.
Level = tuple[str, int]


def unit_name(unit: int) -> str:
    """The name of unit number *unit*, counted from 1, in graphs and traces."""
    return f"u{unit}"


def split_channels(channels: int, units: int) -> tuple[range, ...]:
    """Cut *channels* into consecutive *units*, whose sizes differ by at most one; the first are the larger ones."""
    if channels < units:
        raise InputError("features", f"must be at least {units}, one channel for each unit", value=channels)
    small, more = divmod(channels, units)
    starts = [unit * small + min(unit, more) for unit in range(units + 1)]
    return tuple(range(low, high) for low, high in pairwise(starts))


def unit_order(task: int, units: int) -> tuple[int, ...]:
    """The units of task number *task* (both counted from 1), the one of its first level first.

    Own unit, then the previous task's, then the next task's, and so on outwards, whoever there is none of being left
    out: with four tasks (1, 2, 3, ..), (2, 1, 3, ..), (3, 2, 4, ..), (4, 3, 2, ..). The rule is fixed before training
    and measures nothing: tasks with neighbouring numbers are taken to be alike. Up to the third level it is the
    authors' as a review of the paper shows it (vitalab.github.io, 2019-07-10); beyond, its plain continuation.
    """
    if not 1 <= task <= units:
        raise ValueError(f"task {task} of {units}")
    outwards = [task, *(place for step in range(1, units) for place in (task - step, task + step))]
    return tuple(place for place in outwards if 1 <= place <= units)


@dataclass(frozen=True)
class Assignment:
    """*orders* has, for each task, its units (from 1); level h uses the first h of them, so levels are nested.

    *levels* is how many of them there are, the same for all tasks.
    """

    orders: Mapping[str, tuple[int, ...]]
    units: int
    levels: int

    def __post_init__(self) -> None:
        """Refuse what is no assignment."""
        if not 1 <= self.levels <= self.units:
            raise InputError("levels", f"must be from 1 to {self.units}, the number of units", value=self.levels)
        for task, order in self.orders.items():
            if len(order) < self.levels or len(set(order)) < len(order) or set(order) - set(range(1, self.units + 1)):
                rule = f"task {task!r} must have {self.levels} different units from 1 to {self.units}"
                raise InputError("orders", rule, value=order)

    @classmethod
    def by_rule(cls, tasks: Sequence[str], levels: int) -> Assignment:
        """As many units as tasks, in the order of :func:`unit_order`."""
        orders = {task: unit_order(number, len(tasks)) for number, task in enumerate(tasks, 1)}
        return cls(orders, len(tasks), levels)

    @classmethod
    def random(cls, tasks: Sequence[str], levels: int, seed: int) -> Assignment:
        """A control: as many units as tasks, each task's order drawn by *seed*."""
        generator = np.random.default_rng(seed)
        orders = {task: tuple(map(int, 1 + generator.permutation(len(tasks)))) for task in tasks}
        return cls(orders, len(tasks), levels)

    @classmethod
    def whole(cls, tasks: Sequence[str]) -> Assignment:
        """One unit that all tasks use whole: a trunk with a head for each task."""
        return cls(dict.fromkeys(tasks, (1,)), 1, 1)

    @property
    def virtual(self) -> tuple[Level, ...]:
        """All virtual networks: task by task, level by level."""
        return tuple((task, level) for task in self.orders for level in range(1, self.levels + 1))

    def active(self, task: str, level: int) -> tuple[int, ...]:
        """The units of a virtual network, in the task's order."""
        if not 1 <= level <= self.levels:
            raise InputError("level", f"must be from 1 to {self.levels}", value=level)
        return self.orders[task][:level]
