"""What a sweep leaves behind: in order, resumed, shared, when points fail and when the disk refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mimesim.cli import main
from mimesim.errors import InputError
from mimesim.sweeps import Store, Tally, run, run_sweep, search_sweep
from mimesim.sweeps.front import pick
from mimesim.sweeps.points import Job
from mimesim.sweeps.read import read_results
from mimesim.sweeps.replays import Outcome
from tests.sweeps.made import GRID, RANGES, Here, made


def sweep_in(folder: Path, executor: Here, **rest: Any) -> Tally:
    return run_sweep(made(folder, **rest), folder / "out", Store(folder / "points"), executor)[0]


def texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "out").glob("*.csv"))}


def test_rows_are_those_of_run(tmp_path: Path) -> None:
    points = [{"hardware.dram.channels": 2, "tasks": ["cifar10"]}, {"schedule.set_order": "outer"}]
    sweep_in(tmp_path, Here(), design={"list": points}, cases=["case-2", "case-3"], modes=["singular", "pipelined"])
    table = pd.read_csv(tmp_path / "out" / "results.csv")
    assert len(table) == 8
    assert table.columns[:9].tolist() == [
        *("point", "mode", "case", "scheme", "skipping", "tasks"),
        *("hardware.dram.channels", "schedule.set_order", "feasible"),
    ]
    assert table["tasks"].tolist() == ["cifar10"] * 4 + ["cifar10+cifar100+fashion_mnist"] * 4
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["run", "tiny", "--images", "1", "--mode", "singular", "--quiet", "--out", str(tmp_path / "run"),
              "--set", "hardware.dram.channels=2", "--set", "tasks=[cifar10]"])  # fmt: skip
    summary = pd.read_csv(tmp_path / "run" / "summary.csv").set_index("case")
    row = table[(table.point == 0) & (table["mode"] == "singular") & (table.case == "case-3")].iloc[0]
    same = [name for name in summary.columns if name in table.columns]
    assert len(same) == len(summary.columns) - 5  # gains over the first case
    for name in same:
        assert row[name] == summary.loc["case-3", name] or pd.isna(row[name]), name
    assert row.energy_per_image == row.energy_total == summary.loc["case-3", "energy_total"]


def test_an_image_of_several_tasks_is_one(tmp_path: Path) -> None:
    sweep_in(tmp_path, Here(), design={"list": [{}]}, modes=["multitask"], images=2)
    row = pd.read_csv(tmp_path / "out" / "results.csv").iloc[0]
    assert (row.images, row.cycles_per_image) == (6, row.cycles / 2)


def test_an_interrupted_sweep_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = Here()
    sweep_in(tmp_path / "whole", whole)
    assert len(whole.done) == 4
    first = Here(until=3)
    with pytest.raises(KeyboardInterrupt):
        sweep_in(tmp_path, first)
    results = tmp_path / "out" / "results.csv"
    assert len(results.read_text().splitlines()) == 1 + 3
    # And the power went in the middle of a line.
    results.write_bytes(results.read_bytes() + b'1,"pipel')
    assert len(read_results(tmp_path / "out").rows) == 3
    second = Here()
    tally = sweep_in(tmp_path, second)
    assert (tally.known, tally.replayed) == (3, 1)
    assert first.done + second.done == whole.done
    assert texts(tmp_path) == texts(tmp_path / "whole")


def test_sweeps_share_points_and_cases_that_do_the_same(tmp_path: Path) -> None:
    sweep_in(tmp_path, Here())
    other = Here()
    points = [{"hardware.dram.channels": 2}, {"hardware.dram.channels": 2, "cases.case-1.skipping": "gate"}]
    tally = run_sweep(made(tmp_path, {"list": points}), tmp_path / "b", Store(tmp_path / "points"), other)[0]
    assert (tally.known, other.done) == (2, [])
    table = pd.read_csv(tmp_path / "b" / "results.csv")
    assert table.configuration.nunique() == 1
    # Asked for twice, replayed once.
    fresh = Here()
    tally = run_sweep(made(tmp_path, {"list": points}), tmp_path / "c", Store(tmp_path / "none"), fresh)[0]
    assert (tally.replayed, len(fresh.done)) == (2, 1)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"values": {}, "format": "mimesim-point"}', b"\xff"])
def test_a_damaged_point_is_replayed_again(damage: bytes, tmp_path: Path) -> None:
    sweep_in(tmp_path, Here(), design={"list": [{}]})
    (path,) = (tmp_path / "points").glob("*/*.json")
    before = path.read_bytes()
    path.write_bytes(damage)
    again = Here()
    sweep_in(tmp_path, again, design={"list": [{}]})
    assert len(again.done) == 1
    assert path.read_bytes() == before


def test_a_point_that_fails_stops_nothing_else(tmp_path: Path) -> None:
    design = {"grid": {"hardware.caches.weights_kib": [0.1, 52], "schedule.set_order": ["inner", "upside down"]}}
    tally = sweep_in(tmp_path, Here(), design=design)
    assert (tally.rows, tally.replayed, tally.failed) == (4, 1, 3)
    with (tmp_path / "out" / "errors.csv").open(newline="") as file:
        errors = list(csv.DictReader(file))
    assert [int(row["point"]) for row in errors] == [0, 1, 3]
    assert "sweep.yaml:8: hardware.caches.weights_kib = 0.1: case 'case-3': layer" in errors[0]["error"]
    assert "schedule.set_order = 'upside down': must be 'inner' or 'outer'" in errors[1]["error"]
    assert json.loads(errors[1]["settings"]) == {
        "hardware.caches.weights_kib": 0.1,
        "schedule.set_order": "upside down",
    }
    assert pd.read_csv(tmp_path / "out" / "results.csv").point.tolist() == [2]
    # Failed points are tried again: there may be more memory now.
    assert sweep_in(tmp_path, Here(), design=design).known == 1


def test_nothing_runs_where_nothing_can(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no point can be replayed; the first: .*chanels: unknown key"):
        sweep_in(tmp_path, Here(), design={"grid": {"hardware.dram.chanels": [1, 2]}})
    assert not (tmp_path / "out").exists()


def test_faults_of_ours_and_memory_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = iter([MemoryError(), ZeroDivisionError("=cmd|' /C calc'!A0")])

    def fail(*_: object, **__: object) -> None:
        raise next(wrong)

    monkeypatch.setattr("mimesim.sweeps.replays.Runner", fail)
    tally = sweep_in(tmp_path, Here(), design={"list": [{}, {"hardware.dram.channels": 2}]})
    assert tally.failed == 2
    assert tally.first_errors[0] == "out of memory"
    assert tally.first_errors[1].startswith("ZeroDivisionError(")


def test_points_are_read_while_others_are_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    known: list[int] = []
    real = run.resolve

    def counted(*arguments: Any) -> Any:
        read.append(1)
        return real(*arguments)

    class Watching(Here):
        def __call__(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Outcome]]:
            for pair in super().__call__(jobs):
                known.append(len(read))
                yield pair

    monkeypatch.setattr(run, "resolve", counted)
    grid = {"grid": {"hardware.clock_mhz": list(range(100, 130)), "schedule.set_order": ["inner", "outer"]}}
    assert sweep_in(tmp_path, Watching(), design=grid).replayed == 60
    assert known[0] == 32
    assert known == sorted(known)
    table = pd.read_csv(tmp_path / "out" / "results.csv")
    assert table.point.tolist() == list(range(60)), "whatever was handed out first"


def test_what_fails_is_not_tried_for_every_row_that_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("mimesim.sweeps.replays.Runner", fail)
    same = [{"cases.case-1.skipping": "gate", "hardware.dram.channels": 1 + number % 2} for number in range(30)]
    points = [point | {"name": f"p{number}"} for number, point in enumerate(same)]
    executor = Here()
    tally = sweep_in(tmp_path, executor, design={"list": points})
    assert (tally.rows, tally.failed, len(executor.done)) == (30, 30, 2)


def test_errors_are_no_formulas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise InputError("=1+1", "on\nmore\rlines")

    monkeypatch.setattr("mimesim.sweeps.replays.Runner", fail)
    sweep_in(tmp_path, Here(), design={"list": [{}]})
    lines = (tmp_path / "out" / "errors.csv").read_text().splitlines()
    assert lines[1].endswith(",'=1+1: on more lines")


def test_a_worker_of_another_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimesim.sweeps.replays.__version__", "9")
    tally = sweep_in(tmp_path, Here(), design={"list": [{}]})
    assert tally.first_errors[0].startswith("the worker has mimesim 9, not ")


@pytest.mark.parametrize("which", ["points", "results.csv", "begin"])
def test_a_full_disk_is_one_error(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if which == "points":
        (tmp_path / "points").write_text("no folder")
    elif which == "begin":
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine").touch()
    else:
        monkeypatch.setattr("mimesim.sweeps.journal.RESULTS_CSV", "full")
        real = Path.__truediv__
        monkeypatch.setattr(Path, "__truediv__", lambda a, b: Path("/dev/full") if b == "full" else real(a, b))
    rule = "holds 'mine'" if which == "begin" else "cannot be written: "
    with pytest.raises(InputError, match=rule):
        sweep_in(tmp_path, Here())
    monkeypatch.undo()
    if which != "begin":
        (tmp_path / "points").unlink() if which == "points" else None
        assert sweep_in(tmp_path, Here()).failed == 0


def test_lists_nothing_and_truth_are_cells(tmp_path: Path) -> None:
    points = [{"hardware.grid.positions": [2, 2], "hardware.caches.banks": None, "hardware.dram.refresh": False}]
    sweep_in(tmp_path, Here(), design={"list": points})
    (row,) = read_results(tmp_path / "out").rows
    assert (row["hardware.grid.positions"], row["hardware.caches.banks"], row["hardware.dram.refresh"]) == (
        *("[2, 2]", "null", "false"),
    )


def test_a_search_is_seeded_and_goes_on_where_it_was(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    design = {"random": {"n": 14, "seed": 5, "batch": 4, "ranges": RANGES}}
    sweep = made(tmp_path, design, constraints={"cycles": {"at_most": 3000}})
    whole, store = Here(), Store(tmp_path / "points")
    tally, rows = search_sweep(sweep, tmp_path / "a", store, whole)
    assert tally.rows == tally.replayed == len(rows) == len(whole.done)
    killed = Here(until=6)
    with pytest.raises(KeyboardInterrupt):
        search_sweep(sweep, tmp_path / "b", Store(tmp_path / "again"), killed)
    rest = Here()
    tally, _ = search_sweep(sweep, tmp_path / "b", Store(tmp_path / "again"), rest)
    assert tally.known == 6
    assert killed.done + rest.done == whole.done
    assert (tmp_path / "b" / "results.csv").read_bytes() == (tmp_path / "a" / "results.csv").read_bytes()
    # Nothing runs that is known, and another seed looks elsewhere.
    idle = Here()
    search_sweep(sweep, tmp_path / "c", store, idle)
    assert idle.done == []
    other = Here()
    search_sweep(made(tmp_path, {"random": design["random"] | {"seed": 6}}), tmp_path / "d", store, other)
    assert len(set(other.done) - set(whole.done)) > 7


def test_a_search_takes_one_thing_to_look_for(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    random = {"random": {"n": 2, "ranges": RANGES}}
    for design, rest, message in (
        (GRID, {}, r"design: a search takes the ranges of a random design"),
        (random, {"modes": ["singular", "pipelined"]}, r"modes: a search takes one mode"),
        (random, {"cases": ["case-2", "case-3"]}, r"cases: a search takes one case; there are 2"),
        (random, {"objectives": {}}, r"objectives: a search needs an objective"),
    ):
        with pytest.raises(InputError, match=message):
            search_sweep(made(tmp_path, design, **rest), tmp_path / "out", Store(tmp_path / "p"), Here())


def test_the_front_of_what_was_read_is_that_of_what_was_run(tmp_path: Path) -> None:
    sweep = made(tmp_path, cases=["case-2", "case-3"], constraints={"cycles": {"at_most": 9000}})
    _, rows = run_sweep(sweep, tmp_path / "out", Store(tmp_path / "points"), Here())
    known = read_results(tmp_path / "out")
    assert known.keys == sweep.design.keys
    one, other = pick(rows, known.aims), pick(known.rows, known.aims)
    assert one.on_front == other.on_front
    assert [row["configuration"] for row in one.front] == [row["configuration"] for row in other.front]
