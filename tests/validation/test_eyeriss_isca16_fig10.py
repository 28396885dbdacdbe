"""Eyeriss, ISCA 2016, Fig. 10: multiplications and scratchpads to the last digit, DRAM within a factor."""

from __future__ import annotations

import csv

import pytest

from tests.validation.eyeriss import LAYERS, Layer, Measured, measure
from tests.validation.pages import EYERISS

KEPT = {row["layer"]: row for row in csv.DictReader(EYERISS.read_text(encoding="utf-8").splitlines())}


@pytest.fixture(scope="module", params=LAYERS, ids=[layer.name for layer in LAYERS])
def layer(request: pytest.FixtureRequest) -> Layer:
    found: Layer = request.param
    return found


@pytest.fixture(scope="module")
def measured(layer: Layer) -> Measured:
    return measure(layer, KEPT[layer.name]["schedule"])


def test_multiplications_are_the_published_ones(layer: Layer, measured: Measured) -> None:
    assert round(measured.alu, 2) == layer.alu


def test_scratchpads_are_the_published_ones(layer: Layer, measured: Measured) -> None:
    assert round(measured.reg, 2) == layer.reg


def test_dram_lies_between_what_must_move_and_four_times_the_published(layer: Layer, measured: Measured) -> None:
    """Row stationary keeps a part of the batch in the buffer; this machine streams it past every tile."""
    assert measured.least_dram <= measured.dram <= 4 * layer.dram


def test_the_page_shows_what_is_measured(measured: Measured) -> None:
    kept = KEPT[measured.layer]
    for name in ("alu", "dram", "cache", "reg", "least_dram"):
        assert float(kept[name]) == pytest.approx(getattr(measured, name), rel=1e-12)
