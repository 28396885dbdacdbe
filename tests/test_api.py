"""mimesim from Python gives what the command line writes."""

from __future__ import annotations

import doctest
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mimesim
from mimesim import Results, api
from mimesim.cli.main import _status
from mimesim.config import loader
from mimesim.results import TABLES
from mimesim.timeline import Timelines, Window


@pytest.fixture(scope="module")
def results() -> Results:
    return mimesim.run("tiny", images=2, jobs=1, overrides={"hardware.dram.channels": 2})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same run by the command line."""
    out = tmp_path_factory.mktemp("written") / "out"
    arguments = ["run", "tiny", "--images", "2", "--jobs", "1", "--set", "hardware.dram.channels=2", "--quiet"]
    assert _status([*arguments, "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("module", [api, loader])
def test_the_examples_of_the_docstrings_run(module: object) -> None:
    outcome = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)  # type: ignore[arg-type]
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("name", TABLES)
def test_a_frame_is_the_file_read_back(results: Results, written: Path, name: str) -> None:
    path = written / f"{name}.csv"
    frame = getattr(results, name)
    pd.testing.assert_frame_equal(frame, pd.read_csv(path), check_exact=True)
    assert getattr(results, name) is frame


def test_there_is_an_attribute_for_every_file(written: Path) -> None:
    files = {path.stem for path in written.glob("*.csv")}
    assert files == set(TABLES) == {name for name in TABLES if hasattr(Results, name)}


def test_saved_is_what_the_command_writes(results: Results, written: Path, tmp_path: Path) -> None:
    # What is done to a frame changes no file.
    results.layers["mine"] = 1
    del results.layers
    assert results.save(tmp_path / "saved") == tmp_path / "saved"
    assert {path.name for path in (tmp_path / "saved").iterdir()} == {path.name for path in written.iterdir()}
    for path in written.glob("*.csv"):
        assert (tmp_path / "saved" / path.name).read_bytes() == path.read_bytes()
    ours, theirs = (json.loads((folder / "run.json").read_text()) for folder in (tmp_path / "saved", written))
    assert ours.pop("measured").keys() == theirs.pop("measured").keys()
    assert ours == theirs


def test_saving_over_something_else_is_refused(results: Results, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(mimesim.InputError, match=r"holds 'thesis\.txt'"):
        results.save(tmp_path)


def test_a_loaded_workload_runs_as_its_file_does(results: Results) -> None:
    workload = mimesim.load_workload("tiny", {"hardware.dram.channels": np.int64(2)})
    again = mimesim.run(workload, images=2, jobs=1)
    assert again.workload == results.workload
    pd.testing.assert_frame_equal(again.summary, results.summary)


def test_processes_change_nothing(results: Results) -> None:
    told: list[tuple[str, int, int]] = []
    apart = mimesim.run(
        results.workload, images=2, jobs=2, progress=lambda case, begun, passes: told.append((case, begun, passes))
    )
    pd.testing.assert_frame_equal(apart.accesses, results.accesses)
    for case in results.summary.itertuples():
        assert (case.case, case.passes, case.passes) in told


def test_requests_are_written(tmp_path: Path) -> None:
    mimesim.run("tiny", images=1, jobs=1, task="cifar10", mode="singular", dram_traces=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case-1.trace", "case-2.trace", "case-3.trace"]


def test_a_timeline_is_written_whole_or_of_some_layers(tmp_path: Path) -> None:
    pytest.importorskip("perfetto")
    whole, part = tmp_path / "whole.pftrace", tmp_path / "part.pftrace"
    chosen = Timelines(part, Window(layers=frozenset({"conv2"})), frozenset({"case-3"}))
    for timeline in (str(whole), chosen):
        mimesim.run("tiny", images=1, jobs=1, timeline=timeline)
    assert 0 < part.stat().st_size < whole.stat().st_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"overrides": {"hardware.grid.chanels": 32}},
            r"^overrides: hardware\.grid\.chanels: unknown key; did you mean",
        ),
        ({"overrides": {"hardware..grid": 1}}, r"^overrides: hardware\.\.grid: must be a dotted key"),
        ({"overrides": "hardware.dram.channels=2"}, r"^overrides: .* must be a mapping"),
        ({"images": 0}, r"^run: images = 0: must be at least 1"),
        ({"images": 100}, r"images_per_task = 100: must be at most 3"),
        ({"mode": "parallel"}, r"^run: mode = 'parallel': must be one of"),
        ({"task": "mnist"}, r"^run: task = 'mnist': the workload has no such task"),
        ({"jobs": 0}, r"^run: jobs = 0: must be at least 1"),
        ({"workload": "tinny"}, r"did you mean 'tiny'"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(mimesim.InputError, match=message):
        mimesim.run(**{"workload": "tiny", **arguments})  # type: ignore[arg-type]


def test_overrides_are_for_whoever_reads_the_file() -> None:
    with pytest.raises(mimesim.InputError, match="give them to load_workload"):
        mimesim.run(mimesim.load_workload("tiny"), overrides={"batch_images": 1})


def test_a_table_that_is_none(results: Results) -> None:
    with pytest.raises(mimesim.InputError, match=r"table: 'layer': is none of layers, accesses"):
        results.table("layer")


def test_every_name_is_there_and_can_be_completed() -> None:
    assert {name for name in mimesim.__all__ if not hasattr(mimesim, name)} == set()
    assert set(mimesim.__all__) <= set(dir(mimesim))
    with pytest.raises(AttributeError, match="has no attribute 'sweeep'"):
        _ = mimesim.sweeep


def test_importing_is_quick_and_tables_alone_take_pandas() -> None:
    script = """
import sys
import mimesim
heavy = {"numpy", "pydantic", "simpy", "yaml", "pandas", "torch", "rich", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
results = mimesim.run("tiny", images=1, jobs=1)
assert not {"pandas", "torch", "rich", "matplotlib"} & set(sys.modules)
results.summary
assert not {"torch", "rich", "matplotlib"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
