"""Who evicted whom: a table, and its sums for the summary (every column is explained in ``docs/results.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mimesim.ledger import CaseLedger, Eviction, EvictionCounts
from mimesim.results.csv_file import Row

if TYPE_CHECKING:
    from mimesim.simulation import CaseResult

__all__ = ["EVICTIONS", "EVICTION_SUMS", "eviction_sums", "evictions_rows"]

_COUNTS = ("blocks", "words", "refetched_words")

EVICTIONS = (
    *("mode", "case", "scheme", "batch", "phase", "layer"),
    *("by_kind", "by_task", "victim_kind", "victim_task", "victim_layer"),
    *("from_task", "to_task", "at_task_switch", *_COUNTS),
)

#: In ``summary.csv``.
EVICTION_SUMS = (
    *("evicted_words", "refetched_words", "refetched_words_at_switches"),
    *("evicted_words_across_tasks", "refetched_words_across_tasks"),
)


def evictions_rows(results: Sequence[CaseResult]) -> Iterator[Row]:
    """One row per case, phase, kinds and tasks of evictor and victim, and pair of tasks that follow each other."""
    for result in results:
        for number, phase in enumerate(result.ledger.phases):
            for eviction, counts in phase.evictions.items():
                yield {
                    "mode": result.mode,
                    "case": result.case,
                    "scheme": result.scheme,
                    "batch": phase.batch,
                    "phase": number,
                    "layer": phase.layer,
                    **eviction._asdict(),
                    "at_task_switch": int(eviction.at_task_switch),
                    **{name: getattr(counts, name) for name in _COUNTS},
                }


def eviction_sums(ledger: CaseLedger) -> dict[str, int]:
    """Return the cells of :data:`EVICTION_SUMS`."""
    found: list[tuple[Eviction, EvictionCounts]] = [
        entry for phase in ledger.phases for entry in phase.evictions.items()
    ]
    across = [counts for eviction, counts in found if eviction.across_tasks]
    return {
        "evicted_words": sum(counts.words for _, counts in found),
        "refetched_words": sum(counts.refetched_words for _, counts in found),
        "refetched_words_at_switches": sum(
            counts.refetched_words for eviction, counts in found if eviction.at_task_switch
        ),
        "evicted_words_across_tasks": sum(counts.words for counts in across),
        "refetched_words_across_tasks": sum(counts.refetched_words for counts in across),
    }
