"""Stored parameters over the number of tasks, in the form of the paper's Fig. 4."""

from __future__ import annotations

from collections.abc import Iterator

from mimesim.report.lines import Lines
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Run, totals
from mimesim.report.style import look
from mimesim.report.units import ratio, scale
from mimesim.results.csv_file import Row

__all__ = ["Storage"]

_SHARED = "shared"


class Storage(Chart):
    """One figure a workload: a line per case."""

    name = "storage"
    title = "Storage against the number of tasks"
    about = (
        "Parameters in memory for the first task of the workload, for the first two, and so on, from storage.csv: the "
        "form of the paper's Fig. 4. What tasks share counts once; the paper's parent task is not among them."
    )
    any_mode = True

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure."""
        table = run.table("storage.csv", "case", "owner", "bytes")
        owned = {key: int(row["bytes"]) for key, row in totals(table, ("case", "owner"), ("bytes",)).items()}
        tasks = run.record.workload.tasks
        sizes = {
            case: [
                sum(owned.get((case, owner), 0) for owner in (_SHARED, *tasks[: count + 1]))
                for count in range(len(tasks))
            ]
            for case in run.cases
        }
        unit = scale(max(size for row in sizes.values() for size in row), "B")
        rows: list[Row] = [
            {"tasks": count + 1, "last_task": task, "case": case, "bytes": sizes[case][count]}
            for count, task in enumerate(tasks)
            for case in run.cases
        ]
        lines = Lines(
            [f"{count}\n{'+ ' if count > 1 else ''}{task}" for count, task in enumerate(tasks, 1)],
            [(case.label, look(index)) for index, case in enumerate(run.record.cases)],
            {"": {case.label: [size / unit.factor for size in sizes[case.case]] for case in run.record.cases}},
            f"parameters, {unit.unit}",
            across="tasks",
        )
        first = sizes[run.cases[0]][-1]
        told = [
            f"{case} {unit.text(row[-1])}" + (ratio(run.cases[0], row[-1], first) if case != run.cases[0] else "")
            for case, row in sizes.items()
        ]
        yield Plot(
            "storage",
            f"Storage against the number of tasks, {run.record.workload.name}",
            f"For all {len(tasks)} tasks: {'; '.join(told)}.",
            [
                Column("tasks", "tasks"),
                Column("last_task", "the last of them"),
                Column("case", "case"),
                Column("bytes", "bytes"),
            ],
            rows,
            lines.draw,
        )
