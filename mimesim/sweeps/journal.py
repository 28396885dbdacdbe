"""The files of a sweep: rows are appended as they come, and put into the order of the design at the end."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mimesim.results.csv_file import FORMULA, Cell, Row, render_csv
from mimesim.results.document import FORMAT, FORMAT_VERSION, RUN_JSON, versions
from mimesim.results.writer import as_input_error, write_files
from mimesim.sweeps.columns import ENGINE, ERRORS, HEAD, columns_of
from mimesim.sweeps.design import text_of
from mimesim.sweeps.points import Entry
from mimesim.sweeps.settings import Sweep
from mimesim.sweeps.store import Kept

__all__ = ["ERRORS_CSV", "RESULTS_CSV", "Journal"]

RESULTS_CSV = "results.csv"
ERRORS_CSV = "errors.csv"


class Journal:
    """``results.csv``, ``errors.csv`` and ``run.json`` of one sweep in a folder.

    What an earlier run of the sweep left, torn lines and all, is replaced when it begins: what that run found is in the
    store. Raises :class:`InputError` if the folder is not ours to write, or the disk refuses.
    """

    def __init__(self, sweep: Sweep, folder: Path, document: Mapping[str, Any]) -> None:
        self.rows: dict[tuple[object, ...], Row] = {}
        self.errors: dict[tuple[object, ...], Row] = {}
        self._sweep = sweep
        self._folder = folder
        self._columns = columns_of(sweep.design.keys)
        self._document = document
        self._order: list[tuple[object, ...]] = []
        self.begun = False

    def expect(self, entry: Entry) -> None:
        """Note that *entry* will have a row, or an error, behind those of the entries before it."""
        self._order.append(entry.place)

    def add(self, entry: Entry, kept: Kept | None, error: str = "") -> Row | None:
        """Note what came of *entry*, and return its row if it has one."""
        row = None if kept is None else self._row(entry, *kept)
        table = self.errors if row is None else self.rows
        table[entry.place] = _error(entry, error) if row is None else row
        if self.begun:
            columns = ERRORS if row is None else self._columns
            self._append(ERRORS_CSV if row is None else RESULTS_CSV, columns, table[entry.place])
        return row

    def begin(self) -> None:
        """Write the files with all rows so far; from now on rows are appended."""
        self._write({})
        self.begun = True

    def finish(self, measured: Mapping[str, object]) -> None:
        """Write the files anew, rows in the order of the design: the same bytes, whatever came first."""
        self.rows = {place: self.rows[place] for place in self._order if place in self.rows}
        self.errors = {place: self.errors[place] for place in self._order if place in self.errors}
        self._write(measured)

    def _write(self, measured: Mapping[str, object]) -> None:
        files = {
            RESULTS_CSV: render_csv(self._columns, self.rows.values()),
            ERRORS_CSV: render_csv(ERRORS, self.errors.values()),
        }
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "command": "sweep",
            "files": sorted([*files, RUN_JSON]),
            "sweep": self._sweep.model_dump(mode="json"),
            **self._document,
            "versions": versions(),
            "measured": dict(measured),
        }
        write_files({**files, RUN_JSON: json.dumps(document, indent=2, allow_nan=False) + "\n"}, self._folder)

    def _append(self, name: str, columns: Sequence[str], row: Row) -> None:
        """Append one line, all of it at once, so that what a reader sees ends with a whole line.

        Nobody waits for the disk: a power cut may tear the last lines off, and the next run writes them again.
        """
        line = render_csv(columns, [row]).encode().split(b"\n", 1)[1]
        with as_input_error(self._folder), io.FileIO(self._folder / name, "a") as file:
            if file.write(line) != len(line):
                raise OSError("no space left for a row")

    def _row(self, entry: Entry, values: dict[str, Cell], engine: str) -> Row:
        job = entry.job
        assert job is not None  # noqa: S101 - what has values was replayed
        case = next(case for case in job.workload.cases if case.name == entry.case)
        head = {
            "point": entry.point,
            "mode": entry.mode,
            "case": entry.case,
            "scheme": case.scheme,
            "skipping": case.skipping,
            "tasks": "+".join(job.selection.tasks),
        }
        swept = {key: _cell(entry.settings[key]) if key in entry.settings else None for key in self._sweep.design.keys}
        row = {**{key: cell for key, cell in swept.items() if key not in HEAD}, **head, **values}
        return {**row, "feasible": int(self._sweep.meets(values)), "configuration": job.key, ENGINE: engine}


def _cell(value: Any) -> Cell:
    """Return a setting as a cell: lists, mappings, nothing and truth as JSON."""
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else json.dumps(value)


def _error(entry: Entry, error: str) -> Row:
    text = " ".join(error.split())
    return {
        "point": entry.point,
        "mode": entry.mode,
        "case": entry.case,
        "settings": text_of(entry.settings),
        # Errors quote what people wrote; a spreadsheet is not to take it for a formula.
        "error": f"'{text}" if text.startswith(FORMULA) else text,
    }
