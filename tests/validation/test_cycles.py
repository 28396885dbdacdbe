"""The page's cycles are the replay's, and the replay's are the closed form's."""

from __future__ import annotations

import csv

from tests.validation.cycles import dense_cycles
from tests.validation.pages import CYCLES


def test_the_page_shows_what_is_measured() -> None:
    measured = dense_cycles()
    kept = [tuple(row.values()) for row in csv.DictReader(CYCLES.read_text(encoding="utf-8").splitlines())]
    assert kept == [tuple(str(cell) for cell in row) for row in measured]
    assert [row.busy for row in measured] == [row.closed_form for row in measured]
    # Without stalls, a layer begins with two cycles of waiting (the first with three) and ends with three.
    assert [row.elapsed - row.busy for row in measured] == [6] + [5] * (len(measured) - 1)
