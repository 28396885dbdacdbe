"""The columns of a sweep's results: what was set, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from mimesim.config.explain import suggest
from mimesim.results.summary import GAINS, SUMMARY

__all__ = ["ENGINE", "ERRORS", "HEAD", "VALUES", "columns_of", "is_measure", "measure", "measures"]

#: Gains compare cases of one run; points are compared by whoever reads the table.
_TEXTS = ("mode", "case", "scheme", "skipping", "bound", "accounting", "energy_unit")
_PER_IMAGE = ("cycles_per_image", "energy_per_image", "dram_words_per_image")

#: Which replay a row is of; *point* counts from 0 in the order of the design, *tasks* are those replayed, joined by +.
HEAD = ("point", "mode", "case", "scheme", "skipping", "tasks")
#: What was counted, in the order of the columns.
VALUES = (*_PER_IMAGE, *(name for name in SUMMARY if name not in HEAD and name not in GAINS))
#: Who replayed a row's replay; empty where a store from before this was kept knew it.
ENGINE = "engine"
ERRORS = ("point", "mode", "case", "settings", "error")

_SHORT = {"cycles": "cycles_per_image", "energy": "energy_per_image", "storage": "bytes_stored"}


def columns_of(keys: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of ``results.csv`` of a sweep over *keys*."""
    return (*HEAD, *(key for key in keys if key not in HEAD), "feasible", *VALUES, "configuration", ENGINE)


def measures() -> tuple[str, ...]:
    """Return the columns that are numbers to be made small or large."""
    return tuple(name for name in VALUES if name not in _TEXTS)


def is_measure(name: str) -> bool:
    """Return whether *name* is a column of numbers, or short for one."""
    return _SHORT.get(name, name) in measures()


def measure(name: str) -> str:
    """Return the column that *name* is, or is short for; raises :class:`ValueError` where there is none."""
    if not is_measure(name):
        raise ValueError(f"there is no such column of numbers; {suggest(name, (*_SHORT, *measures()))}")
    return _SHORT.get(name, name)
