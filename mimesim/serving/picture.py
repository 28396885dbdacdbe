"""The picture of a sweep: who wins at which mix and load, and latency over load. Needs matplotlib, loaded here only."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import TYPE_CHECKING

from mimesim.results.pictures import save_figure
from mimesim.serving.crossover import METRICS, Verdict, verdicts
from mimesim.serving.settings import Outcome
from mimesim.serving.tables import whole_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_sweep"]

_TITLES = {
    "latency_p95_ms": "95 % latency",
    "energy_per_request": "energy per request",
    "throughput_per_s": "throughput",
}
_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_LINES = {"fifo": "-", "grouped": "--", "deadline": ":"}
_MARKERS = {"fifo": "o", "grouped": "s", "deadline": "^"}
#: A factor of this has the strongest colour.
_STRONGEST = 4.0
#: More loads than this have no room side by side.
_CROWDED = 7
#: So many mixes have a panel of their own: the first ones, and the last.
_MOST_PANELS = 6


def draw_sweep(outcomes: Sequence[Outcome], form: str) -> bytes:
    """Return the picture as a file of *form* (png, pdf, svg).

    Above, a map per metric: mixes down, loads across, how many times better shared weights are than weights of each
    task's own, either side with its best case and policy. Below, a panel per mix: 95 % latency over load, a line
    for each case and policy. Raises ``ModuleNotFoundError`` where matplotlib is not installed.
    """
    import matplotlib
    from matplotlib.figure import Figure

    found = list(verdicts(outcomes))
    mixes = list(dict.fromkeys(outcome.stream.mix for outcome in outcomes))
    if len(mixes) > _MOST_PANELS:
        mixes = [*mixes[: _MOST_PANELS - 1], mixes[-1]]
    with matplotlib.rc_context({"font.size": 9, "svg.hashsalt": "mimesim"}):
        columns = max(len(METRICS), len(mixes))
        rows = 2 if found else 1
        figure = Figure(figsize=(3.4 * columns, 3.2 * rows + 0.6), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        if found:
            for axes, metric in zip(grid[0], METRICS, strict=False):
                _map(axes, [verdict for verdict in found if verdict.metric == metric])
                axes.set_title(_TITLES[metric])
            figure.suptitle("How many times better shared weights are, each side at its best; 95 % latency over load")
        for axes, mix in zip(grid[-1], mixes, strict=False):
            _curves(axes, [outcome for outcome in outcomes if outcome.stream.mix == mix])
            axes.set_title(f"mix {mix}")
        grid[-1][0].set_ylabel("95 % latency, ms")
        for axes in [*(grid[0][len(METRICS) :] if found else ()), *grid[-1][len(mixes) :]]:
            axes.set_axis_off()
        handles, labels = grid[-1][0].get_legend_handles_labels()
        # A label takes some seven hundredths of an inch a letter, and as much as eight for its line.
        across = int(figure.get_figwidth() / (0.07 * (8 + max(map(len, labels), default=0))))
        figure.legend(handles, labels, loc="outside lower center", ncols=max(1, min(len(labels), across)), fontsize=8)
        return save_figure(figure, form)


def _map(axes: Axes, found: Sequence[Verdict]) -> None:
    loads = list(dict.fromkeys(verdict.stream.load for verdict in found))
    mixes = list(dict.fromkeys(verdict.stream.mix for verdict in found))
    gains = {(verdict.stream.mix, verdict.stream.load): verdict.gain for verdict in found}
    values = [[log2(gains.get((mix, load), 1.0)) for load in loads] for mix in mixes]
    limit, size = log2(_STRONGEST), min(7.0, 50 / len(loads))
    axes.imshow(values, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
    for row, mix in enumerate(mixes):
        for column, load in enumerate(loads):
            value = gains.get((mix, load))
            strong = value is not None and abs(log2(value)) > 0.7 * limit
            text = "" if value is None else _short(value)
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color="white" if strong else "black")
    crowded = len(loads) > _CROWDED
    labels = ["-" if load is None else f"{load:.3g}" for load in loads]
    axes.set_xticks(range(len(loads)), labels, rotation=90 if crowded else 0)
    axes.set_yticks(range(len(mixes)), mixes, fontsize=7)
    axes.set_xlabel("load")


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.1g}"


def _curves(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    lines: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for outcome in outcomes:
        latency = whole_row(outcome)["latency_p95_ms"]
        if outcome.stream.load is not None and isinstance(latency, float):
            lines.setdefault((outcome.case.name, outcome.policy), []).append((outcome.stream.load, latency))
    cases = list(dict.fromkeys(case for case, _ in lines))
    for (case, policy), points in lines.items():
        points.sort()
        axes.plot(
            [load for load, _ in points],
            [latency for _, latency in points],
            label=f"{case} {policy}",
            color=_COLOURS[cases.index(case) % len(_COLOURS)],
            linestyle=_LINES.get(policy, "-"),
            marker=_MARKERS.get(policy, "."),
            markersize=3,
            linewidth=1.1,
        )
    axes.set_yscale("log")
    axes.set_xlabel("load")
    axes.grid(alpha=0.3, linewidth=0.5)
