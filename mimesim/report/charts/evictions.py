"""Who evicted whom at task switches, and what had to be fetched again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from mimesim.report.lines import panels
from mimesim.report.names import shortened
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Gap, Run, totals
from mimesim.report.style import FAINT, INK, PAPER
from mimesim.report.units import number, scale
from mimesim.results.csv_file import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Evictions"]

_SHARED = "shared"
#: Dark ink stays readable on this much of the colour, and light ink on it in a dark page.
_STRONGEST = 0.5
_FILL = "#0072b2"


class Evictions(Chart):
    """One figure a run: a panel per case, the tasks whose blocks came in down, those whose blocks left across."""

    name = "evictions"
    title = "Who evicted whom at task switches"
    about = (
        "What left the caches when a pass of one task followed one of another, and was read from DRAM again; from "
        "evictions.csv. Off the diagonal a task pays for another; 'shared' is of several."
    )

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure; raises :class:`Gap` where no pass followed one of another task."""
        counts = ("blocks", "words", "refetched_words")
        kinds = ("by_kind", "by_task", "victim_kind", "victim_task")
        table = run.table("evictions.csv", "case", *kinds, "at_task_switch", *counts)
        table = table[table["at_task_switch"] == 1]
        if table.empty:
            raise Gap("nothing was evicted at a task switch")
        rows: list[Row] = [
            {
                **dict(zip(("case", *kinds), key, strict=True)), **{name: int(row[name]) for name in counts},
                "refetched_bytes": int(row["refetched_words"] * run.case(key[0]).word_bytes),
            }
            for key, row in totals(table, ("case", *kinds), counts).items()
        ]  # fmt: skip
        if not any(row["refetched_words"] for row in rows):
            raise Gap("nothing of what left the caches at a task switch had to be fetched again")
        known = [*run.record.workload.tasks, _SHARED]
        tasks = sorted(
            {str(row[name]) for row in rows for name in ("by_task", "victim_task")},
            key=lambda t: ((*known, t).index(t), t),
        )
        rows.sort(key=lambda row: (run.cases.index(str(row["case"])), -int(row["refetched_words"] or 0)))
        cases = [case for case in run.cases if any(row["case"] == case for row in rows)]
        cells = {case: _matrix(rows, case) for case in cases}
        yield Plot(
            "evictions",
            f"Fetched again after a task switch, {run.label}",
            _says(cases, cells),
            [
                Column("case", "case"),
                Column("by_kind", "what came in"),
                Column("by_task", "whose"),
                Column("victim_kind", "what left"),
                Column("victim_task", "whose"),
                Column("blocks", "blocks"),
                Column("words", "words that left"),
                Column("refetched_words", "words fetched again"),
                Column("refetched_bytes", "bytes fetched again"),
            ],
            rows,
            partial(_draw, cells, tasks),
        )


def _matrix(rows: Sequence[Row], case: str) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in rows:
        if row["case"] == case:
            key = (str(row["by_task"]), str(row["victim_task"]))
            found[key] = found.get(key, 0) + int(row["refetched_bytes"] or 0)
    return found


def _draw(cells: dict[str, dict[tuple[str, str], int]], tasks: list[str], figure: Figure, wide: bool) -> None:
    shown = panels(figure, len(cells), wide, min(3, len(cells)), legend=(), inches=1.1 + 0.32 * len(tasks))
    largest = max(value for matrix in cells.values() for value in matrix.values()) or 1
    unit = scale(largest, "B")
    names = [shortened(task, 16) for task in tasks]
    for axes, (case, matrix) in zip(shown, cells.items(), strict=True):
        for (by_task, victim), value in matrix.items():
            _cell(axes, tasks.index(victim), tasks.index(by_task), value / largest, number(value / unit.factor))
        for place in ((x, y) for x in range(len(tasks)) for y in range(len(tasks))):
            if (tasks[place[1]], tasks[place[0]]) not in matrix:
                axes.text(*place, "-", ha="center", va="center", fontsize=8, color=FAINT)
        axes.set_title(f"{shortened(case, 30)}, {unit.unit}")
        axes.set_xlim(-0.5, len(tasks) - 0.5)
        axes.set_ylim(len(tasks) - 0.5, -0.5)
        axes.set_xticks(range(len(tasks)), names, rotation=20, ha="right")
        axes.set_yticks(range(len(tasks)), names)
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_xlabel("whose blocks left")
        axes.set_ylabel("whose blocks came in")


def _cell(axes: Axes, column: int, row: int, share: float, text: str) -> None:
    from matplotlib.patches import Rectangle

    corner = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(corner, 1, 1, facecolor=_FILL, alpha=_STRONGEST * share, edgecolor="none", linewidth=0))
    axes.add_patch(Rectangle(corner, 1, 1, facecolor="none", edgecolor=PAPER, linewidth=1))
    axes.text(column, row, text, ha="center", va="center", fontsize=8, color=INK)


def _says(cases: Sequence[str], cells: dict[str, dict[tuple[str, str], int]]) -> str:
    told = []
    for case in cases:
        total = sum(cells[case].values())
        across = sum(
            value for (by, victim), value in cells[case].items() if by != victim and _SHARED not in (by, victim)
        )
        told.append(
            f"{case} {scale(total, 'B').text(total)}, {scale(across, 'B').text(across)} of it one task's for another"
        )
    return f"Fetched again from DRAM: {'; '.join(told)}."
