"""The front as a table to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mimesim.results.csv_file import Cell
from mimesim.sweeps.columns import HEAD
from mimesim.sweeps.front import Picked, group

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

__all__ = ["render_front", "short_keys"]


def render_front(found: Picked, keys: Sequence[str], most: int | None) -> Group:
    """Return a table of the rows on the front, at most so many of each group, with what was set there."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    aims = found.aims
    parts: list[RenderableType] = []
    swept = {key: name for key, name in short_keys(keys).items() if key not in HEAD}
    for which in found.groups:
        rows = [row for row in found.front if group(row) == which]
        compared = sum(group(row) == which for row in found.rows)
        title = f"{which[0]}, {which[1].replace('+', ', ')}: {len(rows)} of {compared} rows are on the front"
        # Not the table's own title, which would be broken to fit a table that is narrower.
        parts.append(Text(title))
        table = Table(box=None, padding=(0, 1, 0, 0))
        for name in ("point", "case", *swept.values()):
            # Narrow terminals would break keys wherever they end.
            header = Text(name.replace(".", ".\n"))
            table.add_column(header, justify="right" if name == "point" else "left", overflow="fold", vertical="bottom")
        for name in aims.names:
            table.add_column(Text(f"{name}\n({'less' if name in aims.minimise else 'more'})"), justify="right")
        for row in rows[:most]:
            cells = [row[name] for name in ("point", "case", *swept, *aims.names)]
            table.add_row(*(Text(_shown(cell)) for cell in cells))
        parts.append(table)
        if most is not None and len(rows) > most:
            parts.append(Text(f"and {len(rows) - most} more: mimesim pareto shows them all"))
        parts.append(Text(""))
    return Group(*(parts or [Text("no row can be compared: each misses a constraint, or lacks a number")]))


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Return for each key its last parts, as many as tell it from the others."""
    short: dict[str, str] = {}
    for key in keys:
        parts = key.split(".")
        for count in range(1, len(parts) + 1):
            ending = parts[-count:]
            if sum(other.split(".")[-count:] == ending for other in keys) == 1:
                break
        short[key] = ".".join(ending)
    return short


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) else "" if cell is None else cell
