"""Recorded arrivals: a CSV file of times and tasks, read a row at a time."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from mimesim.config.explain import suggest
from mimesim.errors import InputError
from mimesim.serving.arrivals import Turns
from mimesim.serving.request import Arrival

__all__ = ["Recorded"]

#: Picoseconds of the unit in the column's name.
_UNITS = {"arrival_s": 10**12, "arrival_ms": 10**9}
_KNOWN = (*_UNITS, "task", "image")
#: A year: beyond it a time is more likely in another unit.
_LATEST_S = 366 * 86400


@dataclass
class Recorded:
    """The arrivals in a CSV file with the columns ``arrival_s`` or ``arrival_ms``, ``task`` and, if wanted, ``image``.

    *images* says how many images of each task there are. A row without an image gets its task's next one in turn (over
    such rows), out of the first *turns*. Times do not fall; they are read in decimal, as they are written, and rounded
    to a picosecond. The file is read once from end to end when it is opened, so that what is wrong in it is
    told before anything runs, and again for every replay; never is more than a row of it in memory.

    Raises :class:`InputError` with file, line, column, value and rule.
    """

    path: Path
    images: Mapping[str, int]
    turns: int
    #: Requests of each task, the seconds from the first to the last, and how many there are in all.
    tasks: Counter[str] = field(init=False, default_factory=Counter)
    span_s: float = field(init=False, default=0.0)
    expected: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Read the file once."""
        first = last = 0
        for arrival in self:
            first = first if self.expected else arrival.picoseconds
            last = arrival.picoseconds
            self.tasks[arrival.task] += 1
            self.expected += 1
        if not self.expected:
            raise InputError(str(self.path), "holds no requests: a header and a row for each are needed")
        self.span_s = (last - first) / 10**12

    def __iter__(self) -> Iterator[Arrival]:
        """Read the file."""
        turns = Turns(self.turns)
        before = 0
        with _opened(self.path) as rows:
            column = self._header(rows)
            for row in rows:
                where = f"{self.path}:{rows.line_num}"
                # What a row has too many csv puts under None, what it lacks is None.
                if None in row or None in row.values():
                    raise InputError(where, f"must have {len(rows.fieldnames or ())} cells, as the header has")
                time = _time(row[column], column, where)
                if time < before:
                    raise InputError(where, "is earlier than the row before", key=column, value=row[column])
                before = time
                task = row["task"].strip()
                if task not in self.images:
                    rule = f"the workload has no such task; {suggest(task, self.images)}"
                    raise InputError(where, rule, key="task", value=task)
                yield Arrival(time, task, self._image(row, task, turns, where))

    def describe(self) -> dict[str, Any]:
        """Return the file's name and what is in it."""
        return {
            "arrivals": "recorded",
            "file": self.path.name,
            "rate_per_s": self.rate_per_s,
            "mix": {task: self.tasks[task] / self.expected for task in self.images},
            "images_per_task": self.turns,
            "requests": self.expected,
        }

    @property
    def rate_per_s(self) -> float | None:
        """Requests per second from the first arrival to the last; None where all come at once."""
        return (self.expected - 1) / self.span_s if self.span_s else None

    def _header(self, rows: csv.DictReader[str]) -> str:
        """Return the name of the column of times."""
        where = f"{self.path}:1"
        names = list(rows.fieldnames or ())
        for name in names:
            if name not in _KNOWN:
                raise InputError(where, f"there is no such column; {suggest(name, _KNOWN)}", value=name)
            if names.count(name) > 1:
                raise InputError(where, "names the same column twice", value=name)
        times = [name for name in names if name in _UNITS]
        if len(times) != 1 or "task" not in names:
            raise InputError(where, "must name the columns task and one of arrival_s and arrival_ms")
        return times[0]

    def _image(self, row: Mapping[str, str], task: str, turns: Turns, where: str) -> int:
        text = row.get("image", "").strip()
        if not text:
            return turns.next(task)
        held = self.images[task]
        if not text.isdecimal() or int(text) >= held:
            rule = f"must be a whole number from 0 to {held - 1}: so many images of {task!r} are in the traces"
            raise InputError(where, rule, key="image", value=text)
        return int(text)


@contextmanager
def _opened(path: Path) -> Iterator[csv.DictReader[str]]:
    """Open a CSV file, and say what is wrong with it as a file."""
    if not path.is_file():
        raise InputError(str(path), "there is no such file; --arrivals is poisson, bursty or a CSV file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield csv.DictReader(stream)
    except UnicodeDecodeError:
        raise InputError(str(path), "is not UTF-8 text") from None
    except csv.Error as error:
        raise InputError(str(path), f"is not CSV: {error}") from None


def _time(text: str, column: str, where: str) -> int:
    """Return a time in picoseconds."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise InputError(where, "must be a number, not negative", key=column, value=text)
    if value * _UNITS[column] > _LATEST_S * 10**12:
        raise InputError(where, "is more than a year: is the unit right?", key=column, value=text)
    return round(value * _UNITS[column])
