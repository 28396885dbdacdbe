"""Read the results of a sweep back, finished or not."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mimesim.errors import InputError
from mimesim.results.csv_file import Cell, Row
from mimesim.results.document import RUN_JSON
from mimesim.sweeps.columns import HEAD, columns_of, measures
from mimesim.sweeps.front import Aims
from mimesim.sweeps.journal import RESULTS_CSV

__all__ = ["Known", "read_results"]


@dataclass(frozen=True)
class Known:
    """What a sweep left: its *rows*, their *columns*, the *keys* that were set, and what was looked for."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    aims: Aims


def read_results(folder: Path) -> Known:
    """Return the results in *folder*; raises :class:`InputError` where it is no sweep's, or a row is not as it was."""
    path = folder / RESULTS_CSV
    try:
        document: Any = json.loads((folder / RUN_JSON).read_bytes())
        text = path.read_text(encoding="utf-8")
        objectives = document["sweep"]["objectives"]
        aims = Aims(tuple(objectives["minimise"]), tuple(objectives["maximise"]))
    except OSError as error:
        raise InputError(str(error.filename or folder), f"cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(str(folder), "holds no results of mimesim sweep") from None
    # A line that is being written, or was when the power went.
    lines = text[: text.rfind("\n") + 1].splitlines()
    columns = tuple(next(csv.reader(lines[:1]), ()))
    keys = tuple(name for name in columns if "." in name or name not in columns_of(()))
    # The engine was not always noted.
    if columns not in (columns_of(keys), columns_of(keys)[:-1]):
        raise InputError(str(path), "has other columns than this version of mimesim writes; run the sweep again")
    numbers = {"point", "feasible", *measures()}
    rows: list[Row] = []
    for number, cells in enumerate(csv.reader(lines[1:]), start=2):
        if len(cells) != len(columns):
            raise InputError(f"{path}:{number}", f"must have {len(columns)} cells, not {len(cells)}")
        row: dict[str, Cell] = {}
        for name, cell in zip(columns, cells, strict=True):
            row[name] = _number(cell, f"{path}:{number}", name) if name in numbers else cell
        rows.append(row)
    return Known(tuple(rows), columns, tuple(key for key in keys if key not in HEAD), aims)


def _number(cell: str, where: str, column: str) -> int | float | None:
    try:
        return None if cell == "" else float(cell) if set(cell) & set(".eEn") else int(cell)
    except ValueError:
        raise InputError(where, "must be a number", key=column, value=cell) from None
