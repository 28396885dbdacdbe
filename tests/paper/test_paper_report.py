"""``mimesim paper`` from end to end, on a narrow VGG16 whose "recorded" masks are drawn too."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from mimesim.config import Workload, load_workload
from mimesim.errors import InputError
from mimesim.paper import run_paper
from mimesim.paper.claims import CLAIMS, claims_digest
from mimesim.paper.explain import RULES
from mimesim.paper.lab import Lab
from mimesim.paper.report import Checked, PaperReport, Share
from tests.paper.conftest import CASES, HEAD
from tests.paper.ledgers import claim


def test_every_claim_is_in_the_table_once_for_each_of_its_masks(report: PaperReport, out: Path) -> None:
    table = pd.read_csv(out / "claims.csv")
    assert list(table.columns) == [
        *("figure", "layer", "quantity", "masks", "paper_low", "paper_high", "value", "in_band", "note")
    ]
    assert len(table) == sum(len(c.masks) for c in CLAIMS) == len(report.checked)
    assert set(table["masks"]) == {"drawn", "recorded"}
    # Nothing but the accuracies is without a value.
    assert set(table[table["value"].isna()]["layer"]) == {"network"}
    assert table[table["value"].isna()]["in_band"].isna().all()


@pytest.mark.usefixtures("report")
def test_in_band_follows_from_value_and_bounds(out: Path) -> None:
    table = pd.read_csv(out / "claims.csv").dropna(subset=["value"])
    low, high = table["paper_low"].fillna(float("-inf")), table["paper_high"].fillna(float("inf"))
    inside = (table["value"] >= low) & (table["value"] <= high)
    at_bound = (table["value"] == low) | (table["value"] == high)
    assert ((table["in_band"].astype(str) == "True") == inside)[~at_bound].all()


def test_every_miss_is_explained(report: PaperReport) -> None:
    for row in report.checked:
        if row.holds is False:
            assert row.assumption in row.note
            replayed = bool(row.claim.runs)
            assert bool(row.flips) == replayed
            assert not replayed or "flipped: " in row.note


def test_the_books_balance_in_every_replay(report: PaperReport) -> None:
    assert report.violations == ()
    assert report.runs > 100


@pytest.mark.usefixtures("report")
def test_run_json_says_what_was_run(out: Path) -> None:
    document = json.loads((out / "run.json").read_text())
    assert document["balanced"] is True
    assert document["claims_sha256"] == claims_digest()
    assert document["cases"] == {"case-1": "dense", "case-2": "sparse", "mime": "ours", "pruned": "small"}
    assert "stand-in" in document["masks"]["recorded"]
    assert sorted(document["files"]) == sorted(path.name for path in out.iterdir())


@pytest.mark.usefixtures("report")
def test_the_reviewer_gets_an_answer_to_every_question(out: Path) -> None:
    table = pd.read_csv(out / "reviewer.csv")
    assert list(table.columns) == ["question", "setting", "masks", "quantity", "value", "note"]
    assert list(dict.fromkeys(table["question"])) == [
        "where the gain comes from",
        "memory and skipping",
        "batch size",
        "accounting",
        "pruned weights",
        "DRAM energy",
        "density behind a pool",
        "split of 256 PEs",
        "best schedules",
    ]
    assert table["value"].gt(0).all()
    sizes = table[(table["question"] == "batch size") & (table["masks"] == "drawn")]["setting"].unique()
    assert list(sizes) == ["1 image", "2 images", "4 images", "8 images", "16 images"]
    # There are three recorded images of each task: no batch of 16.
    recorded = table[(table["question"] == "batch size") & (table["masks"] == "recorded")]["setting"].unique()
    assert list(recorded) == ["1 image", "2 images", "4 images", "8 images"]


@pytest.mark.usefixtures("report")
def test_the_steps_of_the_gain_multiply_to_the_whole(out: Path) -> None:
    table = pd.read_csv(out / "reviewer.csv")
    gain = table[table["question"] == "where the gain comes from"]
    for masks in ("drawn", "recorded"):
        for metric in ("energy", "throughput"):
            rows = gain[(gain["masks"] == masks) & gain["quantity"].str.startswith(metric)]
            steps, whole = rows[rows["setting"] != "all three"]["value"], rows[rows["setting"] == "all three"]["value"]
            assert steps.prod() == pytest.approx(whole.item())


@pytest.mark.usefixtures("report")
def test_no_memory_waits_are_left_with_ideal_memory(out: Path) -> None:
    table = pd.read_csv(out / "reviewer.csv")
    notes = table[table["setting"].str.startswith("ideal memory")]["note"]
    assert len(notes) > 0
    assert not any(re.search(r"waits [1-9]\d*% for DRAM", note) for note in notes)
    network = table[table["setting"].str.startswith("ideal memory and weight network")]["note"]
    assert not any(re.search(r"[1-9]\d*% for the weight network", note) for note in network)


def test_the_report_prints_claims_misses_answers_and_shares(report: PaperReport) -> None:
    console = Console(width=240, record=True, file=None, quiet=False, force_terminal=False)
    with console.capture() as capture:
        console.print(report)
    text = capture.get()
    for expected in ("The paper's claims", "Out of band, and why", "What the paper leaves open", "In band", "replays"):
        assert expected in text


def test_the_same_inputs_give_the_same_tables_whatever_the_jobs(
    workload: Workload, report: PaperReport, tmp_path: Path
) -> None:
    again = run_paper(workload, tmp_path / "out", jobs=2, masks=("drawn",), reviewer=False)
    mine = [row.row() for row in again.checked]
    assert mine == [row.row() for row in report.checked if row.masks == "drawn"]
    assert (tmp_path / "out" / "reviewer.csv").read_text().count("\n") == 1


def test_a_claim_missed_on_recorded_masks_only_hangs_on_the_masks(report: PaperReport) -> None:
    values = {(row.claim, row.masks): row for row in report.checked}
    for (claim_, masks), row in values.items():
        if masks == "recorded" and row.holds is False and claim_.runs:
            drawn = values[claim_, "drawn"]
            assert row.flips[0].name == "drawn masks"
            assert row.flips[0].value == drawn.value
            assert row.assumption.startswith("the masks") is bool(drawn.holds)


def test_shares_count_what_has_a_value() -> None:
    ratio = claim("Fig. 7", "conv2")
    rows = [Checked(ratio, "drawn", v) for v in (2.9, 2.7, 1.0, None)] + [Checked(ratio, "recorded", 2.9)]
    assert Share.of("x", "drawn", rows) == Share("x", "drawn", checks=3, strict=1, near=2)


def test_every_claim_has_a_rule_and_only_the_last_catches_all() -> None:
    fallback = RULES[-1]
    for checked in CLAIMS:
        assert next(rule for rule in RULES if rule.applies(checked)) is not fallback


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("  - {name: ours, scheme: mime, trace: mime}\n", ""), "hold no case of scheme 'mime'"),
        (("trace: mime}", "trace: mime, schedule: {tile_order: position_outer}}"), "must be empty"),
        (("trace: mime}", "trace: mime, hardware: {clock_mhz: 100}}"), "must be empty"),
        (("tasks: [cifar10, cifar100, fashion_mnist]", "tasks: [cifar10, cifar100]"), "must be the paper's"),
    ],
)
def test_a_workload_that_is_not_the_papers_is_refused(folder: Path, change: tuple[str, str], rule: str) -> None:
    path = folder / "changed.yaml"
    path.write_text((HEAD + CASES).replace(*change))
    with pytest.raises(InputError, match=rule):
        run_paper(load_workload(path), masks=("drawn",))


def test_a_folder_that_is_not_ours_is_refused_before_anything_runs(workload: Workload, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds 'notes\.txt'"):
        run_paper(workload, tmp_path)


def test_recorded_masks_have_one_size(lab: Lab) -> None:
    with pytest.raises(InputError, match="at the size"):
        lab.trace("recorded", "mime", 64)


def test_both_engines_find_the_same(workload: Workload, tmp_path: Path) -> None:
    pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")
    labs = {engine: Lab(workload, tmp_path, jobs=1, engine=engine) for engine in ("simpy", "compiled")}
    for role in ("case-2/singular", "mime/pipelined", "mime/pipelined/cache-128"):
        found = [lab.result(lab.spec(role, "recorded")) for lab in labs.values()]
        assert found[0] == found[1]
    assert [lab.engines for lab in labs.values()] == [{"simpy": 3}, {"compiled": 3}]
