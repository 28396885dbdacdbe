"""Merged networks end to end, from recorded traces: what two tasks share is computed once, and counted as by hand."""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from math import ceil, prod
from pathlib import Path

import numpy as np
import pytest

from mimesim.config import Mode, load_workload
from mimesim.network import Node
from mimesim.recount import recount_macs
from mimesim.results import write_results
from mimesim.simulation import CaseResult, run_workload
from mimesim.trace import Trace

TRACES = Path(__file__).parents[1] / "traces" / "compare-shared" / "merged"
SYSTEMS = ("separate", "pam", "random", "mtz", "trunk")
TASKS = ("clothes", "others")
COMBINATIONS = ("clothes", "others", "clothes+others")
#: Of workloads/hardware/mime65.yaml: positions and channels of the grid, words of a weight bank.
PATCH, COLUMNS, BANK = 4, 64, 72


@cache
def results(mode: Mode, combination: str, images: int = 1) -> dict[str, CaseResult]:
    task = None if "+" in combination else combination
    done = run_workload(load_workload("pam"), mode, task=task, images=images, jobs=1)
    return {result.case: result for result in done}


@cache
def trace(system: str) -> Trace:
    return Trace.load(TRACES / system)


def run_by(system: str, combination: str) -> list[Node]:
    """The layers with weights that the tasks of a combination run, each once."""
    units = {unit for task in combination.split("+") for unit in trace(system).entry(task).units or ()}
    return [node for node in trace(system).network.weight_layers if node.unit in units]


def dense_macs(system: str, node: Node) -> int:
    network = trace(system).network
    inputs = [network.node(name).shape for name in node.inputs]
    if node.kind == "linear":
        return node.shape[0] * sum(map(prod, inputs))
    # padding is multiplied by nobody
    rows, columns = (
        sum(
            1
            for output in range(node.shape[axis])
            for tap in range(node.kernel[axis - 1])
            if 0 <= output * node.stride[axis - 1] - node.padding[axis - 1] + tap < inputs[0][axis]
        )
        for axis in (1, 2)
    )
    return node.shape[0] * rows * columns * sum(shape[0] for shape in inputs)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_macs_are_those_of_the_table_of_combinations(system: str, combination: str) -> None:
    with (TRACES / "combinations.csv").open(encoding="utf-8", newline="") as file:
        (row,) = (
            row
            for row in csv.DictReader(file)
            if (row["system"], row["combination"], row["chosen"]) == (system, combination, "True")
        )
    ledger = results("multitask", combination)[system].ledger
    counted = sum(image.macs_dense for phase in ledger.phases for image in phase.rows.values())
    assert counted == int(row["macs"])


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("combination", COMBINATIONS)
def test_each_layer_is_counted_as_by_hand(system: str, combination: str) -> None:
    result = results("multitask", combination)[system]
    assert result.violations == ()
    found, network = trace(system), trace(system).network
    wanted_macs, wanted_dense, wanted_passes = {}, {}, {}
    picture = result.images[0].image_id
    for node in run_by(system, combination):
        task = next(t for t in combination.split("+") if node.unit in (found.entry(t).units or ()))
        number = list(found.entry(task).image_ids).index(picture)
        macs = 0
        for source in node.inputs:
            mask = found.mask(task, number, source) if network.is_sparse(source) else None
            macs += recount_macs(node, network.node(source).shape, mask)
        wanted_macs[node.name] = macs
        wanted_dense[node.name] = dense_macs(system, node)
        taps = prod(network.node(node.inputs[0]).shape[1:]) if node.kind == "linear" else prod(node.kernel)
        channels = BANK // taps - (BANK // taps) % 8 if BANK // taps >= 8 else BANK // taps
        chunks = sum(ceil(network.node(source).shape[0] / channels) for source in node.inputs)
        tiles = ceil(node.shape[1] / PATCH) * ceil(node.shape[2] / PATCH)
        wanted_passes[node.name] = chunks * tiles * ceil(node.shape[0] / COLUMNS)
    macs, dense, passes = Counter[str](), Counter[str](), Counter[str]()
    for phase in result.ledger.phases:
        macs[phase.layer] += sum(image.macs for image in phase.rows.values())
        dense[phase.layer] += sum(image.macs_dense for image in phase.rows.values())
        passes[phase.layer] += phase.passes
    weighted = {phase.layer for phase in result.ledger.phases if phase.kind in ("conv", "linear")}
    assert weighted == set(wanted_macs)
    for layer in sorted(weighted):
        assert (macs[layer], dense[layer], passes[layer]) == (
            wanted_macs[layer],
            wanted_dense[layer],
            wanted_passes[layer],
        ), layer


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_shared_runs_once_for_both_tasks(system: str) -> None:
    both = results("multitask", "clothes+others")[system]
    alone = [results("multitask", task)[system] for task in TASKS]
    assert [image.task for image in both.images] == ["clothes+others"]
    ran = Counter(phase.layer for phase in both.ledger.phases)
    assert set(ran.values()) == {1}
    shared = {node.name for node in trace(system).network.layers if node.unit == "shared"}
    assert bool(shared) == (system != "separate")
    for layer in ran:
        runs = [sum(phase.layer == layer for phase in one.ledger.phases) for one in alone]
        assert sum(runs) == (2 if layer in shared else 1), layer
    # one after the other, what is shared is paid for twice
    spent = [sum(image.macs for phase in one.ledger.phases for image in phase.rows.values()) for one in (both, *alone)]
    once = sum(image.macs for phase in both.ledger.phases if phase.layer in shared for image in phase.rows.values())
    assert spent[0] == spent[1] + spent[2] - once


@pytest.mark.parametrize("mode", ["singular", "pipelined"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_images_of_different_tasks_mix_as_in_any_pipeline(system: str, mode: Mode) -> None:
    mixed = results(mode, "clothes+others", 2)[system]
    assert mixed.violations == ()
    assert Counter(image.task for image in mixed.images) == {"clothes": 2, "others": 2}
    macs = Counter[int]()
    for phase in mixed.ledger.phases:
        for index, image in phase.rows.items():
            macs[index] += image.macs
    for image in mixed.images:
        if image.number == 0:
            own = results("multitask", image.task)[system].ledger
            assert macs[image.index] == sum(row.macs for phase in own.phases for row in phase.rows.values())


def test_mixed_batches_fetch_what_is_shared_once() -> None:
    def fetched(mode: Mode, layers: set[str]) -> int:
        ledger = results(mode, "clothes+others", 2)["trunk"].ledger
        rows = (row for phase in ledger.phases if phase.layer in layers for row in phase.rows.values())
        return sum(row.words["dram", tensor, "read"] for row in rows for tensor in ("weights", "norm"))

    network = trace("trunk").network
    shared = {node.name for node in network.weight_layers if node.unit == "shared"}
    stored = sum(network.weight_words(network.node(name)) for name in shared)
    norms = sum(network.node(name).shape[0] for name in shared)
    whole_cache = 52 * 512  # words
    assert stored + norms < whole_cache, "the trunk fits the weight cache: nothing is fetched twice in a batch"
    assert fetched("pipelined", shared) == stored + norms


def test_the_counters_in_the_tables_are_the_same(tmp_path: Path) -> None:
    done = results("multitask", "clothes+others")
    workload = load_workload("pam")
    write_results(list(done.values()), workload, tmp_path / "results", {})
    with (tmp_path / "results" / "layers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for system in SYSTEMS:
        mine = [row for row in rows if row["case"] == system]
        assert {row["mode"] for row in mine} == {"multitask"}
        assert {row["task"] for row in mine} <= {"clothes+others", "shared"}
        assert sum(int(row["macs"]) for row in mine) == sum(
            image.macs for phase in done[system].ledger.phases for image in phase.rows.values()
        )


def test_every_scheme_recorded_the_same_pictures_and_says_its_accuracy() -> None:
    workload = load_workload("compare-shared")
    pictures = set()
    for case in workload.cases:
        found = Trace.load(workload.trace_folder(case.trace))
        for task in TASKS:
            entry = found.entry(task)
            pictures.add(tuple(entry.image_ids))
            assert entry.test_images == 2000
            assert entry.test_accuracy is not None
            assert 0.5 < entry.test_accuracy < 1
    assert len(pictures) == 1
    masks = [trace("trunk").mask(task, 0, "conv1.shared") for task in TASKS]
    np.testing.assert_array_equal(*masks)


def test_schemes_run_together_what_is_the_same_for_both_tasks() -> None:
    done = run_workload(load_workload("compare-shared"), "multitask", images=1, jobs=1)
    assert [result.violations for result in done] == [()] * len(done)
    together = {result.case for result in done if [image.task for image in result.images] == ["clothes+others"]}
    assert together == {"heads", *SYSTEMS}
