"""What a chart is made of: a figure that draws itself, the same numbers as a table, and what they say in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mimesim.report.runs import Run
from mimesim.results.csv_file import Row, harmless, render_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Chart", "Column", "Plot"]


@dataclass(frozen=True)
class Column:
    """A column of a plot's numbers: its name in the CSV, and what stands over it where people read it."""

    key: str
    heading: str


@dataclass(frozen=True)
class Plot:
    """One figure.

    *name* is unlike that of the run's other plots. *says* tells in a sentence or two what there is to see, for those
    who do not see it. *draw* draws on an empty figure and gives it its size: wide, for screens and paper, or
    narrow, for a phone.
    """

    name: str
    title: str
    says: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    draw: Callable[[Figure, bool], None]

    def csv(self) -> str:
        """Return the numbers as CSV, in the units of ``docs/results.md``; no cell is a formula."""
        keys = [column.key for column in self.columns]
        return render_csv(keys, ({key: harmless(row[key]) for key in keys} for row in self.rows))


class Chart(ABC):
    """A kind of figure: one file in this package, and a line in its ``__init__``.

    *name* is part of file names and ids, *title* heads its section, *about* explains how to read it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    #: Whether runs of one workload in different modes give the same figure.
    any_mode: ClassVar[bool] = False

    @abstractmethod
    def plots(self, run: Run) -> Iterable[Plot]:
        """Return the figures of *run*, none where it has nothing of the kind.

        Raises :class:`~mimesim.report.runs.Gap` where its tables do not tell.
        """
