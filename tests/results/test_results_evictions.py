"""The table of evictions, its sums, and what is said of the caches in the summary."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from mimesim.ledger import CaseLedger, Eviction, EvictionCounts, PhaseRecord
from mimesim.machine import replay
from mimesim.results import render_summary, write_results
from mimesim.results.evictions import EVICTIONS
from mimesim.results.writer import render_files
from mimesim.schemes import Mime
from mimesim.simulation import CaseResult
from tests.replays import SMALL, Settings, plan_tiny
from tests.schedule.small import hardware


@pytest.fixture(scope="module")
def tables(results: list[CaseResult], tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    out = write_results(results, Settings(), tmp_path_factory.mktemp("results") / "tiny", {})
    return {path.stem: pd.read_csv(path) for path in out.glob("*.csv")}


def with_evictions(result: CaseResult, *evictions: tuple[Eviction, EvictionCounts]) -> CaseResult:
    """Return *result* with one phase that evicted this."""
    record = PhaseRecord(0, "conv1", "conv", (0,), end_cycle=10, evictions=dict(evictions))
    record.row(0).busy_cycles = 10
    return replace(result, ledger=CaseLedger(cycles=10, phases=[record]))


def test_columns_and_dtypes(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["evictions"]
    assert tuple(table.columns) == EVICTIONS
    assert not table.isna().any().any()
    assert set(table.at_task_switch) == {0, 1}
    for column in ("batch", "phase", "blocks", "words", "refetched_words"):
        assert table[column].dtype == "int64"
    assert not table.duplicated(list(EVICTIONS[: EVICTIONS.index("blocks")])).any()
    assert (table.blocks > 0).all()
    assert (table.refetched_words <= table.words).all()


def test_the_summary_holds_the_sums(tables: dict[str, pd.DataFrame]) -> None:
    table, summary = tables["evictions"].copy(), tables["summary"].set_index("case")
    table["mine"] = (table.by_task != table.victim_task) & (table.by_task != "shared") & (table.victim_task != "shared")
    for case, rows in table.groupby("case"):
        sums = summary.loc[case]
        assert sums.evicted_words == rows.words.sum()
        assert sums.refetched_words == rows.refetched_words.sum()
        assert sums.refetched_words_at_switches == rows[rows.at_task_switch == 1].refetched_words.sum()
        assert sums.evicted_words_across_tasks == rows[rows.mine].words.sum()
        assert sums.refetched_words_across_tasks == rows[rows.mine].refetched_words.sum()
        assert 0 < sums.refetched_words <= sums.dram_words_read


def test_rows_by_hand(results: list[CaseResult]) -> None:
    made = with_evictions(
        results[0],
        (Eviction("weights", "a", "weights", "b", "conv1", "b", "a"), EvictionCounts(3, 70, 40)),
        (Eviction("weights", "shared", "outputs", "b", "conv1", "b", "a"), EvictionCounts(1, 9, 5)),
        (Eviction("thresholds", "a", "activations", "b", "pool", "a", "a"), EvictionCounts(2, 8, 1)),
    )
    files = render_files([made], Settings(), {})

    head = "pipelined,dense,conventional,0,0,conv1"
    assert files["evictions.csv"].splitlines()[1:] == [
        f"{head},weights,a,weights,b,conv1,b,a,1,3,70,40",
        f"{head},weights,shared,outputs,b,conv1,b,a,1,1,9,5",
        f"{head},thresholds,a,activations,b,pool,a,a,0,2,8,1",
    ]
    cells = dict(zip(*(line.split(",") for line in files["summary.csv"].splitlines()), strict=True))
    assert (cells["evicted_words"], cells["refetched_words"]) == ("87", "46")
    assert cells["refetched_words_at_switches"] == "45"
    assert (cells["evicted_words_across_tasks"], cells["refetched_words_across_tasks"]) == ("78", "41")


def printed(results: list[CaseResult]) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(render_summary(results, Settings(), Path("out/tiny")))
    return capture.get()


def test_the_summary_says_what_tasks_cost_each_other(results: list[CaseResult]) -> None:
    eviction = Eviction("weights", "a", "weights", "b", "conv1", "b", "a")
    text = printed([with_evictions(results[0], (eviction, EvictionCounts(3, 7_000_000, 4_250_000)))])

    assert "evicted by another task and fetched again, Mwords: dense 4.250" in text
    assert "conflicts" not in text
    assert "evicted by" not in printed([with_evictions(results[0])])


def test_conflicts_are_in_the_summary_and_in_run_json(results: list[CaseResult]) -> None:
    machine = hardware(SMALL.model_dump(), {"caches": {"banks": 4, "ports": 1}})
    ledger = replay(plan_tiny(Mime(), "per_position", hardware=machine))
    made = replace(results[0], ledger=ledger)
    files = render_files([made, results[0]], Settings(), {})

    total = ledger.conflicts.total()
    assert total > 0
    assert list(pd.read_csv(StringIO(files["summary.csv"])).cache_conflict_cycles) == [total, 0]
    cases = json.loads(files["run.json"])["cases"]
    assert cases[0]["cache_conflict_cycles"]["weights/noc"] == ledger.conflicts["weights", "noc"]
    assert cases[1]["cache_conflict_cycles"] == {}
    assert "lost to conflicts in the banks of the caches, Mcycles: dense 0.0" in printed([made])
