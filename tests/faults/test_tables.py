"""Tables, summary and picture of an injection whose numbers are worked out by hand."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from mimesim.faults.outcome import BaseLine, CaseFaults, LayerFaults, StoredLayer, Trial, interval
from mimesim.faults.picture import render_picture
from mimesim.faults.report import render_faults
from mimesim.faults.tables import accuracy_rows, render_files


def trial(seed: int, right: int, cleared: int, rate: float = 0.5) -> Trial:
    layers = (LayerFaults("a", "conv1", 4, 100, cleared, 1), LayerFaults("a", "head", 2, 0, 0, 0))
    return Trial("cache", "weights", rate, seed, {"a": right}, layers)


CASE = CaseFaults(
    case="mime",
    title="",
    scheme="mime",
    trace_digest="d" * 64,
    word_bits=16,
    base=(BaseLine("a", 10, 9, 8),),
    stored=(StoredLayer("a", "conv1", 20, 3, 4, 5, 100, 1, 0), StoredLayer("a", "head", 10, 2, 0, 0, 0, 0, 0)),
    trials=(trial(0, 5, 3), trial(1, 7, 5), trial(0, 8, 0, 0.0), trial(1, 8, 0, 0.0)),
)


def test_intervals_are_students() -> None:
    # mean 0.6, deviation 0.1 * sqrt(2), of two: 12.706 * 0.1
    assert interval([0.5, 0.7]) == pytest.approx(1.2706)
    assert interval([0.3, 0.3, 0.3]) == 0
    # deviation 1 of 100: the normal distribution's
    assert interval([-1.0, 1.0] * 50) == pytest.approx(0.196, rel=0.01)


def test_accuracy_is_the_mean_over_seeds_beside_the_base_line() -> None:
    first, second = accuracy_rows([CASE])
    assert first == {
        "case": "mime", "task": "a", "place": "cache", "tensor": "weights", "rate": 0.5, "bits_per_cell": 0, "seeds": 2,
        "images": 10, "accuracy_float": 0.9, "accuracy_stored": 0.8, "accuracy": pytest.approx(0.6),
        "interval": pytest.approx(1.2706), "difference": pytest.approx(-0.2), "flips": 6.0,
        "changed_share": pytest.approx((3 + 1 + 5 + 1) / 200),
    }  # fmt: skip
    assert (second["rate"], second["difference"], second["interval"]) == (0.0, 0.0, 0.0)


def test_cells_of_different_bits_are_not_averaged_together() -> None:
    """Even where the rates are the same."""
    trials = [replace(trial(seed, right, 0), place="envm", bits_per_cell=cell)
              for cell, rights in ((1, (8, 8)), (3, (2, 4))) for seed, right in enumerate(rights)]  # fmt: skip
    rows = list(accuracy_rows([replace(CASE, trials=tuple(trials))]))
    assert [(row["bits_per_cell"], row["accuracy"]) for row in rows] == [(1, 0.8), (3, pytest.approx(0.3))]


def test_files_have_no_holes() -> None:
    files = render_files([CASE], {"request": {"seeds": 2}}, {"accuracy.png": b"picture"})
    assert json.loads(files["run.json"])["files"] == sorted(files)
    for name in ("accuracy.csv", "faults.csv", "stored.csv"):
        text = files[name]
        assert isinstance(text, str)
        assert not pd.read_csv(io.StringIO(text)).isna().any(axis=None)
    faults = pd.read_csv(io.StringIO(str(files["faults.csv"])))
    assert faults["changed_share"].tolist() == [0.04, 0.0, 0.06, 0.0, 0.01, 0.0, 0.01, 0.0]
    assert len(faults) == 8


def test_the_summary_says_what_was_found() -> None:
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(render_faults([CASE], "out/x", ["a.csv", "run.json"]))
    text = console.export_text()
    assert "60.0 ± 127.1" in text
    assert "results in out/x: a.csv, run.json" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("trials", [CASE.trials, CASE.trials[2:]], ids=["rates", "zero only"])
def test_the_picture_is_drawn(trials: tuple[Trial, ...]) -> None:
    pytest.importorskip("matplotlib")
    case = CaseFaults("c", "", "mime", "d", 16, CASE.base, CASE.stored, trials)
    picture = render_picture([case, case])
    assert picture.startswith(b"\x89PNG")
    assert picture == render_picture([case, case])
