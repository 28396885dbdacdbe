"""Bars in groups, each a stack of parts: upright for screens and paper, lying for a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

from mimesim.report.names import ending
from mimesim.report.style import FAINT, INK, Look, legend_columns, legend_inches, legend_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Bars", "draw_legend", "draw_stacks", "numbered"]

#: So many bars and gaps have room beside each other.
_SLOTS = 66
#: A bar's share of its slot.
_WIDTH = 0.86
_WIDE_INCHES = 10.0
_NARROW_INCHES = 4.4
#: Width of a letter of a label, over its size.
_LETTER = 0.6
_LONGEST = 18


@dataclass(frozen=True)
class Bars:
    """Groups of bars, each bar a stack of parts.

    *values* has the sizes of the parts by group and bar; what it lacks is no bar. *parts* are the names of the parts
    with their looks. *keys* name the bars, which carry their numbers in the figure; empty where the parts are the bars'
    names already. *axis* says what is measured, in which unit. *line* marks a value to compare with.
    """

    groups: Sequence[str]
    bars: Sequence[str]
    parts: Sequence[tuple[str, Look]]
    values: Mapping[tuple[str, str], Sequence[float]]
    axis: str
    keys: Sequence[str] = ()
    line: float | None = None

    def draw(self, figure: Figure, wide: bool) -> None:
        """Draw on an empty *figure* and give it its size."""
        if wide:
            self._draw_wide(figure)
        else:
            self._draw_narrow(figure)
        self._legends(figure, wide)

    def _draw_wide(self, figure: Figure) -> None:
        across = max(1, _SLOTS // (len(self.bars) + 1))
        rows = ceil(len(self.groups) / across)
        across = ceil(len(self.groups) / rows)
        figure.set_size_inches(_WIDE_INCHES, 0.3 + 2.6 * rows + self._legend_inches(wide=True))
        panels = figure.subplots(rows, 1, squeeze=False, sharey=True)[:, 0]
        for row, axes in enumerate(panels):
            groups = self.groups[row * across : (row + 1) * across]
            self._stack(axes, groups, upright=True)
            axes.set_xlim(-1, across * (len(self.bars) + 1) - 1)
            room = 72 * 0.93 * _WIDE_INCHES / across
            _label_axis(axes, self, groups, upright=True)
            if max(min(len(name), _LONGEST) for name in groups) * _LETTER * 8.5 > room:
                axes.tick_params(axis="x", labelrotation=25)
                for label in axes.get_xticklabels():
                    label.set_horizontalalignment("right")
            if self.line is not None:
                axes.axhline(self.line, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
            axes.set_ylabel(self.axis)

    def _draw_narrow(self, figure: Figure) -> None:
        slots = len(self.groups) * (len(self.bars) + 1)
        figure.set_size_inches(_NARROW_INCHES, 0.8 + slots * 0.14 + self._legend_inches(wide=False))
        axes = figure.subplots()
        self._stack(axes, self.groups, upright=False)
        axes.set_ylim(slots - 1, -1)
        _label_axis(axes, self, self.groups, upright=False)
        # Who has scrolled down does not see the upper axis, and the other way round.
        axes.tick_params(axis="x", top=slots > 30, labeltop=slots > 30)
        axes.grid(visible=False, axis="y")
        axes.grid(visible=True, axis="x")
        if self.line is not None:
            axes.axvline(self.line, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
        axes.set_xlabel(self.axis)

    def _stack(self, axes: Axes, groups: Sequence[str], *, upright: bool) -> None:
        slots = len(self.bars) + 1
        stacks = {
            group * slots + number: self.values.get((name, bar), ())
            for group, name in enumerate(groups)
            for number, bar in enumerate(self.bars)
        }
        draw_stacks(axes, stacks, [look for _, look in self.parts], upright=upright)
        # All rows of groups have one scale.
        largest = max([*(sum(sizes) for sizes in self.values.values()), self.line or 0.0]) * 1.05 or 1.0
        if upright:
            axes.set_ylim(0, largest)
        else:
            axes.set_xlim(0, largest)

    def _legend_inches(self, *, wide: bool) -> float:
        return legend_inches([name for name, _ in self.parts], wide) + legend_inches(self.keys, wide)

    def _legends(self, figure: Figure, wide: bool) -> None:
        from matplotlib.patches import Patch

        if len(self.parts) > 1:
            draw_legend(figure, self.parts, wide)
        if self.keys:
            bare = [
                Patch(visible=False, label=f"{number}  {key}")
                for number, key in enumerate(legend_names(self.keys, wide), 1)
            ]
            columns = legend_columns(self.keys, wide)
            figure.legend(handles=bare, loc="outside lower left", ncols=columns, handlelength=0, handletextpad=0)


def draw_stacks(
    axes: Axes, stacks: Mapping[int, Sequence[float]], looks: Sequence[Look], *, upright: bool = False
) -> None:
    """Draw the bar of each place, a stack of sizes with a look each.

    All parts of one look are one shape: a hundred bars then take hardly more room in a file than one.
    """
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    corners: dict[int, list[tuple[float, float]]] = {}
    for place, sizes in stacks.items():
        base = 0.0
        for part, size in enumerate(sizes):
            if size:
                corners.setdefault(part, []).extend(_box(place, base, base + size, upright=upright))
            base += size
    for part, points in sorted(corners.items()):
        codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * (len(points) // 5)
        axes.add_patch(PathPatch(Path(points, codes), **_filled(looks[part])))


def draw_legend(figure: Figure, parts: Sequence[tuple[str, Look]], wide: bool) -> None:
    """Say above the figure what the parts of its bars are called."""
    from matplotlib.patches import Patch

    names = legend_names([name for name, _ in parts], wide)
    shown = [Patch(**_filled(look), label=name) for name, (_, look) in zip(names, parts, strict=True)]
    columns = legend_columns(names, wide)
    figure.legend(handles=shown, loc="outside upper left", ncols=columns)


def numbered(cases: Sequence[str]) -> list[str]:
    """Return *cases* with the numbers that stand below their bars."""
    return [f"{number}  {case}" for number, case in enumerate(cases, 1)]


def _box(place: float, low: float, high: float, *, upright: bool) -> list[tuple[float, float]]:
    left, right = place - _WIDTH / 2, place + _WIDTH / 2
    points = [(left, low), (right, low), (right, high), (left, high), (left, low)]
    return points if upright else [(y, x) for x, y in points]


def _filled(look: Look) -> dict[str, Any]:
    return {"facecolor": look.colour, "edgecolor": INK, "hatch": look.hatch or None, "linewidth": 0.5}


def _label_axis(axes: Axes, bars: Bars, groups: Sequence[str], *, upright: bool) -> None:
    """Name the groups, and below (or beside) each bar its number."""
    count = len(bars.bars)
    centres = [group * (count + 1) + (count - 1) / 2 for group in range(len(groups))]
    axis = axes.xaxis if upright else axes.yaxis
    side: Literal["x", "y"] = "x" if upright else "y"
    axis.set_ticks(centres, [ending(name, _LONGEST) for name in groups])
    if count > 1:
        axis.remove_overlapping_locs = False
        places = [group * (count + 1) + bar for group in range(len(groups)) for bar in range(count)]
        axis.set_ticks(places, [str(bar + 1) for _ in groups for bar in range(count)], minor=True)
    axes.tick_params(axis=side, which="both", length=0)
    axes.tick_params(axis=side, which="minor", labelsize=6.5 if upright else 7.5, labelcolor=FAINT, pad=2)
    axes.tick_params(axis=side, which="major", pad=(11 if upright else 12) if count > 1 else 4)
