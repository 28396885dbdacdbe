"""Who replayed a point: noted with it, kept with it, and no part of what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import mimesim
from mimesim.engine import Engine
from mimesim.sweeps import Store, run_sweep
from mimesim.sweeps.read import read_results
from tests.sweeps.made import GRID, Here, described, made, write

numba = pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")


def swept(folder: Path, out: str, points: str, engine: Engine = "auto", **rest: object) -> tuple[pd.DataFrame, Here]:
    executor = Here(engine=engine)
    run_sweep(made(folder, **rest), folder / out, Store(folder / points), executor)
    return pd.read_csv(folder / out / "results.csv", keep_default_na=False), executor


def test_engines_find_the_same_under_the_same_hashes(tmp_path: Path) -> None:
    engines: tuple[Engine, ...] = ("simpy", "compiled", "auto")
    found = {engine: swept(tmp_path, engine, f"points-{engine}", engine)[0] for engine in engines}
    assert [set(table.pop("engine")) for table in found.values()] == [{"simpy"}, {"compiled"}, {"compiled"}]
    pd.testing.assert_frame_equal(found["simpy"], found["compiled"])
    pd.testing.assert_frame_equal(found["simpy"], found["auto"])


def test_what_was_replayed_keeps_who_did_it_and_a_mixture_shows(tmp_path: Path) -> None:
    half = {"grid": {"hardware.dram.channels": [1], "schedule.set_order": ["inner", "outer"]}}
    swept(tmp_path, "half", "points", "simpy", design=half)
    mixed, executor = swept(tmp_path, "mixed", "points", "compiled")
    assert len(executor.done) == 2
    assert mixed["engine"].tolist() == ["simpy", "simpy", "compiled", "compiled"]
    document = json.loads((tmp_path / "mixed" / "run.json").read_text())
    assert document["measured"]["engines"] == {"compiled": 2, "simpy": 2}
    # Whatever is asked for, what is known is not replayed again.
    again, executor = swept(tmp_path, "mixed", "points", "simpy")
    assert executor.done == []
    pd.testing.assert_frame_equal(again, mixed)


def test_stores_and_results_from_before_it_was_noted(tmp_path: Path) -> None:
    swept(tmp_path, "out", "points")
    for path in (tmp_path / "points").glob("*/*.json"):
        document = json.loads(path.read_text())
        assert document.pop("engine") == "compiled"
        path.write_text(json.dumps(document))
    table, executor = swept(tmp_path, "out", "points")
    assert executor.done == []
    assert table["engine"].tolist() == [""] * 4
    results = tmp_path / "out" / "results.csv"
    new = read_results(tmp_path / "out")
    lines = results.read_text().splitlines()
    results.write_text("".join(f"{line.rpartition(',')[0]}\n" for line in lines))
    old = read_results(tmp_path / "out")
    assert old.columns == new.columns[:-1]
    assert [{**row, "engine": ""} for row in old.rows] == list(new.rows)


def test_one_that_nobody_knows_is_damage(tmp_path: Path) -> None:
    swept(tmp_path, "out", "points", design={"list": [{}]})
    (path,) = (tmp_path / "points").glob("*/*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"engine": "=1+1"}))
    table, executor = swept(tmp_path, "out", "points", design={"list": [{}]})
    assert len(executor.done) == 1
    assert table["engine"].tolist() == ["compiled"]


def test_what_is_not_covered_fails_or_falls_back(tmp_path: Path) -> None:
    points = {"list": [{}, {"hardware.clock_mhz": 199.999999}]}
    table, _ = swept(tmp_path, "auto", "auto-points", "auto", design=points)
    assert table["engine"].tolist() == ["compiled", "simpy"]
    table, _ = swept(tmp_path, "compiled", "compiled-points", "compiled", design=points)
    assert table["point"].tolist() == [0]
    errors = pd.read_csv(tmp_path / "compiled" / "errors.csv")
    assert "engine = 'compiled': does not cover clocks without a small common measure" in errors["error"][0]


def test_from_python(tmp_path: Path) -> None:
    file = write(tmp_path, described(GRID))
    table = mimesim.sweep(file, tmp_path / "out", points=tmp_path / "points", jobs=1, cache="off", engine="simpy")
    assert set(table["engine"]) == {"simpy"}
    one, other = (mimesim.run("tiny", images=1, jobs=1, engine=engine) for engine in ("simpy", "compiled"))
    assert {case.engine for case in other.cases} == {"compiled"}
    pd.testing.assert_frame_equal(one.summary, other.summary)
