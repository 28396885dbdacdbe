"""The tables that people read, as text: for the terminal and for ``compare.md``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mimesim.accuracy import interval
from mimesim.compare.comparison import Comparison
from mimesim.compare.front import Mark, marks
from mimesim.compare.point import Point, Tested
from mimesim.compare.words import number, scale

__all__ = ["FRONT", "LEGEND", "Sheet", "sheets"]

#: What stands in a table for a mark.
FRONT: dict[Mark, str] = {"front": "front", "not told apart": "maybe", "dominated": ""}
LEGEND = (
    "front: every case that costs no more in bytes, energy, DRAM words and cycles is less accurate by more than the "
    "95 % interval; maybe: of one of these that cannot be told; empty: one of them is surely no less accurate."
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: the first column is the case's name, the others are numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def sheets(comparison: Comparison) -> list[Sheet]:
    """Return all tables of a comparison."""
    found = [_whole(points, comparison) for points in comparison.whole]
    if any(one.accuracy is not None for point in comparison.main for one in point.tested):
        found.append(_accuracies(comparison))
    found.append(_storage(comparison))
    if comparison.single:
        found.append(_single(comparison))
    if len(comparison.parts) > 1:
        unit = comparison.workload.energy.prices.unit
        found.append(_parts(comparison, "Energy", unit, lambda point: point.values.energy))
        found.append(_parts(comparison, "MACs", "", lambda point: point.values.macs))
    return found


def _whole(points: Sequence[Point], comparison: Comparison) -> Sheet:
    """Return the table of one replay of all tasks."""
    replay, values = points[0].replay, [point.values for point in points]
    tasks = f"{len(replay.tasks)} task{'s' if len(replay.tasks) > 1 else ''}"
    what = {"singular": "one task a batch", "pipelined": "tasks mixed", "multitask": "all tasks on each image"}
    columns = [
        ("KiB", [f"{value.bytes_stored / 1024:,.1f}" for value in values]),
        _scaled(comparison.workload.energy.prices.unit, [value.energy for value in values]),
        _scaled("DRAM words", [value.dram_words for value in values]),
        _scaled("cycles", [value.cycles for value in values]),
        ("images/s", [number(value.images_per_second) for value in values]),
    ]
    if any(value.words_envm for value in values):
        columns.append(_scaled("eNVM words", [value.words_envm for value in values]))
    columns.append(("front", [FRONT[mark] for mark in marks(points)]))
    accuracy = [("accuracy %", [_percent(point.accuracy, point.interval) for point in points])]
    known = any(point.accuracy is not None for point in points)
    return _sheet(
        f"{replay.mode}: {tasks}, {what[replay.mode]}, {points[0].images} images; by image",
        [point.case for point in points],
        [*(accuracy if known else []), *columns],
    )


def _accuracies(comparison: Comparison) -> Sheet:
    points = comparison.main
    columns = [
        (task, [_percent(point.tested[place].accuracy, _interval(point.tested[place])) for point in points])
        for place, task in enumerate(points[0].replay.tasks)
    ]
    tested = {one.images for point in points for one in point.tested if one.images is not None}
    span = f"{min(tested)}" if len(tested) == 1 else f"{min(tested, default=0)} to {max(tested, default=0)}"
    note = f"± is half of the 95 % interval; {span} test images a task." if tested else ""
    return _sheet("Accuracy by task, %", [point.case for point in points], columns, note)


def _storage(comparison: Comparison) -> Sheet:
    tasks, ahead, growth = comparison.workload.tasks, comparison.asked.ahead, comparison.growth
    counts = [*range(1, len(tasks) + 1), *([ahead] if ahead > len(tasks) > 1 else [])]
    columns = [
        (
            f"{count}" if count <= len(tasks) else f"{count} (extrapolated)",
            ["" if (size := one.bytes_for(count)) is None else f"{size / 1024:,.1f}" for one in growth],
        )
        for count in counts
    ]
    note = (
        "In the workload's order. Extrapolated: a further task adds what those after the first add in the mean; "
        "not where there is room for those of the workload only."
    )
    return _sheet(
        "KiB stored, by number of tasks", [one.case for one in growth], columns, note if ahead > len(tasks) > 1 else ""
    )


def _single(comparison: Comparison) -> Sheet:
    columns = [
        ("+".join(points[0].replay.tasks), [f"{_milliseconds(point, comparison):.3g}" for point in points])
        for points in comparison.single
    ]
    return _sheet("A single image from empty caches, ms", [point.case for point in comparison.main], columns)


def _parts(comparison: Comparison, what: str, unit: str, of: Callable[[Point], float]) -> Sheet:
    """Return how much of *what* every combination of tasks takes, and all against each alone."""
    groups = sorted(comparison.parts, key=lambda points: len(points[0].replay.tasks))
    factor, prefix = scale([of(point) for points in groups for point in points])
    columns = [
        ("+".join(points[0].replay.tasks), [number(of(point) / factor) for point in points]) for points in groups
    ]
    alone = [points for points in groups if len(points[0].replay.tasks) == 1]
    whole = groups[-1]
    ratios = [sum(of(points[place]) for points in alone) / of(point) for place, point in enumerate(whole)]
    columns.append(("alone/all", [f"{ratio:.2f}x" for ratio in ratios]))
    return _sheet(
        f"{what} by combination of tasks{f', {prefix}{unit}' if prefix + unit else ''} an image",
        [point.case for point in whole],
        columns,
        "alone/all: each task alone, one after the other, over all tasks together.",
    )


def _sheet(title: str, cases: Sequence[str], columns: Sequence[tuple[str, list[str]]], note: str = "") -> Sheet:
    rows = zip(cases, *(cells for _, cells in columns), strict=True)
    return Sheet(title, ("case", *(heading for heading, _ in columns)), tuple(rows), note)


def _scaled(unit: str, values: Sequence[float]) -> tuple[str, list[str]]:
    factor, prefix = scale(values)
    words = unit.startswith(("DRAM", "eNVM", "cycles"))
    # DRAM kwords, and not kDRAM words.
    heading = unit.replace("words", f"{prefix}words").replace("cycles", f"{prefix}cycles") if words else prefix + unit
    return heading, [number(value / factor) for value in values]


def _milliseconds(point: Point, comparison: Comparison) -> float:
    return point.values.cycles / (1000 * comparison.clock_mhz)


def _interval(tested: Tested) -> float | None:
    if tested.accuracy is None or tested.images is None:
        return None
    return interval([(tested.accuracy, tested.images)])


def _percent(accuracy: float | None, wide: float | None) -> str:
    if accuracy is None:
        return ""
    return f"{100 * accuracy:.1f}" + ("" if wide is None else f" ± {100 * wide:.1f}")
