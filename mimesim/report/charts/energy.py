"""Energy by level and layer, in the form of the paper's Figs. 5, 6, 8 and 9."""

from __future__ import annotations

from collections.abc import Iterator

from mimesim.energy import LEVELS
from mimesim.report.bars import Bars
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Gap, Run, totals
from mimesim.report.style import look
from mimesim.report.units import ratio, scale
from mimesim.results.csv_file import Row

__all__ = ["Energy"]

_TITLES = {
    "dram": "DRAM",
    "cache": "caches",
    "reg": "scratchpads",
    "mac": "MACs",
    "envm": "on-chip non-volatile memory",
    "other": "comparators, zero-find, leakage",
}


class Energy(Chart):
    """One figure a run: a group of bars per layer, a bar per case, stacked by level."""

    name = "energy"
    title = "Energy by level and layer"
    about = (
        "What each layer costs over the whole run, from layers.csv: the form of the paper's Figs. 5 (singular), 6 "
        "(pipelined), 8 (pruned models) and 9 (other hardware). The number at a bar is its case. "
        "1 mac is the energy of one multiply-accumulate; with prices in pJ, figures are in joules."
    )

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure; raises :class:`Gap` where the run has no energy."""
        columns = [f"energy_{level}" for level in LEVELS]
        table = run.table("layers.csv", "case", "layer", "energy_total", *(c for c in columns if c not in _LATER))
        present = [column for column in columns if column in table.columns and table[column].any()]
        if not present:
            raise Gap("no level costs any energy: every price is 0")
        sums = totals(table, ("layer", "case"), [*present, "energy_total"])
        layers = list(dict.fromkeys(table["layer"]))
        unit = scale(max(row["energy_total"] for row in sums.values()), run.energy_unit)
        values = {(key[0], key[1]): [row[column] / unit.factor for column in present] for key, row in sums.items()}
        rows: list[Row] = [
            {"layer": layer, "case": case, **sums[layer, case]}
            for layer in layers
            for case in run.cases
            if (layer, case) in sums
        ]
        levels = {column: _TITLES[column.removeprefix("energy_")] for column in present}
        bars = Bars(
            layers,
            run.cases,
            [(levels[c], look(LEVELS.index(c.removeprefix("energy_")))) for c in present],
            values,
            f"energy, {unit.unit}",
            [case.label for case in run.record.cases],
        )
        yield Plot(
            "energy",
            f"Energy by level and layer, {run.label}",
            _says(run, {key: row["energy_total"] for key, row in sums.items()}),
            [
                Column("layer", "layer"),
                Column("case", "case"),
                *(Column(c, f"{levels[c]}, {run.energy_unit}") for c in present),
                Column("energy_total", f"total, {run.energy_unit}"),
            ],
            rows,
            bars.draw,
        )


#: Levels that the tables of older versions lack.
_LATER = {"energy_envm"}


def _says(run: Run, cells: dict[tuple[str, ...], float]) -> str:
    sums = {case: sum(value for key, value in cells.items() if key[1] == case) for case in run.cases}
    unit = scale(max(sums.values()), run.energy_unit)
    first = run.cases[0]
    told = [
        f"{case} {unit.text(sums[case])}" + (ratio(first, sums[case], sums[first]) if case != first else "")
        for case in run.cases
    ]
    (layer, case), _ = max(cells.items(), key=lambda entry: entry[1])
    return f"In all: {'; '.join(told)}. The most costly layer of any case is {layer} of {case}."
