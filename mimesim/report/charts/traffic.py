"""Traffic by tensor, at each level of the memories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from mimesim.energy import LEVELS
from mimesim.report.bars import draw_legend, draw_stacks
from mimesim.report.lines import panels
from mimesim.report.names import shortened
from mimesim.report.plot import Chart, Column, Plot
from mimesim.report.runs import Gap, Run, totals
from mimesim.report.style import look
from mimesim.report.units import scale
from mimesim.results.csv_file import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Traffic"]

_LEVELS = {"dram": "DRAM", "cache": "caches", "reg": "scratchpads", "envm": "on-chip non-volatile memory"}
_TENSORS = ("weights", "index", "norm", "thresholds", "activations", "mask", "psums", "outputs")


class Traffic(Chart):
    """One figure a run: a panel per level, a bar per case, stacked by tensor."""

    name = "traffic"
    title = "Traffic by tensor"
    about = (
        "Useful bytes read and written at each level, from accesses.csv; each panel has its own scale. Index: where "
        "pruned weights stand; norm: folded batch norm; psums: partial sums; mask: which activations are not zero."
    )

    def plots(self, run: Run) -> Iterator[Plot]:
        """Yield the figure; raises :class:`Gap` where nothing was read or written."""
        table = run.table("accesses.csv", "case", "level", "tensor", "direction", "words")
        table = table[table["words"] > 0]
        if table.empty:
            raise Gap("nothing was read or written")
        sums = totals(table, ("level", "case", "tensor", "direction"), ("words",))
        words = {key: int(row["words"]) for key, row in sums.items()}
        levels = sorted({key[0] for key in words}, key=lambda level: (*LEVELS, level).index(level))
        tensors = sorted({key[2] for key in words}, key=lambda tensor: ((*_TENSORS, tensor).index(tensor), tensor))
        rows: list[Row] = [
            {
                "level": level, "case": case, "tensor": tensor, "direction": direction, "words": words[key],
                "bytes": int(words[key] * run.case(case).word_bytes),
            }
            for level in levels
            for case in run.cases
            for tensor in tensors
            for direction in ("read", "write")
            if (key := (level, case, tensor, direction)) in words
        ]  # fmt: skip
        yield Plot(
            "traffic",
            f"Traffic by tensor, {run.label}",
            _says(rows),
            [
                Column("level", "level"),
                Column("case", "case"),
                Column("tensor", "tensor"),
                Column("direction", "direction"),
                Column("words", "words"),
                Column("bytes", "bytes"),
            ],
            rows,
            partial(_draw, run, rows, levels, tensors),
        )


def _draw(run: Run, rows: Sequence[Row], levels: list[str], tensors: list[str], figure: Figure, wide: bool) -> None:
    looks = [look(index) for index in range(len(tensors))]
    sizes = {level: _by_case(rows, level) for level in levels}
    shown = panels(figure, len(levels), wide, len(levels), legend=tensors, inches=0.5 + 0.36 * len(run.cases))
    for axes, level in zip(shown, levels, strict=True):
        found = sizes[level]
        largest = max(sum(parts.values()) for parts in found.values())
        unit = scale(largest, "B")
        stacks = {
            place: [found.get(case, {}).get(tensor, 0) / unit.factor for tensor in tensors]
            for place, case in enumerate(run.cases)
        }
        draw_stacks(axes, stacks, looks)
        axes.set_xlim(0, 1.05 * largest / unit.factor)
        axes.set_ylim(len(run.cases) - 0.4, -0.6)
        axes.set_yticks(range(len(run.cases)), [shortened(case, 20) for case in run.cases])
        axes.tick_params(axis="y", length=0, labelleft=not wide or axes is shown[0])
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        axes.set_title(_LEVELS.get(level, level))
        axes.set_xlabel(unit.unit)
    draw_legend(figure, list(zip(tensors, looks, strict=True)), wide)


def _by_case(rows: Sequence[Row], level: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        if row["level"] == level:
            mine = found.setdefault(str(row["case"]), {})
            tensor = str(row["tensor"])
            mine[tensor] = mine.get(tensor, 0) + int(row["bytes"] or 0)
    return found


def _says(rows: Sequence[Row]) -> str:
    told = []
    for case, parts in _by_case(rows, "dram").items():
        total, main = sum(parts.values()), max(parts, key=lambda tensor: parts[tensor])
        told.append(f"{case} {scale(total, 'B').text(total)}, of which {main} {parts[main] / total:.0%}")
    return f"To and from DRAM: {'; '.join(told)}." if told else "Nothing goes to or from DRAM."
