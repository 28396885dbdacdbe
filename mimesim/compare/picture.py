"""The picture: accuracy against energy and bytes, bytes against tasks. Needs matplotlib, loaded here only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mimesim.compare.comparison import Comparison
from mimesim.compare.front import Mark, marks
from mimesim.compare.point import Point
from mimesim.compare.words import scale
from mimesim.results.pictures import save_figure, spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_comparison", "place_numbers"]

#: Cases differ in number and marker, places on the front in filling: all of it readable in black and white.
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*", "8", "d")
_FILLS: dict[Mark, str] = {"front": "black", "not told apart": "0.65", "dominated": "white"}
_LINES = ("-", "--", "-.", ":")
_WORDS: dict[Mark, str] = {
    "front": "on the front of this panel",
    "not told apart": "maybe: the intervals do not tell",
    "dominated": "dominated",
}
_LETTER = 8.0
#: Where the number of a point may stand, in letters from it, the best first.
_REACHES = (1.0, 1.7, 2.4, 3.2, 4.0)
_AROUND = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1.6, 0), (-1.6, 0), (0, 1.6), (0, -1.6))


def draw_comparison(comparison: Comparison, form: str) -> bytes:
    """Return the picture as a file of *form* (png, pdf, svg).

    Raises ``ModuleNotFoundError`` where matplotlib is not installed.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    points, workload = comparison.main, comparison.workload
    settings: Any = {"axes.spines.right": False, "axes.spines.top": False, "font.size": 9, "svg.hashsalt": "mimesim"}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        names = [f"{number} {point.case}" for number, point in enumerate(points, 1)]
        across = max(1, min(6, int(13 / (0.5 + 0.075 * max(map(len, names))))))
        rows = -(-len(names) // across)
        figure = Figure(figsize=(13, 4.6 + 0.19 * rows), layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        panels = figure.subplots(1, 3)
        unit = workload.energy.prices.unit
        factor, prefix = scale([point.values.energy for point in points])
        costs: dict[str, Callable[[Point], float]] = {
            "energy": lambda point: point.values.energy / factor,
            "bytes_stored": lambda point: point.values.bytes_stored / 1024,
        }
        for axes, (cost, of) in zip(panels, costs.items(), strict=False):
            _front(axes, points, cost, of)
        panels[0].set_xlabel(f"energy per image, {prefix}{unit}")
        panels[1].set_xlabel(f"stored for {len(workload.tasks)} tasks, KiB")
        panels[0].set_title(f"{points[0].replay.mode}, accuracy against energy")
        panels[1].set_title("accuracy against storage")
        _growth(panels[2], comparison)
        cases = [
            Line2D([], [], marker=_marker(place), color="0.4", markerfacecolor="0.4", linestyle="none", label=name)
            for place, name in enumerate(names)
        ]
        fills = [
            Line2D([], [], marker="o", color="black", markerfacecolor=fill, linestyle="none", label=_WORDS[mark])
            for mark, fill in _FILLS.items()
        ]
        line = Line2D([], [], color="0.6", linestyle=":", drawstyle="steps-post", label="front as measured")
        figure.legend(handles=[*cases, *fills, line], loc="outside lower center", ncols=across, frameon=False)
        # The layout is final before numbers look for room.
        canvas.draw()
        figure.set_layout_engine("none")
        for axes, of in zip(panels, costs.values(), strict=False):
            _number(axes, [(of(point), _height(point)) for point in points])
        return save_figure(figure, form)


def _front(axes: Axes, points: Sequence[Point], cost: str, of: Callable[[Point], float]) -> None:
    """Draw accuracy over one cost, with the front as measured."""
    for place, (point, mark) in enumerate(zip(points, marks(points, (cost,)), strict=True)):
        axes.errorbar(
            of(point), _height(point), yerr=None if point.interval is None else 100 * point.interval,
            marker=_marker(place), markersize=7, color="black", markerfacecolor=_FILLS[mark], elinewidth=0.6,
            ecolor="0.55", capsize=2, linestyle="none",
        )  # fmt: skip
    steps: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda one: (of(one), -_height(one))):
        if point.accuracy is not None and (not steps or _height(point) > steps[-1][1]):
            steps.append((of(point), _height(point)))
    axes.step([x for x, _ in steps], [y for _, y in steps], where="post", color="0.6", linestyle=":", zorder=0)
    known = any(point.accuracy is not None for point in points)
    axes.set_ylabel("mean accuracy, %" if known else "accuracy not recorded")
    if not known:
        axes.set_yticks([])
    axes.margins(0.1)
    axes.grid(alpha=0.3, linewidth=0.5)


def _growth(axes: Axes, comparison: Comparison) -> None:
    """Draw bytes over the number of tasks; extrapolated parts are thin."""
    count = len(comparison.workload.tasks)
    ahead = comparison.asked.ahead if count > 1 and comparison.asked.ahead > count else count
    ends = []
    for place, growth in enumerate(comparison.growth):
        found = [growth.bytes_for(tasks) for tasks in range(1, ahead + 1)]
        sizes = [size / 1024 for size in found if size is not None]
        style: Any = {"color": "black", "linestyle": _LINES[place % len(_LINES)]}
        axes.plot(range(1, count + 1), sizes[:count], linewidth=1.4, **style)
        axes.plot(range(count, len(sizes) + 1), sizes[count - 1 :], linewidth=0.5, **style)
        for tasks in range(1, count + 1):
            axes.plot(tasks, sizes[tasks - 1], marker=_marker(place), markersize=5, color="black", mfc="0.4")
        ends.append((len(sizes), sizes[-1]))
    _ends(axes, ends)
    axes.set_xticks(range(1, ahead + 1, max(1, ahead // 6)))
    axes.set_xlabel("tasks")
    axes.set_ylabel("stored, KiB")
    title = "storage against tasks"
    axes.set_title(f"{title} (beyond {count} extrapolated)" if ahead > count else title)
    axes.grid(alpha=0.3, linewidth=0.5)


def _ends(axes: Axes, ends: Sequence[tuple[int, float]]) -> None:
    """Write the numbers of lines that end at *ends* beside them; those that nobody can tell apart have one label."""
    last, highest = max(x for x, _ in ends), max(y for _, y in ends)
    top, right = highest, 0
    for x in sorted({x for x, _ in ends}):
        labels: list[tuple[float, list[str]]] = []
        for end, number in sorted((end, number) for number, (there, end) in enumerate(ends, 1) if there == x):
            if labels and end - labels[-1][0] < 0.004 * highest:
                labels[-1][1].append(str(number))
            else:
                labels.append((end, [str(number)]))
        gap = 0.045 * highest
        heights = spread([end for end, _ in labels], gap)
        # None below the axis.
        heights = [max(height, gap * (place + 0.4)) for place, height in enumerate(heights)]
        for (end, names), height in zip(labels, heights, strict=True):
            axes.annotate(
                ", ".join(names), (x, end), (x + 0.04 * last, height), fontsize=8, va="center",
                arrowprops={"arrowstyle": "-", "linewidth": 0.3, "color": "0.6"},
            )  # fmt: skip
            right = max(right, len(", ".join(names)) if x == last else 0)
        top = max(top, *heights)
    axes.set_xlim(0.8, last * (1.1 + 0.025 * right))
    axes.set_ylim(0, 1.1 * top)


def _number(axes: Axes, places: Sequence[tuple[float, float]]) -> None:
    """Write its number beside every point, where no other point and no other number is."""
    pixels = [tuple(axes.transData.transform(place)) for place in places]
    spots = place_numbers(pixels, _LETTER * axes.figure.dpi / 72)
    for number, (place, spot) in enumerate(zip(places, spots, strict=True), 1):
        axes.annotate(
            str(number), place, tuple(axes.transData.inverted().transform(spot)), fontsize=_LETTER, ha="center",
            va="center", arrowprops={"arrowstyle": "-", "linewidth": 0.3, "color": "0.6"},
        )  # fmt: skip


def place_numbers(points: Sequence[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """Return a spot near each of *points*, letters of size *step* apart from all of them and from each other."""
    taken = list(points)
    for x, y in points:
        spots = [(x + dx * step * reach, y + dy * step * reach) for reach in _REACHES for dx, dy in _AROUND]

        def room(spot: tuple[float, float], own: tuple[float, float] = (x, y)) -> float:
            free = min(0.95 * step, *(_apart(spot, other) for other in taken))
            # Nearer to another point, it would seem to be that one's.
            return free - (step / 4 if min(points, key=lambda one: _apart(spot, one)) != own else 0)

        # The first that is free, or else the freest.
        taken.append(max(spots, key=room))
    return taken[len(points) :]


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))


def _marker(place: int) -> str:
    return _MARKERS[place % len(_MARKERS)]


def _height(point: Point) -> float:
    return 100 * (point.accuracy or 0.0)
