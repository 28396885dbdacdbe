"""How figures look: colours that a page can exchange, patterns and markers that tell the same without them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from mimesim.report.names import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "FAINT",
    "GRID",
    "INK",
    "LOOKS",
    "PAPER",
    "Look",
    "legend_columns",
    "legend_inches",
    "legend_names",
    "look",
    "png",
    "svg",
]

INK = "#1b1f24"
FAINT = "#59626e"
GRID = "#d4d9df"
PAPER = "#ffffff"

#: The CSS variable of every colour that a figure may have.
COLOURS = {
    INK: "ink",
    FAINT: "faint",
    GRID: "grid",
    PAPER: "paper",
    "#0072b2": "series-1",
    "#e08e0b": "series-2",
    "#009e73": "series-3",
    "#b8578f": "series-4",
    "#56a8d8": "series-5",
    "#c64a12": "series-6",
    "#8b95a1": "series-7",
    "#a39000": "series-8",
}

_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.labelcolor": INK,
    "legend.borderaxespad": 0,
    "patch.linewidth": 0.5,
    # The same ids in every file of the same figure.
    "svg.hashsalt": "mimesim",
    # Text stays text, for those who search and those who enlarge it.
    "svg.fonttype": "none",
    "text.color": INK,
    # A name may hold a dollar.
    "text.parse_math": False,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
}
_DPI = 200
#: Letters that have room beside each other in a legend, narrow and wide; what stands before each name takes some.
_LEGEND_LETTERS = (56, 132)
_LEGEND_HANDLE = 7


class Look(NamedTuple):
    """What tells a series from the others; the hatch, marker or line alone does, too."""

    colour: str
    hatch: str
    marker: str
    line: Any

    @property
    def stroke(self) -> str:
        """The colour of a line: one the colour of paper would not be seen."""
        return INK if self.colour == PAPER else self.colour


LOOKS = (
    Look("#0072b2", "", "o", "-"),
    Look("#e08e0b", "////", "s", "--"),
    Look("#009e73", "----", "^", "-."),
    Look(PAPER, "", "D", ":"),
    Look("#b8578f", "xxxx", "v", (0, (6, 1.5))),
    Look("#56a8d8", "||||", "P", (0, (3, 1, 1, 1, 1, 1))),
    Look("#c64a12", "\\\\\\\\", "X", (0, (8, 2, 1, 2, 1, 2))),
    Look("#8b95a1", "++++", "<", (0, (1, 3))),
    Look("#a39000", "//", ">", (0, (5, 1, 1, 1))),
)


def look(number: int) -> Look:
    """Return the look of series *number*, from 0; after nine they come again."""
    return LOOKS[number % len(LOOKS)]


def legend_names(names: Sequence[str], wide: bool) -> list[str]:
    """Return *names* as a legend has room for them."""
    return [shortened(name, _LEGEND_LETTERS[wide] - _LEGEND_HANDLE) for name in names]


def legend_columns(names: Sequence[str], wide: bool) -> int:
    """Return into how many columns a legend of *names* goes, each as wide as its longest name."""
    room, names = _LEGEND_LETTERS[wide], legend_names(names, wide)
    for columns in range(len(names), 1, -1):
        # As matplotlib fills them: down first, the first columns longer.
        rows, longer = divmod(len(names), columns)
        starts = [column * rows + min(column, longer) for column in range(columns + 1)]
        widths = [max(map(len, names[low:high])) + _LEGEND_HANDLE for low, high in pairwise(starts)]
        if sum(widths) <= room:
            return columns
    return 1


def legend_inches(names: Sequence[str], wide: bool) -> float:
    """Return how high the legend of :func:`legend_columns` is."""
    return 0.19 * ceil(len(names) / legend_columns(names, wide)) + 0.1 if names else 0.0


def svg(draw: Callable[[Figure, bool], None], *, wide: bool) -> bytes:
    """Return what *draw* draws as SVG, the same bytes for the same drawing."""
    with _settings():
        return _saved(draw, wide, format="svg", transparent=True, metadata={"Date": None, "Creator": None})


def png(draw: Callable[[Figure, bool], None]) -> bytes:
    """Return what *draw* draws wide as PNG on white, at 200 dots an inch."""
    with _settings():
        return _saved(draw, True, format="png", dpi=_DPI, facecolor=PAPER, metadata={"Software": "mimesim"})


def _saved(draw: Callable[[Figure, bool], None], wide: bool, **options: Any) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    draw(figure, wide)
    stream = io.BytesIO()
    figure.savefig(stream, **options)
    return stream.getvalue()


@contextmanager
def _settings() -> Iterator[None]:
    """Keep out whatever the user has set; names in scripts that the font lacks are no warning."""
    import matplotlib

    # The stubs know every key by name.
    settings: Any = _SETTINGS
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
