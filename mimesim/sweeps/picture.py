"""The picture of a front: its rows among the others, a panel for each pair of aims. Needs matplotlib, loaded here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from mimesim.errors import InputError
from mimesim.pareto import front
from mimesim.results.csv_file import Row
from mimesim.results.pictures import save_figure
from mimesim.sweeps.front import Picked, group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_front"]

#: Cases differ in colour and marker, so that they differ in black and white, too.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
#: More aims than this make more panels than a page has room for.
_MOST_AIMS = 4
_LABELLED = 12


def draw_front(found: Picked, form: str) -> bytes:
    """Return the picture as a file of *form* (png, pdf, svg): full markers are on the front, a row of panels a group.

    The line is the front of the panel's two columns alone; numbers are points. Raises :class:`InputError` where there
    are less than two aims, too many, or no rows; ``ModuleNotFoundError`` where matplotlib is not installed.
    """
    names = found.aims.names
    if not 2 <= len(names) <= _MOST_AIMS:
        raise InputError("--plot", f"takes two to {_MOST_AIMS} columns, not {len(names)}")
    if not found.rows:
        raise InputError("--plot", "no row can be compared")
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    pairs, groups = list(combinations(names, 2)), found.groups
    settings: Any = {"axes.spines.right": False, "axes.spines.top": False, "font.size": 9, "svg.hashsalt": "mimesim"}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        size = (max(6.5, 4.6 * len(pairs)), 3.8 * len(groups) + 0.7)
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(len(groups), len(pairs), squeeze=False)
        cases = list(dict.fromkeys(str(row["case"]) for row in found.rows))
        for line, which in zip(grid, groups, strict=True):
            rows = [(row, best) for row, best in zip(found.rows, found.on_front, strict=True) if group(row) == which]
            for axes, (x, y) in zip(line, pairs, strict=True):
                _panel(axes, found, rows, x, y, cases)
            line[0].set_title(f"{which[0]}, {which[1].replace('+', ', ')}", loc="left")
        handles = [
            Line2D([], [], linestyle="none", label=case, **_style(cases, case, best=True)) for case in cases
        ]  # fmt: skip
        handles.append(Line2D([], [], linestyle="none", label="not on the front", **_style([""], "", best=False)))
        figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)), frameon=False)
        return save_figure(figure, form)


def _panel(axes: Axes, found: Picked, rows: Sequence[tuple[Row, bool]], x: str, y: str, cases: Sequence[str]) -> None:
    """Draw one pair of columns of one group."""
    for row, best in sorted(rows, key=lambda pair: pair[1]):
        axes.plot(_value(row, x), _value(row, y), linestyle="none", **_style(cases, str(row["case"]), best=best))
    signs = [1 if name in found.aims.minimise else -1 for name in (x, y)]
    spots = [(signs[0] * _value(row, x), signs[1] * _value(row, y)) for row, _ in rows]
    line = sorted(spot for spot, best in zip(spots, front(spots), strict=True) if best)
    axes.step(
        [signs[0] * first for first, _ in line], [signs[1] * second for _, second in line],
        where="post", color="0.6", linewidth=0.8, linestyle=":", zorder=0,
    )  # fmt: skip
    # Points at one place have one label.
    named: dict[tuple[float, float], list[str]] = {}
    for row, best in rows:
        if best:
            named.setdefault((_value(row, x), _value(row, y)), []).append(str(row["point"]))
    for spot, numbers in named.items() if len(named) <= _LABELLED else ():
        text = ", ".join(numbers if len(numbers) < 5 else [*numbers[:3], "..."])
        axes.annotate(text, spot, xytext=(4, 4), textcoords="offset points", fontsize=7)
    for name, label in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
        unit = f", {rows[0][0]['energy_unit']}" if name.startswith("energy") else ""
        label(f"{name}{unit} ({'less' if name in found.aims.minimise else 'more'} is better)")
    axes.ticklabel_format(scilimits=(-3, 4))
    axes.margins(0.08)
    axes.grid(alpha=0.3, linewidth=0.5)


def _style(cases: Sequence[str], case: str, *, best: bool) -> dict[str, Any]:
    place = cases.index(case)
    colour = _COLOURS[place % len(_COLOURS)] if case else "0.5"
    return {
        "marker": _MARKERS[place % len(_MARKERS)],
        "markersize": 6 if best else 4,
        "color": colour,
        "markerfacecolor": colour if best else "white",
        "alpha": 1.0 if best else 0.7,
    }


def _value(row: Row, name: str) -> float:
    value = row[name]
    return float(value) if isinstance(value, int | float) else 0.0
