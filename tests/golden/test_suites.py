"""The shipped comparisons, replayed from their recordings: balanced, on the same images, with the kept results.

A change that is meant: ``pytest tests/golden --regen-golden``, then look at ``git diff tests/golden``.
"""

from __future__ import annotations

from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from mimesim.config import load_workload
from mimesim.config.schedule import Mode
from mimesim.inputs import load_traces
from mimesim.results.writer import render_files
from mimesim.simulation import run_workload

HERE = Path(__file__).parent
MODES: tuple[Mode, Mode] = ("singular", "pipelined")
SUITES = ("compare", "memti", "dvn")
#: Those whose tasks are on the same pictures, so that several can be served at once.
SAME_PICTURES = ("pam", "compare-shared", "compare-shared-cifar100")
RUNS = [
    *((suite, mode) for suite in (*SUITES, *SAME_PICTURES) for mode in MODES),
    *((suite, "multitask") for suite in SAME_PICTURES),
]
#: What tells the schemes apart, and is little enough to be looked at.
KEPT = [
    *("case", "scheme", "images", "cycles", "macs", "dram_words_weights", "dram_words_index", "dram_words_norm"),
    *("dram_words_thresholds", "dram_words", "refetched_words_across_tasks", "bytes_stored", "energy_total"),
]
#: Those that run the layers of one network, in the order of what they store.
STORED = ("heads", "mime-channel", "bn_only", "packnet", "lora", "piggyback", "memti", "mime", "conventional")


@cache
def table(suite: str, mode: Mode) -> pd.DataFrame:
    workload = load_workload(suite)
    results = run_workload(workload, mode, jobs=1)
    assert {result.case: result.violations for result in results} == {case.name: () for case in workload.cases}
    return pd.read_csv(StringIO(render_files(results, workload, {})["summary.csv"])).set_index("case", drop=False)


@pytest.mark.parametrize(("suite", "mode"), RUNS)
def test_results_are_as_they_were(suite: str, mode: Mode, pytestconfig: pytest.Config) -> None:
    kept = HERE / mode / f"suite-{suite}.csv"
    text = table(suite, mode)[KEPT].to_csv(index=False, lineterminator="\n")
    if pytestconfig.getoption("--regen-golden"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text, newline="")
    assert text == kept.read_bytes().decode(), f"{mode}/{kept.name} has changed"


@pytest.mark.parametrize("suite", SUITES)
def test_every_case_replays_the_same_images_and_knows_its_accuracy(suite: str) -> None:
    workload = load_workload(suite)
    traces = load_traces(workload)
    for task in workload.tasks:
        entries = [trace.entry(task) for trace in traces.values()]
        for one, other in pairwise(entries):
            assert (one.image_ids, one.labels, one.classes) == (other.image_ids, other.labels, other.classes)
        for entry in entries:
            assert entry.images == workload.batch_images
            assert entry.test_images == 2000
            assert entry.test_accuracy is not None
            assert 5 / entry.classes < entry.test_accuracy < 1


@pytest.mark.parametrize("mode", MODES)
def test_what_tasks_share_is_stored_and_fetched_once(mode: Mode) -> None:
    found = table("compare", mode)
    stored = found["bytes_stored"]
    assert list(stored[list(STORED)].sort_values().index) == list(STORED)
    assert stored["pruned"] == stored["conventional"]
    assert stored["pruned-bitmap"] < stored["pruned"]
    switched = found["refetched_words_across_tasks"]
    if mode == "pipelined":
        assert switched["conventional"] > switched["heads"]
        fetched = found["dram_words_weights"]
        assert fetched["conventional"] > 2 * fetched["heads"]


@pytest.mark.parametrize("mode", MODES)
def test_what_lies_on_the_chip_is_not_fetched(mode: Mode) -> None:
    found = table("memti", mode)
    for case in ("memti", "memti-wide"):
        assert found.loc[case, "dram_words_weights"] == 0
        assert found.loc[case, "dram_words_norm"] == 0
        assert found.loc[case, "energy_envm"] > 0
        assert found.loc[case, "macs"] == found.loc["memti-dram", "macs"]
    assert found.loc["memti-wide", "cycles"] <= found.loc["memti", "cycles"]
    assert found.loc["memti-dram", "dram_words_weights"] > 0
    rewritten, resident = found.loc["memti-rewrite"], found.loc["memti"]
    assert rewritten["envm_words"] < resident["envm_words"]
    assert rewritten["envm_words_written"] > 0 == resident["envm_words_written"]
    assert rewritten["cycles"] > resident["cycles"]


@pytest.mark.parametrize("mode", MODES)
def test_every_level_costs_more_than_the_last(mode: Mode) -> None:
    found = table("dvn", mode).loc[["level-1", "level-2", "level-3"]]
    for column in ("cycles", "macs", "dram_words", "energy_total"):
        assert found[column].is_monotonic_increasing, column
    assert found["bytes_stored"].nunique() == 1 or found["bytes_stored"].is_monotonic_increasing


def test_together_what_is_shared_is_paid_once() -> None:
    together, apart = (table("compare-shared", mode) for mode in ("multitask", "singular"))
    # two pictures in a batch, and three
    ratio = (together["cycles"] / 2) / (apart["cycles"] / 3)
    for case in ("heads", "pam", "random", "trunk"):
        assert ratio[case] < 0.6, case
    for case in ("conventional", "mime", "bn_only", "piggyback", "lora"):
        assert ratio[case] > 0.9, case
    # the neurons of a task's own are few, and their passes are as long as any
    assert 0.6 < ratio["mtz"] < 0.9
