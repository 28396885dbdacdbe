"""What a sweep's YAML file may say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PrivateAttr, ValidationInfo, model_validator

from mimesim.config.base import Count, NonNegative, Strict
from mimesim.config.explain import suggest
from mimesim.config.origin import KeyPath, Origin, dotted
from mimesim.config.schedule import Mode
from mimesim.config.workload import Label
from mimesim.errors import InputError
from mimesim.results.csv_file import FORMULA
from mimesim.sweeps.columns import is_measure, measure, measures

__all__ = ["Bounds", "Design", "Objectives", "Point", "Random", "Range", "Sweep"]

#: Keys become columns, so they are kept plain; what may follow a dot is a key, a name or a number of an entry.
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
#: More than anybody waits for: a mistyped grid ends here.
_MOST_POINTS = 1_000_000


def _plain_key(key: str) -> str:
    if not _KEY.fullmatch(key) or len(key) > 200:
        raise ValueError("must be a key as --set takes it, such as hardware.dram.channels")
    return key


def _plain_value(value: Any) -> Any:
    """Refuse text that is none in a table: values become cells, and a row is one line."""
    for text in _texts(value):
        if text.startswith(FORMULA) or not text.isprintable():
            raise ValueError(f"{text[:20]!r} begins like a formula of a spreadsheet, or is not plain text")
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from _texts(list(pair))
    elif isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
    elif not isinstance(value, int | float | None) or value in (float("inf"), float("-inf")) or value != value:
        raise ValueError(f"{value} is neither text nor a finite number, nor a list or mapping of them")


Key = Annotated[str, AfterValidator(_plain_key)]
Value = Annotated[Any, AfterValidator(_plain_value)]
#: Settings of one point, by key.
Point = dict[Key, Value]
Measure = Annotated[str, AfterValidator(measure)]


class Range(Strict):
    """Where one setting of a random design comes from: exactly one of these."""

    uniform: tuple[float, float] | None = Field(None, description="any number between two, all alike")
    log: tuple[float, float] | None = Field(None, description="any number between two, all powers alike")
    integers: tuple[int, int] | None = Field(None, description="a whole number between two, both included")
    choice: Annotated[tuple[Value, ...], Field(min_length=1)] | None = Field(None, description="one of these")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [kind for kind in ("uniform", "log", "integers", "choice") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of uniform, log, integers and choice")
        bounds = self.bounds
        if bounds is not None and not bounds[0] < bounds[1]:
            raise ValueError("must go from a number to a larger one")
        if self.log is not None and self.log[0] <= 0:
            raise ValueError("must begin above zero to be logarithmic")
        return self

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The first and the last number, where it is numbers."""
        return self.uniform or self.log or self.integers


class Random(Strict):
    """Points drawn at random."""

    n: Annotated[Count, Field(le=_MOST_POINTS)] = Field(description="points to draw, or trials of --search")
    seed: NonNegative = Field(0, description="the same seed draws the same points")
    ranges: Annotated[dict[Key, Range], Field(min_length=1)] = Field(description="by key")
    batch: Count = Field(8, description="with --search: trials that are chosen together, before any of them is known")


class Design(Strict):
    """Which points there are: exactly one of these."""

    grid: Annotated[dict[Key, Annotated[tuple[Value, ...], Field(min_length=1)]], Field(min_length=1)] | None = Field(
        None, description="every combination of these values"
    )
    list: Annotated[tuple[Point, ...], Field(min_length=1)] | None = Field(None, description="each point by itself")
    random: Random | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [kind for kind in ("grid", "list", "random") if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError("must have exactly one of grid, list and random")
        count = 1
        for values in (self.grid or {}).values():
            count *= len(values)
        if count > _MOST_POINTS:
            raise ValueError(f"has {count} points; at most {_MOST_POINTS} are taken")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that points set, each once, in the file's order."""
        points = self.list or (self.grid,) if self.random is None else (self.random.ranges,)
        return tuple(dict.fromkeys(key for point in points for key in point or ()))


class Objectives(Strict):
    """Columns of the results that should be small, or large."""

    minimise: tuple[Measure, ...] = ()
    maximise: tuple[Measure, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = (*self.minimise, *self.maximise)
        if len(set(names)) < len(names):
            raise ValueError("names a column twice")
        return self


class Bounds(Strict):
    """What a column of the results may be."""

    at_most: float | None = None
    at_least: float | None = None


class Sweep(Strict):
    """Which workload is replayed at which points, and what is looked for. Paths are relative to the file's folder."""

    name: Label
    description: str = ""
    workload: str = Field(description="as of mimesim run: a YAML file, or the name of a shipped workload")
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = ("pipelined",)
    cases: Annotated[tuple[Label, ...], Field(min_length=1)] | None = Field(None, description="none: all cases")
    images: Count | None = Field(None, description="images of each task; none: as many as mimesim run takes")
    design: Design
    objectives: Objectives = Objectives(minimise=("cycles_per_image", "energy_per_image"))
    constraints: dict[str, Bounds] = Field({}, description="by column")

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def folder(self) -> Path:
        """Where results go if nobody says otherwise."""
        return Path("out", f"{self.name}-sweep")

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        if isinstance(info.context, Origin):
            self._origin = info.context
        for name in self.constraints:
            if not is_measure(name):
                raise self.error(("constraints", name), f"no such column; {suggest(name, measures())}")
        for key, entries in (("modes", self.modes), ("cases", self.cases or ())):
            for index, entry in enumerate(entries):
                if entry in entries[:index]:
                    raise self.error((key, index), "stands twice", entry)
        return self

    def error(self, path: KeyPath, rule: str, value: object = None) -> InputError:
        """Return the error that the entry at *path* breaks *rule*, with its file and line."""
        return InputError(self.where(path), rule, key=dotted(path), value=value)

    def where(self, path: KeyPath) -> str:
        """Return the file and the line of an entry."""
        return self._origin.where(path)

    @property
    def source(self) -> str:
        """What the workload's place is, seen from where mimesim runs."""
        here = Path(self.workload)
        return str(self._origin.folder / here) if here.suffix or len(here.parts) > 1 else self.workload

    def place(self, number: int, key: str) -> str:
        """Return the file and line of what sets *key* at point *number*."""
        kind = "grid" if self.design.grid is not None else "list" if self.design.list is not None else "random"
        if kind == "list":
            return self.where(("design", "list", number, key))
        return self.where(("design", kind, key) if kind == "grid" else ("design", kind, "ranges", key))

    def meets(self, row: dict[str, Any]) -> bool:
        """Return whether *row* keeps the constraints."""
        return all(excess <= 0 for excess in self.excess(row))

    def excess(self, row: dict[str, Any]) -> list[float]:
        """Return by how much *row* misses each bound; none or less where it is kept."""
        found: list[float] = []
        for name, bounds in self.constraints.items():
            value = row[measure(name)]
            # What is not known keeps no bound.
            found += [] if bounds.at_most is None else [1.0 if value is None else value - bounds.at_most]
            found += [] if bounds.at_least is None else [1.0 if value is None else bounds.at_least - value]
        return found
