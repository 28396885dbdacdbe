"""Tables II and III: sparsity and accuracy."""

from __future__ import annotations

import pytest

from mimesim.paper.claims import CLAIMS, TASKS
from mimesim.paper.lab import Lab
from mimesim.paper.measure import value
from mimesim.trace import SparsityTable


def test_bands_are_around_the_shipped_table() -> None:
    table = SparsityTable.shipped()
    for claim in CLAIMS:
        if claim.measure == "sparsity":
            assert claim.low is not None
            assert claim.high is not None
            given = table.row(claim.scheme, claim.task).sparsity[claim.layer]
            assert (claim.low + claim.high) / 2 == pytest.approx(given, abs=1e-9)
            assert claim.high - claim.low == pytest.approx(0.04 if claim.by_construction else 0.1)


def test_drawn_sparsities_are_the_tables_but_for_sampling(lab: Lab) -> None:
    """On few neurons the error is larger than at full width: five standard errors here."""
    table = SparsityTable.shipped()
    for claim in CLAIMS:
        if claim.measure == "sparsity" and claim.by_construction:
            found = value(lab, claim, "drawn")
            assert found is not None
            given = table.row(claim.scheme, claim.task).sparsity[claim.layer]
            channels, height, width = lab.network.node(claim.layer).shape
            assert abs(found - given) < 5 * (0.25 / (6 * channels * height * width)) ** 0.5


def test_masks_drawn_from_the_tables_are_sparser_under_mime(lab: Lab) -> None:
    for claim in CLAIMS:
        if claim.measure == "sparser_layers" and claim.by_construction:
            found = value(lab, claim, "drawn")
            assert found is not None
            # Of the narrow network's smallest layers a few may come out the other way.
            assert found >= 8


def test_drawn_traces_tell_no_accuracy(lab: Lab) -> None:
    for claim in CLAIMS:
        if claim.measure in ("accuracy", "accuracy_loss"):
            assert claim.masks == ("recorded",)
            assert value(lab, claim, "recorded") is None


def test_accuracies_come_from_the_manifests(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    accuracy = {"conventional": 0.84, "mime": 0.83, "pruned": 0.82}

    class Opened:
        def __init__(self, scheme: str) -> None:
            self.test_accuracy = accuracy[scheme]

        def entry(self, task: str) -> Opened:
            assert task in TASKS
            return self

    monkeypatch.setattr(lab, "opened", lambda _, scheme: Opened(scheme))
    found = {c.quantity: value(lab, c, "recorded") for c in CLAIMS if c.measure.startswith("accuracy")}
    assert found["test accuracy in percent, mime, cifar10"] == pytest.approx(83)
    assert found["points of accuracy lost by MIME, cifar100"] == pytest.approx(1)
    assert found["points of accuracy lost by pruning, cifar10"] == pytest.approx(2)
