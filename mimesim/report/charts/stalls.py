"""Where the cycles of each layer went: work, and what the PE grid waited for."""

from __future__ import annotations

from collections.abc import Iterator

from mimesim.ledger import STALLS
from mimesim.report.bars import Bars
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Run, as_records
from mimesim.report.style import look
from mimesim.report.units import scale
from mimesim.results.csv_file import Row

__all__ = ["Stalls"]

_TITLES = {
    "busy": "at work",
    "cache": "waits for a cache",
    "dram": "waits for DRAM",
    "noc": "waits for weights in the scratchpads",
    "drain": "waits for sums to drain",
}
#: Looks that suit the energy chart's: DRAM is the same here and there.
_LOOKS = {"busy": 3, "cache": 1, "dram": 0, "noc": 2, "drain": 4}


class Stalls(Chart):
    """One figure a run: a group of bars per layer, a bar per case, stacked by what the PE grid did."""

    name = "stalls"
    title = "Stalls"
    about = (
        "What the PE grid did in the cycles of each layer, from bounds.csv. The table has the part that each layer is "
        "bound by, and how much of its time a perfect overlap of all parts would take."
    )

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure."""
        columns = ["busy_cycles", *(f"stall_{name}_cycles" for name in STALLS)]
        names = ["busy", *STALLS]
        table = run.table("bounds.csv", "case", "layer", "cycles", *columns, "bound", "overlap")
        unit = scale(float(table["cycles"].max()), "cycles")
        records = as_records(table)
        order = sorted(zip(names, columns, strict=True), key=lambda pair: list(_TITLES).index(pair[0]))
        rows: list[Row] = [
            {
                "layer": record["layer"], "case": record["case"], "cycles": int(record["cycles"]),
                **{column: int(record[column]) for _, column in order}, "bound": record["bound"],
                "overlap": record["overlap"],
            }
            for record in records
        ]  # fmt: skip
        layers = list(dict.fromkeys(str(row["layer"]) for row in rows))
        rows.sort(key=lambda row: (layers.index(str(row["layer"])), run.cases.index(str(row["case"]))))
        bars = Bars(
            layers,
            run.cases,
            [(_TITLES[name], look(_LOOKS[name])) for name, _ in order],
            {(r["layer"], r["case"]): [r[column] / unit.factor for _, column in order] for r in records},
            unit.unit,
            [case.label for case in run.record.cases],
        )
        yield Plot(
            "stalls",
            f"Cycles by layer, at work and waiting, {run.label}",
            _says(run, rows),
            [
                Column("layer", "layer"),
                Column("case", "case"),
                Column("cycles", "cycles"),
                *(Column(column, _TITLES[name]) for name, column in order),
                Column("bound", "bound by"),
                Column("overlap", "share that a perfect overlap takes"),
            ],
            rows,
            bars.draw,
        )


def _says(run: Run, rows: list[Row]) -> str:
    told = []
    for case in run.cases:
        mine = [row for row in rows if row["case"] == case]
        cycles = sum(int(row["cycles"] or 0) for row in mine)
        waits = {name: sum(int(row[f"stall_{name}_cycles"] or 0) for row in mine) for name in STALLS}
        main = max(waits, key=lambda name: waits[name])
        if cycles:
            busy = sum(int(row["busy_cycles"] or 0) for row in mine)
            told.append(
                f"{case} is at work {busy / cycles:.0%} of its cycles and {_TITLES[main]} {waits[main] / cycles:.0%}"
            )
    return f"{'; '.join(told)}."
