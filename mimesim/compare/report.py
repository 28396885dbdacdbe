"""What people read of a comparison: on the terminal, and as ``compare.md``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from mimesim.compare.comparison import Comparison
from mimesim.compare.sheets import LEGEND, Sheet, sheets
from mimesim.compare.suite import added_parts

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["render_markdown", "render_report"]


def render_report(comparison: Comparison, out: Path) -> RenderableType:
    """Return, for :mod:`rich` to print: the tables, the advice, whether the books balance, where the files lie."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(_headline(comparison), style="bold")]
    for sheet in sheets(comparison):
        parts += [Text(""), Text(sheet.title, style="bold"), _table(sheet)]
        parts += [Text(sheet.note, style="dim")] if sheet.note else []
    parts += [Text(f"{case.name}: {case.title}", style="dim") for case in comparison.workload.cases if case.title]
    parts += [Text(note, style="dim") for note in _notes(comparison)]
    parts += [Text(""), Text("Which scheme to take", style="bold")]
    advice = Table.grid(padding=(0, 1, 0, 0))
    for line in comparison.advice:
        advice.add_row("-", Text(line.text))
    parts.append(advice)
    broken = comparison.violations
    verdict = Text("balanced: every conservation law holds", style="green")
    return Group(
        *parts,
        Text(""),
        Text(f"NOT BALANCED: {broken[0]}", style="bold red") if broken else verdict,
        Text(f"results in {out}: compare.csv, storage_by_tasks.csv, compare.md, run.json;"),
        Text(f"  of each replay as mimesim run writes them: {', '.join(one.name for one in comparison.suite.replays)}"),
    )


def render_markdown(comparison: Comparison, picture: str | None = None) -> str:
    """Return the text of ``compare.md``; *picture* is the name of one that lies beside it."""
    workload = comparison.workload
    lines = [f"# {workload.name}: schemes compared", ""]
    if workload.description:
        lines += [_plain(workload.description), ""]
    lines += [f"{_headline(comparison)}.", ""]
    lines += ["## Which scheme to take", "", *(f"- {_plain(line.text)}" for line in comparison.advice), ""]
    if picture is not None:
        lines += [f"![Accuracy against energy and bytes, bytes against tasks]({picture})", ""]
    for sheet in sheets(comparison):
        lines += [f"## {_plain(sheet.title)}", "", *_rows(sheet), ""]
        lines += [_plain(sheet.note), ""] if sheet.note else []
    titled = [case for case in workload.cases if case.title]
    if titled:
        lines += ["## Cases", "", *(f"- `{case.name}`: {_plain(case.title)}" for case in titled), ""]
    lines += ["## How to read it", "", *(f"- {_plain(note)}" for note in _notes(comparison)), ""]
    return "\n".join(lines)


def _headline(comparison: Comparison) -> str:
    workload, suite = comparison.workload, comparison.suite
    kind = "on the same images" if suite.same_images else "with images of their own" if len(workload.tasks) > 1 else ""
    tasks = ", ".join(workload.tasks)
    return f"{workload.name}: {len(workload.cases)} cases, tasks {tasks} {kind}".rstrip()


def _notes(comparison: Comparison) -> Iterator[str]:
    workload = comparison.workload
    yield LEGEND
    yield (
        f"Energy: {workload.energy.accounting} accounting, in {workload.energy.prices.unit}; KiB: the parameters of "
        f"all tasks, in whatever memory; {comparison.clock_mhz:g} MHz."
    )
    if any(one.images is not None for point in comparison.main for one in point.tested):
        yield (
            "Accuracies are compared as if measured on independent images (95 % interval of the difference); cases "
            "that replay one trace have one accuracy."
        )
    elif any(point.accuracy is not None for point in comparison.main):
        yield "The traces do not say how many test images are behind an accuracy: accuracies count as exact."
    first, *others = workload.cases
    if changed := [case.name for case in others if workload.schedule_for(case) != workload.schedule_for(first)]:
        yield f"Another schedule than {first.name}: {', '.join(changed)}."
    for case in others:
        if parts := added_parts(workload, case):
            yield f"Not on quite the same hardware as {first.name}: {case.name} ({', '.join(parts)})."
    skipping = dict.fromkeys(case.skipping for case in workload.cases)
    if len(skipping) > 1:
        yield "Zeros: " + "; ".join(
            f"{how}: {', '.join(case.name for case in workload.cases if case.skipping == how)}" for how in skipping
        )


def _table(sheet: Sheet) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(sheet.headings):
        table.add_column(Text(heading), justify="right" if number else "left", overflow="fold")
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    return table


def _rows(sheet: Sheet) -> Iterator[str]:
    yield _row(sheet.headings)
    yield "|---|" + "---:|" * (len(sheet.headings) - 1)
    for row in sheet.rows:
        yield _row(row)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Return *text* on one line, without what Markdown would take for its own."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|").replace("[", "\\[").replace("*", "\\*")
