"""Tables as CSV: plain cells, LF, no index, the same bytes for the same values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from mimesim.errors import InputError

__all__ = ["FORMULA", "Cell", "Row", "as_number", "harmless", "render_csv"]

#: None is an empty cell, which pandas reads as NaN.
Cell = str | int | float | None
Row = Mapping[str, Cell]

#: What makes a spreadsheet take a cell for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_number(cell: object, absent: int | None = None) -> int | float:
    """Return the number in *cell*, or *absent* where there is none; without that, it is a :class:`TypeError`."""
    if isinstance(cell, int | float):
        return cell
    if absent is None:
        raise TypeError(f"{cell!r} is not a number")
    return absent


def render_csv(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """Return *rows* as CSV with a header; every row has exactly *columns*, in any order."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    named = set(columns)
    for row in rows:
        if row.keys() != named:
            raise ValueError(f"columns {sorted(row.keys() ^ named)} are too many or missing")
        writer.writerow([_plain(column, row[column]) for column in columns])
    return text.getvalue()


def harmless(cell: Cell) -> Cell:
    """Return *cell* with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip().startswith(FORMULA) else cell


def _plain(column: str, cell: Cell) -> Cell:
    """Return *cell*; the shortest text that reads back as the same float is Python's own."""
    if isinstance(cell, str) and cell.startswith(FORMULA):
        raise InputError("results", "a name must not begin like a formula of a spreadsheet", key=column, value=cell)
    return cell
