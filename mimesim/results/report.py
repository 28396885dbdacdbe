"""The summary that a person reads after a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mimesim.energy import LEVELS
from mimesim.ledger import STALLS
from mimesim.results.csv_file import Cell, Row, as_number
from mimesim.results.document import RunSettings, all_violations
from mimesim.results.summary import summary_rows

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mimesim.simulation import CaseResult

__all__ = ["render_summary"]

#: More violations than this are in ``run.json`` only.
_SHOWN = 5


def render_summary(results: Sequence[CaseResult], workload: RunSettings, out: Path) -> RenderableType:
    """Return, for :mod:`rich` to print, one line per case, whether the books balance, and where the files lie."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    rows = summary_rows(results, workload.energy)
    unit, accounting = workload.energy.prices.unit, workload.energy.accounting
    mode = ", ".join(dict.fromkeys(result.mode for result in results))
    levels = _levels(rows)
    # Narrow enough for a terminal of 80 columns: the titles go below.
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("case", overflow="fold")
    for heading in (
        "Mcycles",
        "images/s",
        "faster",
        f"G{unit}",
        "less",
        "/".join(levels[:2]) + "/\n" + "/".join(levels[2:]) + " %",
        "DRAM\nMwords",
    ):
        table.add_column(Text(heading), justify="right", no_wrap=True)
    table.add_column("main stall", no_wrap=True)
    for result, row in zip(results, rows, strict=True):
        table.add_row(
            Text(result.case),
            f"{as_number(row['cycles'], 0) / 1e6:.3f}",
            f"{as_number(row['images_per_second'], 0):.1f}",
            f"{as_number(row['speedup'], 0):.2f}x",
            f"{as_number(row['energy_total'], 0) / 1e9:.3f}",
            f"{as_number(row['energy_gain'], 0):.2f}x",
            "/".join(_share(row[f"energy_{level}"], row["energy_total"]).rstrip("%") for level in levels),
            f"{as_number(row['dram_words'], 0) / 1e6:.2f}",
            _main_stall(row),
        )
    titles = [Text(f"{result.case}: {result.title}", style="dim") for result in results if result.title]
    first = rows[0]["case"]
    note = f"faster, less: than {first}. G{unit}: energy, {accounting} accounting; its share by level in %."
    return Group(
        Text(f"{workload.name}, {mode}", style="bold"),
        table,
        *titles,
        Text(note, style="dim"),
        Text(_bounds(rows), style="dim"),
        *_caches(rows),
        *_verdict(all_violations(results, workload)),
        *_files(out),
    )


def _levels(rows: Sequence[Row]) -> list[str]:
    """Return the levels that cost anything in any case."""
    return [level for level in LEVELS if any(row[f"energy_{level}"] for row in rows)]


def _main_stall(row: Row) -> str:
    stalls = {name: as_number(row[f"stall_{name}_cycles"], 0) for name in STALLS}
    name = max(stalls, key=lambda stall: stalls[stall])
    return f"{name} {_share(stalls[name], row['cycles'])}" if stalls[name] else "none"


def _bounds(rows: Sequence[Row]) -> str:
    """Return which part decides each case, and how much of its time would be left if all parts overlapped perfectly."""
    shares = [f"{row['case']} {row['bound']} {_share(row['bound_cycles'], row['cycles'])}" for row in rows]
    return "bound, and the share of its cycles that a perfect overlap takes: " + ", ".join(shares) + "."


def _caches(rows: Sequence[Row]) -> list[RenderableType]:
    """Return what tasks threw out of the caches of each other's, and what the banks of the caches could not carry."""
    from rich.text import Text

    lines: list[RenderableType] = []
    for column, what in (
        ("refetched_words_across_tasks", "evicted by another task and fetched again, Mwords"),
        ("cache_conflict_cycles", "lost to conflicts in the banks of the caches, Mcycles"),
    ):
        if any(row[column] for row in rows):
            numbers = ", ".join(f"{row['case']} {as_number(row[column], 0) / 1e6:.3f}" for row in rows)
            lines.append(Text(f"{what}: {numbers}", style="dim"))
    return [*lines, *(Text(_envm(row), style="dim") for row in rows if row["envm_words"])]


def _envm(row: Row) -> str:
    """Return what a case keeps in on-chip non-volatile memory, and what rewriting it costs."""
    area = "" if row["envm_mm2"] is None else f" on {as_number(row['envm_mm2'], 0):.3g} mm2"
    text = f"{row['case']}: {as_number(row['envm_words'], 0) / 1e6:.3f} Mwords in eNVM{area}"
    if not row["envm_words_written"]:
        return f"{text}, none rewritten"
    written, cycles = as_number(row["envm_words_written"], 0) / 1e6, as_number(row["envm_write_cycles"], 0) / 1e6
    text += f", {written:.3f} rewritten in {cycles:.3f} Mcycles, {row['envm_most_writes']} times at most"
    if row["envm_lifetime_switches"] is not None:
        text += f"; worn after {as_number(row['envm_lifetime_switches'], 0):.3g} switches"
    return text


def _verdict(violations: Sequence[str]) -> list[RenderableType]:
    from rich.text import Text

    if not violations:
        return [Text("balanced: every conservation law holds", style="green")]
    lines: list[RenderableType] = [
        Text(f"NOT BALANCED: {len(violations)} conservation laws are broken", style="bold red")
    ]
    lines += [Text(f"  {violation}") for violation in violations[:_SHOWN]]
    if len(violations) > _SHOWN:
        lines.append(Text(f"  ... and {len(violations) - _SHOWN} more in run.json"))
    return lines


def _files(out: Path) -> list[RenderableType]:
    from rich.text import Text

    layers = str(out / "layers.csv")
    return [
        Text(f"results in {out}: summary.csv, layers.csv, accesses.csv, phases.csv,"),
        Text("  bounds.csv, images.csv, evictions.csv, storage.csv, run.json; a first look:"),
        Text(f"  pandas.read_csv({layers!r}).pivot_table("),
        Text("    'energy_total', 'layer', 'case', 'sum', sort=False)"),
    ]


def _share(part: Cell, total: Cell) -> str:
    return f"{as_number(part, 0) / as_number(total, 0):.0%}" if total else "-"
