"""The tables of a run as CSV, each worked out when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mimesim.energy import PriceList
from mimesim.results import tables
from mimesim.results.bounds import BOUNDS_COLUMNS, bounds_rows
from mimesim.results.csv_file import Row, render_csv
from mimesim.results.document import RunSettings
from mimesim.results.evictions import EVICTIONS, evictions_rows
from mimesim.results.summary import SUMMARY, summary_rows

if TYPE_CHECKING:
    from mimesim.simulation import CaseResult

__all__ = ["TABLES", "Rendered"]


class Rendered:
    """The tables of one run; what is common to several of them is worked out once, and no table twice."""

    def __init__(self, results: Sequence[CaseResult], workload: RunSettings) -> None:
        self.results = results
        self.energy = workload.energy
        self._texts: dict[str, str] = {}

    def csv(self, name: str) -> str:
        """Return the text of table *name*, of :data:`TABLES`."""
        if name not in self._texts:
            columns, rows = _TABLES[name]
            self._texts[name] = render_csv(columns, rows(self))
        return self._texts[name]

    @cached_property
    def cases(self) -> list[tables.PricedCase]:
        """The cases with their energy."""
        energy = self.energy
        return [
            tables.PricedCase.of(result, PriceList(energy.prices, energy.accounting, result.hardware, energy.dram))
            for result in self.results
        ]


_Table = tuple[Sequence[str], Callable[[Rendered], Iterable[Row]]]

_TABLES: Mapping[str, _Table] = {
    "layers": (tables.LAYERS, lambda run: tables.layers_rows(run.cases)),
    "accesses": (tables.ACCESSES, lambda run: tables.accesses_rows(run.cases)),
    "phases": (tables.PHASES, lambda run: tables.phases_rows(run.cases)),
    "bounds": (BOUNDS_COLUMNS, lambda run: bounds_rows(run.results)),
    "images": (tables.IMAGES, lambda run: tables.image_rows(run.cases)),
    "evictions": (EVICTIONS, lambda run: evictions_rows(run.results)),
    "storage": (tables.STORAGE, lambda run: tables.storage_rows(run.cases)),
    "summary": (SUMMARY, lambda run: summary_rows(run.results, run.energy)),
}

TABLES = tuple(_TABLES)
"""The names of the tables; the file of each is ``NAME.csv``."""
