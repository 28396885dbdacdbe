"""Streams on the cases of the tiny workload: outcomes, tables, who wins."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from mimesim.config import Workload, load_workload
from mimesim.errors import InputError
from mimesim.inputs import Selection, select
from mimesim.serving import (
    Drawn,
    Outcome,
    Poisson,
    Recorded,
    Reference,
    Settings,
    Stream,
    all_violations,
    even_mix,
    measure_reference,
    render_files,
    render_report,
    serve_workload,
)
from mimesim.serving.crossover import METRICS, verdicts
from mimesim.serving.policies import POLICIES

SETTINGS = Settings(tuple(POLICIES), 0.8)


@pytest.fixture(scope="module")
def workload() -> Workload:
    return load_workload("tiny", [])


@pytest.fixture(scope="module")
def selection(workload: Workload) -> Selection:
    return select(workload, "singular", images=1)


@pytest.fixture(scope="module")
def reference(workload: Workload, selection: Selection) -> Reference:
    return measure_reference(workload, selection)


def stream(workload: Workload, reference: Reference, load: float, requests: int = 600, number: int = 0) -> Stream:
    rate = load * reference.requests_per_s
    return Stream(number, Drawn(Poisson(rate), even_mix(workload.tasks), 1, 0, requests), rate, load, "even")


@pytest.fixture(scope="module")
def outcomes(workload: Workload, selection: Selection, reference: Reference) -> list[Outcome]:
    streams = [stream(workload, reference, 0.5, number=0), stream(workload, reference, 1.5, number=1)]
    return serve_workload(workload, selection, streams, SETTINGS)


def tables(
    outcomes: list[Outcome], workload: Workload, selection: Selection, reference: Reference
) -> dict[str, pd.DataFrame]:
    files = render_files(outcomes, workload, selection, SETTINGS, reference, {})
    return {name: pd.read_csv(io.StringIO(text)) for name, text in files.items() if name.endswith(".csv")}


def test_outcomes_come_by_case_stream_and_policy(outcomes: list[Outcome]) -> None:
    names = [(o.case.name, o.stream.number, o.policy) for o in outcomes]
    assert names == [(f"case-{c}", s, p) for c in (1, 2, 3) for s in (0, 1) for p in POLICIES]
    assert [o.shared for o in outcomes] == [False] * 12 + [True] * 6
    assert all_violations(outcomes) == []


def test_processes_change_nothing(
    workload: Workload, selection: Selection, reference: Reference, outcomes: list[Outcome]
) -> None:
    streams = [outcomes[0].stream, outcomes[3].stream]
    apart = serve_workload(workload, selection, streams, SETTINGS, jobs=2)
    files = [render_files(found, workload, selection, SETTINGS, reference, {}) for found in (outcomes, apart)]
    assert files[0] == files[1]


def test_tables_agree_with_each_other_and_add_up(
    outcomes: list[Outcome], workload: Workload, selection: Selection, reference: Reference
) -> None:
    found = tables(outcomes, workload, selection, reference)
    serving, batches = found["serving.csv"], found["batches.csv"]
    key = ["load", "policy", "case"]
    whole = serving[serving.task == "all"].set_index(key)
    tasks = serving[serving.task != "all"].groupby(key)
    for column in ("arrived", "served", "rejected", "energy_total", "throughput_per_s"):
        pd.testing.assert_series_equal(tasks[column].sum().reindex(whole.index), whole[column], check_dtype=False)
    assert (whole.arrived == 600).all()
    assert (whole.energy_per_request * whole.served).tolist() == pytest.approx(whole.energy_total.tolist())
    sums = batches.assign(
        served=batches.images * batches.batches,
        seconds=batches.ms_mean * batches.batches / 1000,
        energy=batches.energy_mean * batches.batches,
        words=batches.dram_words_mean * batches.batches,
    ).groupby(key)
    assert sums.served.sum().reindex(whole.index).tolist() == whole.served.tolist()
    assert sums.batches.sum().reindex(whole.index).tolist() == whole.batches.tolist()
    assert sums.energy.sum().reindex(whole.index).tolist() == pytest.approx(whole.energy_total.tolist())
    assert sums.words.sum().reindex(whole.index).tolist() == pytest.approx(whole.dram_words.tolist())
    busy = (whole.utilisation * whole.makespan_s).tolist()
    assert sums.seconds.sum().reindex(whole.index).tolist() == pytest.approx(busy)
    assert (batches[batches.policy != "fifo"].tasks == 1).all()
    grouped = whole.xs("grouped", level="policy")
    assert (grouped.switches_inside == 0).all()
    assert (whole.utilisation <= 1).all()
    for low, high in (("p50", "p90"), ("p90", "p95"), ("p95", "p99"), ("p99", "max")):
        assert (serving[f"latency_{low}_ms"] <= serving[f"latency_{high}_ms"]).all()


def test_all_cases_meet_the_same_requests(
    outcomes: list[Outcome], workload: Workload, selection: Selection, reference: Reference
) -> None:
    serving = tables(outcomes, workload, selection, reference)["serving.csv"]
    arrived = serving.pivot_table("arrived", ["load", "task"], ["case", "policy"])
    assert (arrived.nunique(axis=1) == 1).all()


def test_the_crossover_names_the_best_of_either_side(
    outcomes: list[Outcome], workload: Workload, selection: Selection, reference: Reference
) -> None:
    found = tables(outcomes, workload, selection, reference)
    crossover, serving = found["crossover.csv"], found["serving.csv"].query("task == 'all'")
    assert len(crossover) == 2 * len(METRICS)
    for row in crossover.itertuples():
        here = serving[serving.load == row.load]
        sides = {"shared": here[here.scheme == "mime"], "separate": here[here.scheme != "mime"]}
        best = {
            side: (rows[row.metric].min() if METRICS[row.metric] else rows[row.metric].max())
            for side, rows in sides.items()
        }
        assert (row.shared_value, row.separate_value) == (best["shared"], best["separate"])
        ratio = best["separate"] / best["shared"] if METRICS[row.metric] else best["shared"] / best["separate"]
        assert row.factor == pytest.approx(max(ratio, 1 / ratio))
        expected = "tie" if row.factor < 1.001 else "shared" if ratio > 1 else "separate"
        assert row.winner == expected
    for verdict in verdicts(outcomes):
        assert (verdict.gain < 1) == (verdict.winner == "separate" and verdict.factor > 1)


def test_one_side_alone_has_no_crossover(workload: Workload, selection: Selection, reference: Reference) -> None:
    alone = serve_workload(workload, selection, [stream(workload, reference, 0.5, 50)], SETTINGS, cases=["case-3"])
    assert list(verdicts(alone)) == []
    assert {outcome.case.name for outcome in alone} == {"case-3"}
    assert len(tables(alone, workload, selection, reference)["crossover.csv"]) == 0


def test_run_json_says_what_decided_the_run(
    outcomes: list[Outcome], workload: Workload, selection: Selection, reference: Reference
) -> None:
    files = render_files(outcomes, workload, selection, SETTINGS, reference, {"wall_seconds": 1.5})
    document = json.loads(files["run.json"])
    assert document["format"] == "mimesim-run"
    assert document["balanced"] is True
    assert document["files"] == ["batches.csv", "crossover.csv", "run.json", "serving.csv"]
    assert document["serving"]["caches"] == "cold"
    assert document["streams"][1]["rate_per_s"] == 1.5 * reference.requests_per_s
    assert document["streams"][1]["seed"] == 0
    assert document["reference"]["case"] == "case-1"
    assert document["measured"]["wall_seconds"] == 1.5
    assert set(document["measured"]["cases"]) == {"case-1", "case-2", "case-3"}


def printed(outcomes: list[Outcome], reference: Reference) -> str:
    console = Console(width=140, file=io.StringIO(), color_system=None)
    console.print(render_report(outcomes, "tiny", SETTINGS, reference, Path("out")))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_summary_shows_cases_of_one_stream_and_winners_of_several(
    outcomes: list[Outcome], reference: Reference
) -> None:
    one = printed([outcome for outcome in outcomes if outcome.stream.number == 0], reference)
    assert "tiny, poisson, 19103.4 requests/s, load 0.5, mix even, cold caches" in one
    assert one.count("deadline ") == 3 + 3  # a row per case, for all tasks and for each of them
    assert "95 % latency: shared weights (case-3" in one
    several = printed(outcomes, reference)
    assert "energy per request: how many times better shared weights are, each side at its best" in several
    assert "balanced: every request" in several


def test_a_broken_book_is_told(outcomes: list[Outcome], reference: Reference) -> None:
    metrics = outcomes[0].metrics
    metrics.tasks["cifar10"].arrived += 1
    try:
        assert all_violations(outcomes) == [
            "case case-1, fifo, load 0.5: requests that arrived, served or rejected: 601 is not 600"
        ]
        assert "NOT BALANCED: case case-1" in printed(outcomes, reference)
    finally:
        metrics.tasks["cifar10"].arrived -= 1


def test_recorded_requests_that_come_at_once(workload: Workload, selection: Selection, tmp_path: Path) -> None:
    path = tmp_path / "burst.csv"
    path.write_text("arrival_s,task\n" + "0,cifar10\n" * 4)
    recorded = Recorded(path, dict.fromkeys(workload.tasks, 1), 1)
    outcomes = serve_workload(workload, selection, [Stream(0, recorded, None, None, "1/0/0")], SETTINGS)
    assert all(outcome.metrics.whole.served == 4 for outcome in outcomes)
    assert all_violations(outcomes) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, "--jobs: 0: must be at least 1"),
        ({"cases": ["case-7"]}, "--case: 'case-7': the workload has no such case; did you mean 'case-"),
    ],
)
def test_bad_options_are_refused(
    workload: Workload, selection: Selection, reference: Reference, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError) as error:
        serve_workload(workload, selection, [stream(workload, reference, 1.0, 5)], SETTINGS, **options)  # type: ignore[arg-type]
    assert str(error.value).startswith(message)


def test_a_hundred_thousand_requests(workload: Workload, selection: Selection, reference: Reference) -> None:
    """Three tasks in batches of up to three images are nine different batches; all others are looked up."""
    settings = Settings(("grouped",), 0.8)
    many = stream(workload, reference, 0.8, 100_000)
    (outcome,) = serve_workload(workload, selection, [many], settings, cases=["case-3"])
    assert outcome.metrics.whole.served == 100_000
    assert outcome.metrics.batches_replayed == 9
    assert all_violations([outcome]) == []
