"""Pictures of a training: accuracy against memory, the curves, sparsity per layer. Needs matplotlib, loaded here only.

Methods differ in colour (the palette of Okabe and Ito, which colour-blind people can tell apart), in marker and in
line, so that the pictures can be read in black and white. A picture's bytes depend on the outcome and on the version
of matplotlib only: the user's settings of matplotlib, the date and the version's name are kept out.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import log, log10
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

from mimesim.results.pictures import spread
from mimesim.training.config import Method
from mimesim.training.report.outcome import Metrics, Outcome
from mimesim.training.report.verdict import CLAIM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["accuracy_figure", "curves_figure", "pictures", "sparsity_figure"]

_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_MARKERS = ("s", "o", "^", "D", "v", "P", "X", "<", "*", ">", "p")
_LINES: tuple[Any, ...] = (
    "-",
    "--",
    "-.",
    ":",
    (0, (6, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (8, 2, 1, 2, 1, 2)),
    (0, (1, 3)),
)
_SETTINGS: Any = {
    "axes.grid": True, "axes.spines.right": False, "axes.spines.top": False, "font.size": 9, "grid.alpha": 0.3,
    "grid.linewidth": 0.5, "legend.frameon": False, "lines.linewidth": 1.2, "lines.markersize": 4.5,
}  # fmt: skip
_DPI = 100
_MOST_POINTS = 60
_MOST_COLUMNS = 4
_MOST_LABELS = 60


class _Style(NamedTuple):
    color: str
    marker: str
    linestyle: Any


def pictures(outcome: Outcome) -> dict[str, bytes]:
    """PNG files by name; raises ``ModuleNotFoundError`` where matplotlib is not installed."""
    import matplotlib

    makers: dict[str, Callable[[Outcome], Figure]] = {
        "accuracy.png": accuracy_figure,
        "curves.png": curves_figure,
        "sparsity.png": sparsity_figure,
    }
    found = {}
    for name, maker in makers.items():
        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(_SETTINGS)
            found[name] = _png(maker(outcome))
    return found


def accuracy_figure(outcome: Outcome) -> Figure:
    """A panel per task: accuracy with its interval over the words that the task does not share, on a log axis.

    The band reaches from fine-tuning's accuracy to 2 points below it, where MIME claims to be.
    """
    tasks, baseline = outcome.tasks, outcome.fine_tuning
    figure, panels = _panels(len(tasks), width=3.3, height=3.2)
    for task, axes in zip(tasks, panels, strict=False):
        words = [log10(outcome.words(task, method)) for method in outcome.methods]
        places = spread(words, 0.05 * (max(words) - min(words) + 0.5))
        if baseline is not None:
            top = 100 * outcome.children[task, baseline.name]["accuracy"]
            axes.axhspan(top - 100 * CLAIM, top, color="0.88", linewidth=0)
            axes.axhline(top, color="0.5", linewidth=0.8, linestyle=(0, (1, 2)))
        for method, place in zip(outcome.methods, places, strict=True):
            metrics, style = outcome.children[task, method.name], _style(outcome, method)
            axes.errorbar(
                10**place, 100 * metrics["accuracy"], yerr=100 * metrics["interval"], label=method.name,
                color=style.color, marker=style.marker, markersize=6, capsize=3, linestyle="none",
            )  # fmt: skip
        axes.set_xscale("log", subs=(2, 5))  # labels of all nine would run into each other
        axes.set_xlim(10 ** (min(places) - 0.25), 10 ** (max(places) + 0.25))
        axes.set_title(outcome.title(task))
        axes.set_xlabel("words of the task's own")
    panels[0].set_ylabel("test accuracy, %")
    handles, labels = _once(panels)
    if baseline is not None:
        from matplotlib.patches import Patch

        handles, labels = [*handles, Patch(color="0.88")], [*labels, "within 2 points"]
    _legend(figure, handles, labels)
    return figure


def curves_figure(outcome: Outcome) -> Figure:
    """Over steps, loss above and training accuracy below: the parent, where it was trained here, then each task."""
    columns: list[tuple[str, list[tuple[Metrics, str, _Style]]]] = []
    if outcome.parent.get("curve"):
        title = f"parent: {outcome.title(outcome.config.parent.dataset)}"
        columns.append((title, [(outcome.parent, "parent", _Style("0.35", "", "-"))]))
    columns += [(outcome.title(task), [(outcome.children[task, method.name], method.name, _style(outcome, method))
                                       for method in outcome.methods]) for task in outcome.tasks]  # fmt: skip
    figure, panels = _panels(len(columns), width=3.3, height=2.3, rows=2)
    # a rate that is far too high shows as leaving the panel, and does not flatten the others
    ceiling = 2 * max(log(classes) for classes in outcome.classes.values())
    for (title, lines), loss, accuracy in zip(columns, panels[0::2], panels[1::2], strict=False):
        for metrics, label, style in lines:
            rows = _thinned(metrics.get("curve", []))
            steps = [row["step"] for row in rows]
            options = {"label": label, "markevery": (0, max(1, len(rows) // 8)), **style._asdict()}
            loss.plot(steps, [row["loss"] for row in rows], **options)
            accuracy.plot(steps, [100 * row["train_accuracy"] for row in rows], **options)
        for change in _changes_of_size(lines[0][0].get("curve", [])):
            for axes in (loss, accuracy):
                axes.axvline(change, color="0.6", linewidth=0.8, linestyle=":")
        if title in map(outcome.title, outcome.tasks):
            loss.set_ylim(top=min(ceiling, loss.get_ylim()[1]))
        loss.set_title(title)
        loss.tick_params(labelbottom=False)
        loss.set_ylabel("loss, nats")
        accuracy.set_ylabel("training accuracy, %")
        accuracy.set_xlabel("step")
    _legend(figure, *_once([axes for axes in panels if axes.get_legend_handles_labels()[1] != ["parent"]]))
    return figure


def sparsity_figure(outcome: Outcome) -> Figure:
    """A panel per task: the share of zeros behind every activation, pools left out; the paper's as hollow markers."""
    from matplotlib.figure import Figure

    layers, methods = outcome.drawn_layers, outcome.methods
    width = min(14.0, max(6.5, 2 + 0.5 * len(layers)))
    height = 1.2 + 2.1 * len(outcome.tasks) + 0.07 * max(map(len, layers), default=0)
    figure = Figure(figsize=(width, height), layout="constrained")
    panels: list[Axes] = list(figure.subplots(len(outcome.tasks), 1, sharex=True, sharey=True, squeeze=False)[:, 0])
    for task, axes in zip(outcome.tasks, panels, strict=True):
        for number, method in enumerate(methods):
            style = _style(outcome, method)
            shift = 0.6 * ((number + 0.5) / len(methods) - 0.5)
            places = [place + shift for place in range(len(layers))]
            sparsity = outcome.children[task, method.name]["sparsity"]
            axes.plot(places, [sparsity[layer] for layer in layers], label=method.name,
                      **style._asdict() | {"linewidth": 0.7})  # fmt: skip
            if paper := outcome.paper(task, method):
                listed = [(place, paper.sparsity[name]) for place, name in enumerate(layers) if name in paper.sparsity]
                axes.plot([place + shift for place, _ in listed], [value for _, value in listed], linestyle="none",
                          label=f"paper's {method.name}", color=style.color, marker=style.marker, markersize=8,
                          fillstyle="none")  # fmt: skip
        axes.set_title(outcome.title(task))
        axes.set_ylabel("share of zeros")
    every = -(-len(layers) // _MOST_LABELS)
    panels[-1].set_xticks(range(0, len(layers), every), layers[::every], rotation=90)
    panels[-1].set_xlim(-0.7, len(layers) - 0.3)
    drawn = dict(zip(*reversed(_once(panels)), strict=True))
    labels = sorted(drawn, key=lambda label: label.startswith("paper's "))
    _legend(figure, [drawn[label] for label in labels], labels)
    return figure


# ---- parts -----------------------------------------------------------------------------------------------------------


def _style(outcome: Outcome, method: Method) -> _Style:
    place = outcome.methods.index(method)
    return _Style(_COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)], _LINES[place % len(_LINES)])


def _panels(count: int, width: float, height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A grid of *count* columns of *rows* panels each, column by column; what does not fit goes below."""
    from matplotlib.figure import Figure

    across = min(count, _MOST_COLUMNS)
    blocks = -(-count // across)
    figure = Figure(figsize=(max(5.5, width * across), rows * height * blocks + 0.9), layout="constrained")
    grid = figure.subplots(rows * blocks, across, squeeze=False)
    panels: list[Axes] = [grid[block * rows + row, column]
                          for block in range(blocks) for column in range(across) for row in range(rows)]  # fmt: skip
    for unused in panels[count * rows :]:
        unused.set_axis_off()
    return figure, panels[: count * rows]


def _png(figure: Figure) -> bytes:
    """*figure* with a palette, a quarter of the size of matplotlib's own PNG, and without the time and the version."""
    from PIL import Image  # comes with matplotlib

    full, small = io.BytesIO(), io.BytesIO()
    figure.savefig(full, format="png", dpi=_DPI)
    picture = Image.open(full).convert("RGB")
    picture.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def _once(panels: Sequence[Axes]) -> tuple[list[Any], list[str]]:
    """Handles and labels of all *panels*, each label once."""
    found: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return list(found.values()), list(found)


def _legend(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """One legend below all panels, as many columns as there is room for; its rows make the figure higher."""
    inches = 0.55 + 0.075 * max(map(len, labels), default=1)
    columns = max(1, min(len(labels), int(figure.get_figwidth() / inches)))
    figure.set_figheight(figure.get_figheight() + 0.18 * (-(-len(labels) // columns) - 1))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=3)


def _thinned(curve: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """At most 60 rows, each the mean of as many neighbours; the step is the last one's."""
    size = -(-len(curve) // _MOST_POINTS) or 1
    groups = [curve[start : start + size] for start in range(0, len(curve), size)]
    return [
        {"step": group[-1]["step"], **{key: mean(row[key] for row in group) for key in ("loss", "train_accuracy")}}
        for group in groups
    ]


def _changes_of_size(curve: Sequence[Mapping[str, float]]) -> list[float]:
    """Steps after which the images had another size."""
    return [one["step"] for one, other in pairwise(curve) if one["size_px"] != other["size_px"]]
