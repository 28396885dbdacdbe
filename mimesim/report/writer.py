"""Writes a report: the page, and its figures as PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mimesim.errors import InputError
from mimesim.report import style
from mimesim.report.page import check_packages, render_page, sections
from mimesim.report.runs import find_runs
from mimesim.results.pictures import write_picture
from mimesim.results.writer import as_input_error

__all__ = ["write_report"]

Progress = Callable[[str, int, int], None]

#: Stands near the beginning of every file that a report writes.
_OURS = b"mimesim"
_HEAD = 400


def write_report(
    folders: Sequence[Path], out: Path, pictures: Path | None = None, progress: Progress | None = None
) -> list[Path]:
    """Write the report of the results in *folders* to file *out*, and its figures to folder *pictures*.

    Returns what was written. *progress* is told the figures drawn. Raises :class:`InputError` where a folder holds no
    results, a table is damaged, or a file that is not a report's would be replaced; :class:`MimesimError` where a
    package is missing.
    """
    check_packages()
    runs, passed_over = find_runs(folders)
    found = sections(runs)
    items = [item for section in found for item in section.items if item.plot]
    targets = [pictures / f"{item.name}.png" for item in items] if pictures else []
    for path in (out, *targets):
        _check(path)
    page = render_page(runs, passed_over, found, progress)
    drawn = []
    for number, item in enumerate(items if pictures else [], 1):
        if item.plot:
            drawn.append(style.png(item.plot.draw))
        if progress:
            progress("mimesim: PNG files", number, len(items))
    write_picture(page.encode(), out)
    for path, picture in zip(targets, drawn, strict=True):
        write_picture(picture, path)
    return [out, *targets]


def _check(path: Path) -> None:
    """Raise :class:`InputError` if *path* is there and not a file of an earlier report."""
    with as_input_error(path):
        if path.is_dir():
            raise InputError(str(path), "is a folder; a report is a file")
        if path.exists():
            with path.open("rb") as stream:
                head = stream.read(_HEAD)
            if _OURS not in head:
                raise InputError(str(path), "exists and is no report of mimesim's: choose another name")
