"""The list of claims: complete, well-formed, and unchanged since before the first result."""

from __future__ import annotations

from collections import Counter

import pytest

from mimesim.paper.claims import CLAIMS, EVEN_LAYERS, TABLE_LAYERS, TASKS, Claim, claims_digest

#: Committed with the list, before any result. A change of it must be argued for in the commit that makes it.
DIGEST = "c843bfa0de0cff50627d47692c727c74a9158cf975729e8f2e1ee9127a1ba0aa"


def test_the_list_has_not_drifted() -> None:
    assert claims_digest() == DIGEST


def test_every_figure_and_table_has_its_claims() -> None:
    assert Counter(claim.figure for claim in CLAIMS) == {
        "Fig. 4": 12,
        "Fig. 5": 18,
        "Fig. 6": 14,
        "Fig. 7": 6,
        "Fig. 8": 14,
        "Fig. 9": 30,
        "Table II": 69,
        "Table III": 69,
        "Tables II, III": 12,
    }


@pytest.mark.parametrize(
    ("figure", "layers", "low", "high"),
    [
        ("Fig. 5", EVEN_LAYERS, 1.8, 2.5),
        ("Fig. 5", EVEN_LAYERS, 1.07, 1.30),
        ("Fig. 6", EVEN_LAYERS, 2.4, 3.1),
        ("Fig. 6", EVEN_LAYERS, 1.3, 2.4),
        ("Fig. 7", EVEN_LAYERS, 2.8, 3.0),
        ("Fig. 8", ("conv5", "conv6", "conv8", "conv10", "conv12"), 1.36, 2.0),
        ("Fig. 8", ("conv2", "conv4"), None, 1.0),
        ("Fig. 9", ("conv5", "conv6", "conv7", "conv8", "conv9", "conv10"), 1.26, 1.41),
    ],
)
def test_the_ranges_of_the_text_are_checked_in_every_layer(
    figure: str, layers: tuple[str, ...], low: float | None, high: float
) -> None:
    found = [c.layer for c in CLAIMS if c.figure == figure and c.kind == "number" and (c.low, c.high) == (low, high)]
    assert found == list(layers)


def test_claims_are_unique_per_masks_and_well_formed() -> None:
    keys = [(c.figure, c.layer, c.quantity, masks) for c in CLAIMS for masks in c.masks]
    assert len(set(keys)) == len(keys)
    for claim in CLAIMS:
        assert claim.low is not None or claim.high is not None
        assert claim.low is None or claim.high is None or claim.low <= claim.high
        assert claim.basis
        assert bool(claim.runs) == (
            claim.measure not in ("storage", "thresholds_per_weight", "sparsity", "sparser_layers")
            and not claim.measure.startswith("accuracy")
        )


def test_tables_are_checked_for_every_layer_and_task() -> None:
    for figure, scheme in (("Table II", "mime"), ("Table III", "conventional")):
        for masks in ("drawn", "recorded"):
            found = {(c.task, c.layer) for c in CLAIMS if c.figure == figure and masks in c.masks}
            wanted = {(task, layer) for task in TASKS for layer in TABLE_LAYERS}
            assert found - {(task, "network") for task in TASKS} == wanted
        assert all(c.scheme == scheme for c in CLAIMS if c.figure == figure)


def test_a_band_holds_its_bounds_unless_it_excludes_them() -> None:
    band = Claim("f", "l", "q", 1.0, 2.0, "energy", "b", ("a", "b"))
    assert [band.holds(v) for v in (0.99, 1.0, 2.0, 2.01)] == [False, True, True, False]
    assert [band.nearly(v) for v in (0.94, 0.96, 2.09, 2.11)] == [False, True, True, False]
    above = Claim("f", "l", "q", 1.0, None, "energy", "b", ("a", "b"), exclusive=True)
    assert [above.holds(v) for v in (1.0, 1.001, 99.0)] == [False, True, True]
