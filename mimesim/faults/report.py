"""What an injection found, for people: accuracy and changed masks by place, tensor and rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mimesim.faults.outcome import CaseFaults
from mimesim.faults.tables import accuracy_rows
from mimesim.results.csv_file import as_number

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["render_faults"]


def render_faults(cases: Sequence[CaseFaults], folder: str, files: Sequence[str]) -> RenderableType:
    """Return the summary of *cases*, whose tables are *files* in *folder*."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = []
    for case in cases:
        table = Table(title=f"{case.case}: accuracy in %, and the mask bits that changed", title_justify="left",
                      box=box.SIMPLE_HEAD, pad_edge=False)  # fmt: skip
        table.add_column("faults in")
        table.add_column("of")
        table.add_column("rate", justify="right")
        for base in case.base:
            table.add_column(base.task, justify="right")
        table.add_column("masks", justify="right")
        table.add_column("flips a task", justify="right")
        first = case.base[0]
        table.add_row("none", "float32", "", *(_percent(base.right_float, base.images) for base in case.base), "", "")
        bits, other = sum(one.bits for one in case.stored), sum(one.cleared + one.set for one in case.stored)
        stored = [_percent(base.right, base.images) for base in case.base]
        table.add_row("none", f"{case.word_bits} bits", "", *stored, _share(other / bits if bits else 0.0), "")
        rows = list(accuracy_rows([case]))
        for number in range(0, len(rows), len(case.base)):
            tasks = rows[number : number + len(case.base)]
            cells = [
                f"{100 * as_number(row['accuracy']):.1f} ± {100 * as_number(row['interval']):.1f}" for row in tasks
            ]
            changed = sum(as_number(row["changed_share"]) for row in tasks) / len(tasks)
            flips = sum(as_number(row["flips"]) for row in tasks) / len(tasks)
            row = tasks[0]
            cell = f" ({row['bits_per_cell']} bit a cell)" if row["bits_per_cell"] else ""
            named = (str(row["place"]) + cell, str(row["tensor"]), f"{as_number(row['rate']):.3g}")
            table.add_row(*named, *cells, _share(changed), f"{flips:.0f}")
        seeds = rows[0]["seeds"] if rows else 0
        note = (
            f"{first.images} images of each task, mean of {seeds} seeds ± half a 95 % interval over seeds;"
            " masks: against the stored network without faults, its own against float32"
        )
        parts += [table, Text(note)]
    parts.append(Text(f"results in {folder}: {', '.join(files)}"))
    return Group(*parts)


def _percent(right: int, images: int) -> str:
    return f"{100 * right / images:.1f}"


def _share(share: float) -> str:
    return f"{100 * share:.3g} %"
