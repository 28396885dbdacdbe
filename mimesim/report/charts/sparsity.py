"""Sparsity by layer: what zero-skipping lives on."""

from __future__ import annotations

from collections.abc import Iterator

from mimesim.report.lines import Lines
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Gap, Run, totals
from mimesim.report.style import look
from mimesim.report.units import number
from mimesim.results.csv_file import Row

__all__ = ["Sparsity"]


class Sparsity(Chart):
    """One figure a run: a panel per task, a line per case."""

    name = "sparsity"
    title = "Sparsity by layer"
    about = (
        "Share of zeros among the activations that each layer writes, over all images of a task, after a fused pool; "
        "from layers.csv. Cases that take tensors for dense have none, and no line."
    )

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure; raises :class:`Gap` where no case knows of zeros."""
        table = run.table("layers.csv", "case", "layer", "task", "image", "output_elements", "output_set")
        table = table[table["image"] != "shared"]
        sums = totals(table, ("task", "layer", "case"), ("output_elements", "output_set"))
        layers = list(dict.fromkeys(table["layer"]))
        found = {
            key: (int(row["output_elements"]), int(row["output_set"]))
            for key, row in sums.items()
            if row["output_elements"]
        }
        known = [
            case for case in run.cases if any(key[2] == case and full > used for key, (full, used) in found.items())
        ]
        if not known:
            raise Gap("every case takes all tensors for dense")
        tasks = list(dict.fromkeys(key[0] for key in found))
        shares = {key: 1 - used / full for key, (full, used) in found.items() if key[2] in known}
        rows: list[Row] = [
            {
                "task": task, "layer": layer, "case": case, "output_elements": found[task, layer, case][0],
                "output_set": found[task, layer, case][1], "output_sparsity": shares[task, layer, case],
            }
            for task in tasks
            for layer in layers
            for case in known
            if (task, layer, case) in shares
        ]  # fmt: skip
        labels = {case: run.case(case).label for case in known}
        lines = Lines(
            layers,
            [(labels[case], look(run.cases.index(case))) for case in known],
            {
                task: {labels[case]: [shares.get((task, layer, case)) for layer in layers] for case in known}
                for task in tasks
            },
            "share of zeros",
            top=1.0,
        )
        yield Plot(
            "sparsity",
            f"Sparsity of the outputs of each layer, {run.label}",
            _says(tasks, known, found),
            [
                Column("task", "task"),
                Column("layer", "layer"),
                Column("case", "case"),
                Column("output_elements", "activations"),
                Column("output_set", "not zero"),
                Column("output_sparsity", "share of zeros"),
            ],
            rows,
            lines.draw,
        )


def _says(tasks: list[str], cases: list[str], found: dict[tuple[str, ...], tuple[int, int]]) -> str:
    told = []
    for task in tasks:
        shares = []
        for case in cases:
            counts = [count for key, count in found.items() if (key[0], key[2]) == (task, case)]
            if full := sum(count[0] for count in counts):
                shares.append(f"{case} {number(1 - sum(count[1] for count in counts) / full)}")
        told.append(f"{task} {', '.join(shares)}")
    return f"Share of zeros over all layers: {'; '.join(told)}."
