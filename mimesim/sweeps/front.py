"""The rows of a sweep that no other row beats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from mimesim.config.explain import suggest
from mimesim.errors import InputError
from mimesim.pareto import front
from mimesim.results.csv_file import Row
from mimesim.sweeps.columns import measure
from mimesim.sweeps.settings import Sweep

__all__ = ["Aims", "Picked", "pick"]


@dataclass(frozen=True)
class Aims:
    """Columns that should be small, and columns that should be large."""

    minimise: tuple[str, ...]
    maximise: tuple[str, ...]

    @classmethod
    def of(cls, sweep: Sweep) -> Self:
        """Return what *sweep* looks for."""
        return cls(sweep.objectives.minimise, sweep.objectives.maximise)

    @classmethod
    def chosen(cls, minimise: Iterable[str], maximise: Iterable[str]) -> Self:
        """Return what the command line names; raises :class:`InputError` for what is no column of numbers."""
        found: list[str] = []
        named = {"--minimise": tuple(minimise), "--maximise": tuple(maximise)}
        for option, names in named.items():
            for name in names:
                try:
                    column = measure(name)
                except ValueError as error:
                    raise InputError(option, str(error), value=name) from None
                if column in found:
                    raise InputError(option, "names a column twice", value=name)
                found.append(column)
        return cls(tuple(found[: len(named["--minimise"])]), tuple(found[len(named["--minimise"]) :]))

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.minimise, *self.maximise)

    def costs(self, row: Row) -> tuple[float, ...] | None:
        """Return numbers that are better if they are less; None where one is not known."""
        values = [row[name] for name in self.names]
        signs = [1] * len(self.minimise) + [-1] * len(self.maximise)
        known = [sign * value for sign, value in zip(signs, values, strict=True) if isinstance(value, int | float)]
        return tuple(known) if len(known) == len(values) else None


@dataclass(frozen=True)
class Picked:
    """*rows* that were compared by *aims*, and for each whether it is on the front of its *group*."""

    aims: Aims
    rows: tuple[Row, ...]
    on_front: tuple[bool, ...]

    @property
    def front(self) -> list[Row]:
        """The rows on a front, by group, the best in the first aim first."""
        found = [row for row, best in zip(self.rows, self.on_front, strict=True) if best]
        return sorted(found, key=lambda row: (group(row), self.aims.costs(row) or ()))

    @property
    def groups(self) -> list[tuple[str, str]]:
        """The modes and tasks that have a front of their own."""
        return sorted({group(row) for row in self.rows})


def group(row: Row) -> tuple[str, str]:
    """Return what rows must have in common to be compared: they did the same work."""
    return str(row["mode"]), str(row["tasks"])


def pick(
    rows: Sequence[Row],
    aims: Aims,
    *,
    cases: Sequence[str] = (),
    modes: Sequence[str] = (),
    infeasible: bool = False,
) -> Picked:
    """Return the *rows* of some *cases* and *modes* (all, if none are named), and which of them are on a front.

    Rows that miss a constraint are left out, unless *infeasible* ones are wanted; so are those that lack a number.
    Raises :class:`InputError` for a case or mode that no row has.
    """
    for option, names, column in (("--case", cases, "case"), ("--mode", modes, "mode")):
        known = sorted({str(row[column]) for row in rows})
        for name in names:
            if name not in known:
                raise InputError(option, f"no row has it; {suggest(name, known)}", value=name)
    chosen: list[Row] = []
    costs: list[tuple[float, ...]] = []
    for row in rows:
        wanted = (not cases or row["case"] in cases) and (not modes or row["mode"] in modes)
        cost = aims.costs(row) if wanted and (infeasible or row["feasible"]) else None
        if cost is not None:
            chosen.append(row)
            costs.append(cost)
    best = [False] * len(chosen)
    for which in {group(row) for row in chosen}:
        places = [place for place, row in enumerate(chosen) if group(row) == which]
        for place, found in zip(places, front([costs[place] for place in places]), strict=True):
            best[place] = found
    return Picked(aims, tuple(chosen), tuple(best))
