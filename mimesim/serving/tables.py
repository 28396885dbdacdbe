"""The tables of a serving run: one row per stream, policy, case and task (columns: ``docs/serving.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mimesim.results.csv_file import Cell, Row
from mimesim.serving.metrics import TaskTally
from mimesim.serving.settings import Outcome

__all__ = ["ALL", "BATCHES", "SERVING", "batch_rows", "serving_rows", "whole_row"]

#: Stands for all tasks together.
ALL = "all"
PERCENTS = (50, 90, 95, 99)

_NAME = ("load", "rate_per_s", "mix", "policy", "case", "scheme")
_MACHINE = (
    *("makespan_s", "utilisation", "batches", "batches_replayed", "batch_images_mean"),
    *("switches_between", "switches_inside", "queue_mean", "queue_max", "dram_words"),
)
SERVING = (
    *_NAME,
    *("task", "arrived", "served", "rejected"),
    *(f"latency_p{percent}_ms" for percent in PERCENTS),
    *("latency_max_ms", "latency_mean_ms", "waiting_mean_ms", "throughput_per_s"),
    *("accounting", "energy_unit", "energy_per_request", "energy_total"),
    *_MACHINE,
)
BATCHES = (
    *_NAME,
    *("images", "tasks", "batches", "ms_mean", "ms_min", "ms_max", "energy_unit", "energy_mean", "dram_words_mean"),
)


def serving_rows(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """Yield a row for all tasks and one for each, outcome by outcome."""
    for outcome in outcomes:
        yield whole_row(outcome)
        for task, tally in outcome.metrics.tasks.items():
            yield {**_task_row(outcome, task, tally), **dict.fromkeys(_MACHINE)}


def whole_row(outcome: Outcome) -> dict[str, Cell]:
    """Return the row for all tasks: the only one that says what the accelerator did, which tasks share."""
    metrics, hertz = outcome.metrics, outcome.clock_mhz * 1e6
    tally = metrics.whole
    batches = sum(batch.count for batch in metrics.batches.values())
    makespan = metrics.makespan
    return {
        **_task_row(outcome, ALL, tally),
        "makespan_s": makespan / hertz,
        "utilisation": metrics.busy_cycles / makespan if makespan else None,
        "batches": batches,
        "batches_replayed": metrics.batches_replayed,
        "batch_images_mean": tally.served / batches if batches else None,
        "switches_between": metrics.switches_between,
        "switches_inside": metrics.switches_inside,
        "queue_mean": metrics.queue_cycles / makespan if makespan else None,
        "queue_max": metrics.queue_maximum,
        "dram_words": sum(batch.dram_words for batch in metrics.batches.values()),
    }


def batch_rows(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """Yield a row for every number of images and of different tasks that batches had, outcome by outcome."""
    for outcome in outcomes:
        per_ms, unit = 1000 * outcome.clock_mhz, outcome.prices.quanta_per_unit
        for (images, tasks), batch in sorted(outcome.metrics.batches.items()):
            yield {
                **_name(outcome),
                "images": images,
                "tasks": tasks,
                "batches": batch.count,
                "ms_mean": batch.cycles / (per_ms * batch.count),
                "ms_min": batch.shortest / per_ms,
                "ms_max": batch.longest / per_ms,
                "energy_unit": outcome.prices.unit,
                "energy_mean": batch.quanta / (unit * batch.count),
                "dram_words_mean": batch.dram_words / batch.count,
            }


def _task_row(outcome: Outcome, task: str, tally: TaskTally) -> dict[str, Cell]:
    per_ms = 1000 * outcome.clock_mhz
    energy = tally.quanta / outcome.prices.quanta_per_unit
    seconds = outcome.metrics.makespan / (1000 * per_ms)
    return {
        **_name(outcome),
        "task": task,
        "arrived": tally.arrived,
        "served": tally.served,
        "rejected": tally.rejected,
        **{f"latency_p{percent}_ms": _over(tally.latency.percentile(percent), per_ms) for percent in PERCENTS},
        "latency_max_ms": tally.latency.maximum / per_ms if tally.served else None,
        "latency_mean_ms": _over(tally.latency.mean, per_ms),
        "waiting_mean_ms": _over(tally.waiting.mean, per_ms),
        "throughput_per_s": tally.served / seconds if seconds else None,
        "accounting": outcome.prices.accounting,
        "energy_unit": outcome.prices.unit,
        "energy_per_request": float(energy / tally.served) if tally.served else None,
        "energy_total": float(energy),
    }


def _name(outcome: Outcome) -> dict[str, Cell]:
    return {**outcome.name, "scheme": outcome.case.scheme}


def _over(value: float | None, divisor: float) -> float | None:
    return None if value is None else value / divisor
