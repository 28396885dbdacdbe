"""What lies in on-chip non-volatile memory, the area it takes, and how it wears (columns: ``docs/results.md``)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from mimesim.results.csv_file import Cell

if TYPE_CHECKING:
    from mimesim.simulation import CaseResult

__all__ = ["ENVM_SUMS", "envm_sums"]

ENVM_SUMS = (
    *("envm_words", "envm_mm2", "envm_words_written", "envm_write_cycles", "envm_most_writes", "task_switches"),
    *("envm_lifetime_switches", "envm_lifetime_years"),
)

_SECONDS_A_YEAR = 365.25 * 24 * 3600


def envm_sums(result: CaseResult) -> dict[str, Cell]:
    """Return the cells of :data:`ENVM_SUMS`; all but the switches are empty where the machine has no such memory.

    A switch is an image of another task than the image before, the first image included. The most written place of
    the array stands for its lifetime: its cells were written *most_writes* times in so many switches.
    """
    images, envm = result.images, result.hardware.envm
    switches = 1 + sum(before.task != after.task for before, after in pairwise(images)) if images else 0
    cells: dict[str, Cell] = dict.fromkeys(ENVM_SUMS)
    cells["task_switches"] = switches
    if envm is None:
        return cells
    use = result.ledger.envm
    words = result.ledger.words()
    lifetime = None
    if envm.endurance is not None and use.most_writes:
        lifetime = envm.endurance * switches / use.most_writes
    return cells | {
        "envm_words": use.words,
        "envm_mm2": envm.mm2(use.words, result.hardware.word_bits),
        "envm_words_written": sum(
            count for (level, _, way), count in words.items() if (level, way) == ("envm", "write")
        ),
        "envm_write_cycles": use.write_cycles,
        "envm_most_writes": use.most_writes,
        "envm_lifetime_switches": lifetime,
        "envm_lifetime_years": None if lifetime is None else lifetime / envm.switches_per_second / _SECONDS_A_YEAR,
    }
