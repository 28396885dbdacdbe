"""What a sweep's file may say, and the points that follow from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mimesim.errors import InputError
from mimesim.sweeps import load_sweep
from mimesim.sweeps.columns import VALUES, columns_of
from mimesim.sweeps.design import draw, points_of
from mimesim.sweeps.settings import Range
from tests.sweeps.made import RANGES, described, made, write


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "../up"}, r"sweep\.yaml:1: name = '\.\./up': may hold letters"),
        ({"nam": 1}, r"sweep\.yaml:\d+: nam: unknown key; did you mean 'name'"),
        ({"modes": ["both"]}, r"modes\.0 = 'both': must be"),
        ({"modes": ["singular", "singular"]}, r"sweep\.yaml:\d+: modes\.1 = 'singular': stands twice"),
        ({"cases": []}, r"cases: must have at least 1 entry"),
        ({"images": 0}, r"images = 0: must be at least 1"),
        ({"design": {}}, r"design: must have exactly one of grid, list and random"),
        ({"design": {"grid": {"a": []}}}, r"design\.grid\.a: must have at least 1 entry"),
        ({"design": {"grid": {"=cmd": [1]}}}, r"design\.grid\.=cmd.*must be a key as --set takes it"),
        ({"design": {"grid": {"a/../b": [1]}}}, r"must be a key as --set takes it"),
        ({"design": {"grid": {"a": ["=1+1"]}}}, r"design\.grid\.a\.0 = '=1\+1': '=1\+1' begins like a formula"),
        ({"design": {"grid": {"a": ["x\ny"]}}}, r"not plain text"),
        ({"design": {"grid": {"a": [[{"b": "@x"}]]}}}, r"begins like a formula"),
        ({"design": {"grid": {"a": [float("nan")]}}}, r"neither text nor a finite number"),
        ({"design": {"grid": {name: list(range(1001)) for name in "ab"}}}, r"has 1002001 points"),
        ({"design": {"random": {"n": 1, "ranges": {"a": {}}}}}, r"ranges\.a: must have exactly one of uniform"),
        ({"design": {"random": {"n": 1, "ranges": {"a": {"log": [0, 1]}}}}}, r"must begin above zero"),
        ({"design": {"random": {"n": 1, "ranges": {"a": {"integers": [2, 1]}}}}}, r"to a larger one"),
        ({"objectives": {"minimise": ["cycle"]}}, r"objectives\.minimise\.0 = 'cycle': there is no such column"),
        ({"objectives": {"minimise": ["cycles"], "maximise": ["cycles_per_image"]}}, r"names a column twice"),
        ({"constraints": {"scheme": {"at_most": 1}}}, r"sweep\.yaml:\d+: constraints\.scheme: no such column"),
    ],
)
def test_errors_name_line_and_key(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load_sweep(write(tmp_path, described() | changes))


def test_workloads_are_found_beside_the_file(tmp_path: Path) -> None:
    assert made(tmp_path).source == "tiny"
    assert made(tmp_path, workload="mine.yaml").source == str(tmp_path / "mine.yaml")
    assert made(tmp_path, workload="/a/mine.yaml").source == "/a/mine.yaml"


def test_a_grid_has_every_combination_the_last_key_fastest(tmp_path: Path) -> None:
    sweep = made(tmp_path, {"grid": {"b": [1, 2], "a": ["x", "y", "x"]}})
    assert [tuple(point.items()) for point in points_of(sweep.design)] == [
        (("b", b), ("a", a)) for b in (1, 2) for a in ("x", "y")
    ]
    assert sweep.design.keys == ("b", "a")


def test_a_list_is_taken_as_it_is(tmp_path: Path) -> None:
    points = [{"a": 1}, {"b": 2, "a": 1}, {"a": 1}]
    sweep = made(tmp_path, {"list": points})
    assert points_of(sweep.design) == points[:2]
    assert sweep.design.keys == ("a", "b")
    assert columns_of(("a", "b"))[6:9] == ("a", "b", "feasible")


def test_random_points_depend_on_seed_and_key_alone(tmp_path: Path) -> None:
    def drawn(**changes: Any) -> list[dict[str, Any]]:
        random = {"n": 50, "seed": 1, "ranges": RANGES} | changes
        return points_of(made(tmp_path, {"random": random}).design)

    first = drawn()
    assert drawn() == first
    assert drawn(n=70)[:50] == first
    assert drawn(seed=2) != first
    reversed_keys = drawn(ranges=dict(reversed(RANGES.items())))
    assert reversed_keys == first
    assert [{"hardware.clock_mhz": p["hardware.clock_mhz"]} for p in first] == drawn(
        ranges={"hardware.clock_mhz": RANGES["hardware.clock_mhz"]}
    )
    # By another Python or on another machine, too.
    assert first[0] == {
        "hardware.dram.channels": 4,
        "hardware.grid.channels": 35,
        "hardware.clock_mhz": 312.358,
        "hardware.caches.weights_kib": 41.4923,
    }


def test_ranges_are_filled_to_their_ends() -> None:
    almost = 1 - 2**-53
    assert [draw(Range(integers=(3, 5)), part) for part in (0.0, 0.34, almost)] == [3, 4, 5]
    assert [draw(Range(choice=("a", [1])), part) for part in (0.0, almost)] == ["a", [1]]
    assert [draw(Range(uniform=(1.0, 2.0)), part) for part in (0.0, 0.25, almost)] == [1.0, 1.25, 2.0]
    assert [draw(Range(log=(1.0, 100.0)), part) for part in (0.0, 0.5, almost)] == [1.0, 10.0, 100.0]


def test_constraints(tmp_path: Path) -> None:
    sweep = made(tmp_path, constraints={"cycles": {"at_most": 10}, "overlap": {"at_least": 0.5, "at_most": 0.9}})
    row = dict.fromkeys(VALUES, None) | {"cycles_per_image": 12.0, "overlap": 0.4}
    assert sweep.excess(row) == pytest.approx([2.0, -0.5, 0.1])
    assert not sweep.meets(row)
    assert sweep.meets(row | {"cycles_per_image": 10, "overlap": 0.5})
    assert not sweep.meets(row | {"cycles_per_image": 10, "overlap": None})
