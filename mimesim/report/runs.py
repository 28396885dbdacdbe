"""The folders of results that a report shows, read and checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from mimesim.errors import InputError
from mimesim.report.names import readable, slug, unique
from mimesim.report.record import CaseRecord, RunRecord, parse_record
from mimesim.results import RUN_JSON

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Gap", "Run", "as_records", "find_runs", "totals"]

#: Columns that hold names, whatever they look like.
_NAMES = {
    *("mode", "case", "scheme", "skipping", "task", "layer", "kind", "image", "image_id", "owner", "tensor", "memory"),
    *("level", "direction", "bound", "accounting", "energy_unit", "by_kind", "by_task", "victim_kind", "victim_task"),
    *("victim_layer", "from_task", "to_task"),
}
#: Columns that are empty where there is nothing to divide by.
_RATIOS = {
    *("images_per_second", "overlap", "speedup", "energy_gain", "storage_gain"),
    *("macs_per_byte", "roof_macs_per_cycle", "macs_per_cycle"),
}


class Gap(Exception):  # noqa: N818 - no error: a report says what it cannot show, and goes on
    """What cannot be shown, and why; said in the place of a chart."""


@dataclass(frozen=True)
class Run:
    """A folder that ``mimesim run`` wrote.

    *label* is what people call it and *slug* what files and ids call it, both unlike those of the other runs.
    *document* is all of its ``run.json``.
    """

    folder: Path
    record: RunRecord
    document: dict[str, Any]
    label: str = ""
    slug: str = ""
    _tables: dict[str, DataFrame] = field(default_factory=dict, repr=False, compare=False)

    @property
    def cases(self) -> list[str]:
        """The names of the cases, in the order in which they were run."""
        return [case.case for case in self.record.cases]

    def case(self, name: str) -> CaseRecord:
        """Return what decided case *name*."""
        return next(case for case in self.record.cases if case.case == name)

    @cached_property
    def energy_unit(self) -> str:
        """The unit of the tables' energies."""
        prices = self.record.workload.energy.get("prices")
        return readable(str(prices.get("unit", "mac"))) if isinstance(prices, dict) else "mac"

    def table(self, name: str, *columns: str) -> DataFrame:
        """Return table *name* with *columns* at least, in the order of its rows.

        Raises :class:`Gap` where an older mimesim did not write the table or a column, :class:`InputError` where it
        is damaged or names a case that the run has not.
        """
        if name not in self._tables:
            self._tables[name] = self._read(name)
        table = self._tables[name]
        missing = [column for column in columns if column not in table.columns]
        if missing:
            raise Gap(f"{name} has no column {', '.join(missing)}; was it written by an older mimesim?")
        for column in columns:
            if column not in _NAMES:
                _check_numbers(table, column, str(self.folder / name))
        return table

    def _read(self, name: str) -> DataFrame:
        import pandas as pd

        path = self.folder / name
        try:
            raw = path.read_bytes()
            with catch_warnings():
                # Rows longer than the header are for pandas a matter of taste.
                simplefilter("error", pd.errors.ParserWarning)
                table = pd.read_csv(
                    BytesIO(raw),
                    # A task may be called 007, or NA.
                    dtype=dict.fromkeys(_NAMES, "object"),
                    keep_default_na=False,
                    na_values=[""],
                    index_col=False,
                )
        except FileNotFoundError:
            raise Gap(f"there is no {name}; was it written by an older mimesim?") from None
        except OSError as error:
            raise InputError(str(path), f"cannot be read: {error.strerror}") from error
        except (ValueError, pd.errors.ParserWarning) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(str(path), f"is not a table of mimesim's ({reason}); is the file truncated?") from None
        if not raw.endswith(b"\n"):
            raise InputError(str(path), "ends within a line; is the file truncated?")
        for column in _NAMES & set(table.columns):
            table[column] = table[column].fillna("").map(readable)
        if "case" in table.columns and (strange := set(table["case"]) - set(self.cases)):
            rule = f"is of no case that {RUN_JSON} names; was it put there from another run?"
            raise InputError(str(path), rule, key="case", value=min(strange))
        return table


def _check_numbers(table: DataFrame, column: str, where: str) -> None:
    values = table[column]
    if len(values) and values.dtype.kind not in "iufb":
        raise InputError(where, "must hold numbers only", key=column)
    if values.abs().eq(float("inf")).any() or (column not in _RATIOS and values.isna().any()):
        raise InputError(where, "must hold a finite number in every row", key=column)


def as_records(table: DataFrame) -> list[dict[str, Any]]:
    """Return the rows of *table* by the names of its columns, numbers as Python has them, None where there is none."""
    rows = table.to_dict("records")
    return [{str(name): None if value != value else value for name, value in row.items()} for row in rows]


def totals(table: DataFrame, by: Sequence[str], columns: Sequence[str]) -> dict[tuple[str, ...], dict[str, float]]:
    """Return the sums of *columns* for each combination of *by* that *table* has, in the order of its rows."""
    sums = as_records(table.groupby(list(by), sort=False)[list(columns)].sum().reset_index())
    return {tuple(str(row[name]) for name in by): {name: row[name] for name in columns} for row in sums}


def find_runs(folders: Iterable[Path]) -> tuple[list[Run], list[str]]:
    """Return the runs in *folders*, each of which holds results or folders of results, and what was passed over.

    Raises :class:`InputError` for a folder that holds neither.
    """
    runs: list[Run] = []
    passed_over: list[str] = []
    seen: set[Path] = set()
    for folder in folders:
        for found in _below(folder):
            if found.resolve() in seen:
                continue
            seen.add(found.resolve())
            try:
                runs.append(_load(found))
            except InputError as error:
                if found == folder or "mimesim" not in error.rule:
                    raise
                passed_over.append(f"{found}: {error.rule}")
        if not any(run.folder.is_relative_to(folder) for run in runs):
            raise InputError(str(folder), f"holds no results of mimesim run: no {RUN_JSON}, in it or one folder below")
    labels = _labels(runs)
    slugs = unique(slug(label) for label in labels)
    return [replace(run, label=label, slug=name) for run, label, name in zip(runs, labels, slugs, strict=True)], [
        readable(line) for line in passed_over
    ]


def _below(folder: Path) -> list[Path]:
    """Return *folder* if it is a result, else the results in it."""
    if not folder.exists():
        raise InputError(str(folder), "there is no such folder")
    if not folder.is_dir():
        raise InputError(str(folder), "is not a folder; a report is made from folders that mimesim run wrote")
    if (folder / RUN_JSON).exists():
        return [folder]
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and (path / RUN_JSON).exists())


def _load(folder: Path) -> Run:
    path = folder / RUN_JSON
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error
    record, document = parse_record(raw, path)
    return Run(folder, record, document)


def _labels(runs: Sequence[Run]) -> list[str]:
    """Return workload and mode of each run, and its folder where that does not tell them apart."""
    plain = [f"{run.record.workload.name}, {run.record.mode}" for run in runs]
    return unique(
        f"{label} ({readable(run.folder.name)})" if plain.count(label) > 1 else label
        for run, label in zip(runs, plain, strict=True)
    )
