"""Pictures as files: which forms there are, the same bytes for the same figure, room between labels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from mimesim.errors import InputError, MimesimError
from mimesim.results.writer import as_input_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_picture", "save_figure", "spread", "write_picture"]

_FORMS = (".png", ".svg", ".pdf")


def check_picture(path: Path) -> None:
    """Raise if no picture can be drawn to *path*: asked for before a long run, not after it."""
    if path.suffix not in _FORMS:
        raise InputError("--plot", f"must end in {', '.join(_FORMS)}", value=str(path))
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if path.is_dir() or not above.is_dir():
        raise InputError("--plot", "must be a file in a folder", value=str(path))
    if find_spec("matplotlib") is None:
        raise MimesimError("--plot needs matplotlib: pip install 'mimesim[plot]'")


def write_picture(picture: bytes, path: Path) -> None:
    """Write a file whole or not at all; raises :class:`InputError` if the disk refuses."""
    staging = path.with_name(f".{path.name}.tmp")
    with as_input_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            staging.write_bytes(picture)
            staging.replace(path)
        finally:
            staging.unlink(missing_ok=True)


def save_figure(figure: Figure, form: str) -> bytes:
    """Return a figure of matplotlib's as a file of *form* (png, pdf, svg)."""
    stream = io.BytesIO()
    # Without the time and the version, so that the same run gives the same bytes.
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    figure.savefig(stream, format=form, dpi=110, metadata=metadata)
    return stream.getvalue()


def spread(values: Sequence[float], gap: float) -> list[float]:
    """*values*, in their order, moved as little as possible (least squares) until neighbours are *gap* apart.

    With the gaps taken off, that is the isotonic regression of the sorted values: too close ones merge into blocks.
    """
    order = sorted(range(len(values)), key=lambda index: values[index])
    blocks: list[list[float]] = []
    for rank, index in enumerate(order):
        blocks.append([values[index] - rank * gap])
        while len(blocks) > 1 and mean(blocks[-2]) > mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    levels = [mean(block) for block in blocks for _ in block]
    placed = dict(zip(order, (level + rank * gap for rank, level in enumerate(levels)), strict=True))
    return [placed[index] for index in range(len(values))]
