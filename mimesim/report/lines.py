"""Panels of lines, each with its marker: over tasks, over layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from mimesim.report.names import ending, shortened
from mimesim.report.style import PAPER, Look, legend_columns, legend_inches, legend_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Lines", "panels"]

_PANEL_INCHES = 2.0
#: So many places leave room for two panels side by side.
_FEW = 8
#: Letters of a title and of a place.
_TITLE = 40
_TICK = 18
#: Room for places, width of a letter and height of a line, in points.
_POINTS_WIDE = 670
_POINTS_NARROW = 270
_LETTER = 5.1
_LINE = 10


@dataclass(frozen=True)
class Lines:
    """Panels over the same *places*, given by title.

    *values* has a number (or None) per place by panel and line; *lines* are the names of the lines with their looks.
    """

    places: Sequence[str]
    lines: Sequence[tuple[str, Look]]
    values: Mapping[str, Mapping[str, Sequence[float | None]]]
    axis: str
    top: float | None = None
    across: str = ""

    def draw(self, figure: Figure, wide: bool) -> None:
        """Draw on an empty *figure*, panel below panel, and give it its size."""
        columns = 2 if wide and len(self.values) > 1 and len(self.places) <= _FEW else 1
        shown = panels(figure, len(self.values), wide, columns, legend=[name for name, _ in self.lines])
        for place, (axes, (title, lines)) in enumerate(zip(shown, self.values.items(), strict=True)):
            if len(self.values) > 1:
                axes.set_title(shortened(title, _TITLE))
            for name, look in self.lines:
                values = lines.get(name)
                if values is not None:
                    plain = [float("nan") if value is None else value for value in values]
                    axes.plot(range(len(plain)), plain, label=name, **_drawn(look))
            axes.set_ylim(0, self.top)
            axes.margins(x=0.03)
            _name_places(axes, self.places, wide)
            axes.set_ylabel(self.axis)
            # Panels below each other share their places.
            axes.tick_params(axis="x", labelbottom=place + columns >= len(shown))
        for axes in shown[-columns:]:
            axes.set_xlabel(self.across)
        handles, labels = [], []
        for axes in shown:
            for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
                if name not in labels:
                    handles.append(handle)
                    labels.append(name)
        names = legend_names(labels, wide)
        figure.legend(handles, names, loc="outside upper left", ncols=legend_columns(names, wide), handlelength=3.2)


def panels(
    figure: Figure, count: int, wide: bool, columns: int, legend: Sequence[str], inches: float = _PANEL_INCHES
) -> list[Axes]:
    """Give *figure* its size and return *count* panels, in *columns* if wide, with room for the names of a legend."""
    columns = columns if wide else 1
    rows = ceil(count / columns)
    figure.set_size_inches(10.0 if wide else 4.4, 0.4 + inches * rows + legend_inches(legend, wide))
    found = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in found[count:]:
        axes.set_axis_off()
    return found[:count]


def _drawn(look: Look) -> dict[str, Any]:
    filled = look.stroke if look.colour != PAPER else PAPER
    return {
        "color": look.stroke, "marker": look.marker, "linestyle": look.line, "markerfacecolor": filled,
        "markeredgecolor": look.stroke, "markersize": 5, "linewidth": 1.4,
    }  # fmt: skip


def _name_places(axes: Axes, places: Sequence[str], wide: bool) -> None:
    """Name as many places as there is room for: lying if their names are short enough, else turned."""
    names = ["\n".join(ending(line, _TICK) for line in place.splitlines()) for place in places]
    pitch = (_POINTS_WIDE if wide else _POINTS_NARROW) / max(1, len(places))
    longest = max((len(line) for name in names for line in name.splitlines()), default=0)
    turned = longest * _LETTER > pitch
    every = ceil(_LINE / pitch) if turned else 1
    axes.set_xticks(range(0, len(places), every), names[::every])
    if turned:
        steep = pitch * every < 2 * _LINE
        axes.tick_params(axis="x", labelrotation=90 if steep else 35)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("center" if steep else "right")
