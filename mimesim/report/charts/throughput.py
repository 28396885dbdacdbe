"""Throughput by layer against the first case, in the form of the paper's Fig. 7."""

from __future__ import annotations

from collections.abc import Iterator

from mimesim.report.bars import Bars, numbered
from mimesim.report.names import shortened
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Gap, Run, totals
from mimesim.report.style import look
from mimesim.report.units import number
from mimesim.results.csv_file import Row

__all__ = ["Throughput"]


class Throughput(Chart):
    """One figure a run: a group of bars per layer, a bar per case."""

    name = "throughput"
    title = "Throughput by layer"
    about = (
        "Images per second of each layer by itself, over those of the first case: the form of the paper's Fig. 7. From "
        "phases.csv: a layer's time is that of its phases, images in them side by side."
    )

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure."""
        table = run.table("phases.csv", "case", "layer", "images", "cycles")
        sums = totals(table, ("layer", "case"), ("images", "cycles"))
        layers = list(dict.fromkeys(table["layer"]))
        clock = {case.case: case.clock_hz for case in run.record.cases}
        found: dict[tuple[str, str], Row] = {}
        first = run.cases[0]
        for layer in layers:
            for case in run.cases:
                if (layer, case) not in sums:
                    continue
                images, cycles = (int(value) for value in sums[layer, case].values())
                rate = images * clock[case] / cycles if cycles else None
                mine = found[layer, first]["images_per_second"] if (layer, first) in found else rate
                gain = rate / float(mine) if rate and mine else None
                found[layer, case] = {
                    "layer": layer, "case": case, "images": images, "cycles": cycles, "images_per_second": rate,
                    "times_first": gain,
                }  # fmt: skip
        gains = {key: float(row["times_first"] or 0) for key, row in found.items()}
        if not any(gains.values()):
            raise Gap("no layer took any time, or run.json names no clock")
        bars = Bars(
            layers,
            run.cases,
            [(name, look(index)) for index, name in enumerate(numbered([case.label for case in run.record.cases]))],
            {key: _only(run.cases.index(key[1]), gain, len(run.cases)) for key, gain in gains.items()},
            f"throughput, times that of {shortened(first, 16)}",
            line=1.0,
        )
        yield Plot(
            "throughput",
            f"Throughput by layer, {run.label}",
            _says(run, gains),
            [
                Column("layer", "layer"),
                Column("case", "case"),
                Column("images", "images"),
                Column("cycles", "cycles"),
                Column("images_per_second", "images/s"),
                Column("times_first", f"times {first}"),
            ],
            list(found.values()),
            bars.draw,
        )


def _only(place: int, value: float, count: int) -> list[float]:
    return [value if index == place else 0.0 for index in range(count)]


def _says(run: Run, gains: dict[tuple[str, str], float]) -> str:
    told = []
    for case in run.cases[1:]:
        mine = {layer: gain for (layer, name), gain in gains.items() if name == case}
        if mine:
            low, high = min(mine, key=mine.__getitem__), max(mine, key=mine.__getitem__)
            told.append(f"{case} from {number(mine[low])} ({low}) to {number(mine[high])} ({high})")
    return (
        f"Times the throughput of {run.cases[0]}, by layer: {'; '.join(told)}." if told else "There is one case only."
    )
