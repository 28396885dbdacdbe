"""The page's distances between the closed form of DRAM and the controller are those of a run."""

from __future__ import annotations

import csv

import pytest

from benchmarks.dram_form import differences, requests_of
from mimesim.dram import load_standard
from tests.validation.pages import DRAM

KEPT = {(row["standard"], row["trace"]): row for row in csv.DictReader(DRAM.read_text(encoding="utf-8").splitlines())}


@pytest.mark.parametrize("standard", ["DDR3-1600", "DDR4-2400", "HBM2"])
def test_the_page_shows_what_is_measured(standard: str) -> None:
    part = load_standard(standard)
    for label, requests in requests_of("tiny", (f"hardware.dram.standard={standard}",), (None,)):
        row = list(KEPT[standard, label].values())
        assert int(row[2]) == len(requests)
        measured = differences(part, requests)
        assert [float(cell) if cell else None for cell in row[3:]] == pytest.approx(measured, rel=1e-12)


def test_how_far_the_closed_form_lies_from_the_controller() -> None:
    """What the page says in words: as a run asks, the end hardly moves; latencies are up to 60 % too long."""
    assert len(KEPT) == 25
    for row in KEPT.values():
        assert abs(float(row["clocks_percent"])) < 0.1
        assert -1 < float(row["mean_latency_percent"]) < 61
        assert 0 < float(row["saturated_clocks_percent"]) < 54
