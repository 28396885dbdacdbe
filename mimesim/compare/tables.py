"""``compare.csv`` and ``storage_by_tasks.csv`` (every column is explained in ``docs/compare.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields

from mimesim.accuracy import interval
from mimesim.compare.comparison import Comparison
from mimesim.compare.front import marks
from mimesim.compare.point import COSTS, Point, Values
from mimesim.results.csv_file import Cell, Row

__all__ = ["STORAGE", "compare_columns", "compare_rows", "storage_rows"]

STORAGE = ("case", "scheme", "tasks", "last_task", "bytes", "bytes_envm", "kind")
_HEAD = ("replay", "mode", "tasks", "single", "images", "batch_images", "case", "scheme", "skipping")
_TESTED = ("accuracy", "interval", "test_images")
_VALUES = tuple(field.name for field in fields(Values))


def compare_columns(tasks: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of ``compare.csv`` for a workload with these *tasks*."""
    return (
        *_HEAD,
        *("accuracy", "interval"),
        *(f"{name}_{task}" for task in tasks for name in _TESTED),
        *("accounting", "energy_unit"),
        *_VALUES,
        *("front", *(f"front_{cost}" for cost in COSTS)),
    )


def compare_rows(comparison: Comparison) -> Iterator[Row]:
    """One row per replay and case."""
    energy = comparison.workload.energy
    for points in comparison.points:
        fronts = {"front": marks(points), **{f"front_{cost}": marks(points, (cost,)) for cost in COSTS}}
        for number, point in enumerate(points):
            yield {
                "replay": point.replay.name,
                "mode": point.replay.mode,
                "tasks": "+".join(point.replay.tasks),
                "single": int(point.replay.single),
                "images": point.images,
                "batch_images": point.batch,
                "case": point.case,
                "scheme": point.scheme,
                "skipping": point.skipping,
                "accuracy": _rounded(point.accuracy),
                "interval": _rounded(point.interval),
                **_tested(point, comparison.workload.tasks),
                "accounting": energy.accounting,
                "energy_unit": energy.prices.unit,
                **asdict(point.values),
                **{name: found[number] for name, found in fronts.items()},
            }


def storage_rows(comparison: Comparison) -> Iterator[Row]:
    """One row per case and number of tasks."""
    tasks, schemes = comparison.workload.tasks, {case.name: case.scheme for case in comparison.workload.cases}
    for growth in comparison.growth:
        for count in range(1, max(len(tasks), comparison.asked.ahead) + 1):
            counted = count <= len(tasks)
            size = growth.bytes_for(count)
            if size is not None:
                yield {
                    "case": growth.case,
                    "scheme": schemes[growth.case],
                    "tasks": count,
                    "last_task": tasks[count - 1] if counted else None,
                    "bytes": size,
                    "bytes_envm": growth.on_chip[count - 1] if counted else None,
                    "kind": "counted" if counted else "extrapolated",
                }


def _tested(point: Point, tasks: Sequence[str]) -> dict[str, Cell]:
    found: dict[str, Cell] = {f"{name}_{task}": None for task in tasks for name in _TESTED}
    for task, (accuracy, images) in zip(point.replay.tasks, point.tested, strict=True):
        width = None if accuracy is None or images is None else interval([(accuracy, images)])
        found[f"accuracy_{task}"] = _rounded(accuracy)
        found[f"interval_{task}"] = _rounded(width)
        found[f"test_images_{task}"] = images
    return found


def _rounded(value: float | None) -> float | None:
    """Six decimals: more is noise of the arithmetic."""
    return None if value is None else round(value, 6)
