"""The head of a report: one row per case, what stands out, and what the reader must know first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mimesim.energy import LEVELS
from mimesim.ledger import STALLS
from mimesim.report.runs import Gap, Run, as_records
from mimesim.report.settings import differences
from mimesim.report.units import number, scale

__all__ = ["CaseSummary", "Highlight", "RunSummary", "notices", "summarise"]

#: More lines of one kind than this are not listed.
_SHOWN = 6


class CaseSummary(NamedTuple):
    """A case in texts; *energy_share* is its energy over that of the most costly case."""

    case: str
    title: str
    rate: str
    speedup: str
    energy: str
    energy_gain: str
    energy_share: float
    levels: str
    dram: str
    stored: str
    stall: str
    bound: str


class Highlight(NamedTuple):
    """A case that is best at something."""

    what: str
    value: str
    case: str
    title: str
    against: str


class RunSummary(NamedTuple):
    """The summary of a run: how many images, the levels that cost anything, its cases, the best of them."""

    images: int
    levels: str
    cases: list[CaseSummary]
    highlights: list[Highlight]


def summarise(run: Run) -> RunSummary:
    """Return the summary of *run*; raises :class:`~mimesim.report.runs.Gap` where ``summary.csv`` does not tell."""
    levels = [level for level in LEVELS if level != "envm"]
    table = run.table(
        "summary.csv",
        *("case", "images", "cycles", "images_per_second", "speedup", "energy_total", "energy_gain", "dram_bytes"),
        *("bytes_stored", "storage_gain", "bound", "overlap"),
        *(f"stall_{name}_cycles" for name in STALLS),
        *(f"energy_{level}" for level in levels),
    )
    rows = as_records(table)
    if not rows or any(
        row[name] is None for row in rows for name in ("images_per_second", "energy_gain", "storage_gain")
    ):
        raise Gap("a case took no time, no energy or no memory, so that nothing compares")
    shown = [level for level in LEVELS if f"energy_{level}" in table.columns and table[f"energy_{level}"].any()]
    return RunSummary(
        int(rows[0]["images"]),
        " / ".join(shown),
        [_case(run, row, shown, max(float(other["energy_total"]) for other in rows)) for row in rows],
        list(_highlights(run, rows)) if len(rows) > 1 else [],
    )


def notices(runs: Sequence[Run], passed_over: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return what to know before reading on: a heading, and lines."""
    found = []
    for run in runs:
        if not run.record.balanced:
            lines = list(run.record.violations) or ["run.json does not say which"]
            found.append((f"{run.label}: not balanced, conservation laws are broken", lines))
        drawn = [case.case for case in run.record.cases if case.origin == "drawn"]
        if drawn:
            line = f"The masks of {', '.join(drawn)} were drawn at given sparsities; no network was run for them."
            found.append((f"{run.label}: drawn masks", [line]))
    if lines := differences(runs):
        found.append(("Machines, prices or tasks differ", lines))
    if passed_over:
        found.append(("Passed over", list(passed_over)))
    return [(heading, _some(lines)) for heading, lines in found]


def _some(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], *([f"... and {more} more"] if more > 0 else [])]


def _case(run: Run, row: dict[str, Any], levels: Sequence[str], most: float) -> CaseSummary:
    total, cycles = float(row["energy_total"]), int(row["cycles"])
    stalls = {name: int(row[f"stall_{name}_cycles"]) for name in STALLS}
    main = max(stalls, key=lambda name: stalls[name])
    return CaseSummary(
        row["case"],
        run.case(row["case"]).title,
        number(float(row["images_per_second"])),
        _times(row["speedup"]),
        scale(most, run.energy_unit).text(total),
        _times(row["energy_gain"]),
        total / most if most else 0.0,
        " / ".join(f"{float(row[f'energy_{level}']) / total:.0%}".rstrip("%") for level in levels) if total else "-",
        scale(float(row["dram_bytes"]), "B").text(float(row["dram_bytes"])),
        scale(float(row["bytes_stored"]), "B").text(float(row["bytes_stored"])),
        f"{main} {stalls[main] / cycles:.0%}" if cycles and stalls[main] else "none",
        f"{row['bound']} {float(row['overlap']):.0%}",
    )


def _highlights(run: Run, rows: Sequence[dict[str, Any]]) -> list[Highlight]:
    found = []
    for what, column, gain, sign, unit, better in (
        ("Fastest", "images_per_second", "speedup", 1, "images/s", "as fast as"),
        ("Least energy", "energy_total", "energy_gain", -1, run.energy_unit, "less than"),
        ("Least stored", "bytes_stored", "storage_gain", -1, "B", "less than"),
    ):
        best = max(rows, key=lambda row: sign * float(row[column]))
        if len({float(row[column]) for row in rows}) == 1:
            continue
        value = float(best[column])
        text = f"{number(value)} {unit}" if unit == "images/s" else scale(value, unit).text(value)
        same = best["case"] == run.cases[0]
        against = "the first case itself" if same else f"{_times(best[gain])} {better} {run.cases[0]}"
        found.append(Highlight(what, text, best["case"], run.case(best["case"]).title, against))
    return found


def _times(value: float) -> str:
    return f"{number(float(value))}×"  # noqa: RUF001 - the sign for times
