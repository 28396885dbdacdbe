"""The roofline: what each layer did, under what DRAM and the PE grid allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from mimesim.report.lines import panels
from mimesim.report.names import shortened
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Gap, Run, as_records
from mimesim.report.style import FAINT, INK, PAPER, look
from mimesim.results.csv_file import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Roofline"]

_NUMBERS = ("macs_per_byte", "macs_per_cycle", "roof_macs_per_cycle", "peak_macs_per_cycle")


class Roofline(Chart):
    """One figure a run: a panel per case, a numbered point per layer."""

    name = "roofline"
    title = "Roofline"
    about = (
        "MACs per cycle over MACs per byte of DRAM traffic, from bounds.csv (Williams, Waterman and Patterson, 2009). "
        "The line is what DRAM feeds (rising) and what the PEs can do (flat). Points carry their layers' numbers."
    )

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure; raises :class:`Gap` where no layer multiplies."""
        table = run.table("bounds.csv", "case", "layer", *_NUMBERS, "bound")
        layers = list(dict.fromkeys(table["layer"]))
        table = table[(table["macs_per_byte"] > 0) & (table["macs_per_cycle"] > 0)]
        if table.empty:
            raise Gap("no layer multiplies")
        rows: list[Row] = [
            {
                "number": layers.index(record["layer"]) + 1, "layer": record["layer"], "case": record["case"],
                **{name: float(record[name]) for name in _NUMBERS}, "bound": record["bound"],
            }
            for record in as_records(table)
        ]  # fmt: skip
        rows.sort(key=lambda row: (run.cases.index(str(row["case"])), row["number"]))
        cases = [case for case in run.cases if any(row["case"] == case for row in rows)]
        told = []
        for case in cases:
            reached = [
                _cell(row, "macs_per_cycle") / _cell(row, "roof_macs_per_cycle") for row in rows if row["case"] == case
            ]
            told.append(f"{case} from {min(reached):.0%} to {max(reached):.0%}")
        names = ", ".join(f"{number} {layer}" for number, layer in enumerate(layers, 1))
        yield Plot(
            "roofline",
            f"Roofline, {run.label}",
            f"Layers reach, of the roof above them: {'; '.join(told)}. Numbers: {names}.",
            [
                Column("number", "number"),
                Column("layer", "layer"),
                Column("case", "case"),
                Column("macs_per_byte", "MACs per byte of DRAM"),
                Column("macs_per_cycle", "MACs per cycle"),
                Column("roof_macs_per_cycle", "roof"),
                Column("peak_macs_per_cycle", "peak"),
                Column("bound", "bound by"),
            ],
            rows,
            partial(_draw, run, cases, rows),
        )


def _draw(run: Run, cases: Sequence[str], rows: Sequence[Row], figure: Figure, wide: bool) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    shown = panels(figure, len(cases), wide, min(3, len(cases)), legend=(), inches=2.9)
    across = [_cell(row, "macs_per_byte") for row in rows]
    upward = [_cell(row, name) for row in rows for name in ("macs_per_cycle", "peak_macs_per_cycle")]
    for axes, case in zip(shown, cases, strict=True):
        mine = [row for row in rows if row["case"] == case]
        axes.set_title(shortened(case, 30))
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(min(across) / 1.8, max(across) * 1.8)
        axes.set_ylim(min(upward) / 1.8, max(upward) * 1.8)
        axes.grid(visible=True, axis="both")
        _roof(axes, mine)
        style = look(run.cases.index(case))
        points = [(_cell(row, "macs_per_byte"), _cell(row, "macs_per_cycle")) for row in mine]
        axes.plot(
            [x for x, _ in points], [y for _, y in points], linestyle="", marker=style.marker, markersize=5.5,
            markerfacecolor=PAPER if style.colour == PAPER else style.colour, markeredgecolor=INK, markeredgewidth=0.5,
        )  # fmt: skip
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        _numbers(axes, [str(row["number"]) for row in mine], points)
    for axes in shown:
        axes.set_xlabel("MACs per byte of DRAM")
        axes.set_ylabel("MACs per cycle")


def _roof(axes: Axes, rows: Sequence[Row]) -> None:
    """Draw the roof; its slope is DRAM's bandwidth, which the layers below the peak tell."""
    peak = _cell(rows[0], "peak_macs_per_cycle")
    low, high = axes.get_xlim()
    slopes = [
        _cell(row, "roof_macs_per_cycle") / _cell(row, "macs_per_byte")
        for row in rows
        if _cell(row, "roof_macs_per_cycle") < peak
    ]
    ridge = peak / slopes[0] if slopes else low
    start = low * slopes[0] if slopes else peak
    axes.plot([low, ridge, high], [start, peak, peak], color=FAINT, linewidth=1)


def _numbers(axes: Axes, texts: Sequence[str], points: Sequence[tuple[float, float]]) -> None:
    """Write a number beside each point, where there is room; the others are in the table."""
    places = axes.transData.transform(points)
    scale = 72 / axes.figure.dpi
    taken = [(x * scale, y * scale, 5.0, 5.0) for x, y in places]
    for text, (x, y, *_), point in zip(texts, list(taken), points, strict=True):
        width, height = 5.0 * len(text), 7.0
        for right, up in (
            (5 + width / 2, 0),
            (-5 - width / 2, 0),
            (0, 8),
            (0, -8),
            (4 + width / 2, 7),
            (4 + width / 2, -7),
        ):
            box = (x + right, y + up, width, height)
            if not any(_meet(box, other) for other in taken):
                taken.append(box)
                axes.annotate(
                    text, point, (right, up), textcoords="offset points", fontsize=7, ha="center", va="center"
                )
                break


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return abs(one[0] - other[0]) * 2 < one[2] + other[2] and abs(one[1] - other[1]) * 2 < one[3] + other[3]


def _cell(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else 0.0
