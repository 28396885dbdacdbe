"""Accuracy over rate, a panel for each task of each case. Needs matplotlib, loaded here only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mimesim.faults.outcome import ALL_PLACES, CaseFaults, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["render_picture"]

#: Places differ in colour (Okabe and Ito) and marker, tensors in line and filling: readable in black and white.
_COLOURS = {"dram": "#0072B2", "cache": "#D55E00", "scratchpad": "#009E73", "envm": "#CC79A7"}
_MARKERS = {"dram": "o", "cache": "s", "scratchpad": "^", "envm": "D"}
_LINES = {"weights": "-", "thresholds": "--"}


def render_picture(cases: Sequence[CaseFaults]) -> bytes:
    """Return a PNG; raises ``ModuleNotFoundError`` where matplotlib is not installed."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"axes.spines.right": False, "axes.spines.top": False, "font.size": 9})
        columns = max(len(case.base) for case in cases)
        figure = Figure(figsize=(3.3 * columns, 2.9 * len(cases) + 0.6), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(cases), columns, squeeze=False, sharex=True)
        for row, case in zip(panels, cases, strict=True):
            for axes in row[len(case.base) :]:
                axes.set_visible(False)
            for axes, base in zip(row, case.base, strict=False):
                _panel(axes, case, base.task)
            row[0].set_ylabel("test accuracy, %")
        for axes in panels[-1]:
            axes.set_xlabel("flips per bit")
        labels = {
            text: handle for axes in panels.flat for handle, text in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(list(labels.values()), list(labels), loc="outside lower center", ncols=4, frameon=False)
        stream = io.BytesIO()
        figure.savefig(stream, format="png", dpi=100, metadata={"Software": None})
    return stream.getvalue()


def _panel(axes: Axes, case: CaseFaults, task: str) -> None:
    base = next(one for one in case.base if one.task == task)
    axes.axhline(100 * base.right / base.images, color="0.3", linewidth=0.8, linestyle=":", label="no faults")
    for place in ALL_PLACES:
        for tensor, line in _LINES.items():
            trials = [one for one in case.trials if (one.place, one.tensor) == (place, tensor) and one.rate > 0]
            rates = sorted({one.rate for one in trials})
            if not rates:
                continue
            found = [[100 * one.right[task] / base.images for one in trials if one.rate == rate] for rate in rates]
            axes.errorbar(
                rates, [sum(values) / len(values) for values in found], yerr=[interval(values) for values in found],
                label=f"{tensor}, {place}", color=_COLOURS[place], marker=_MARKERS[place], linestyle=line,
                markersize=4.5, linewidth=1.2, elinewidth=0.6, capsize=2,
                markerfacecolor=_COLOURS[place] if tensor == "weights" else "white",
            )  # fmt: skip
    drawn = [one.rate for one in case.trials if one.rate > 0]
    if drawn:
        axes.set_xscale("log")
        axes.set_xlim(min(drawn) / 2, max(drawn) * 2)
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.set_title(f"{case.case}: {task}")
