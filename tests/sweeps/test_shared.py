"""What points have in common is made once, and none of them sees what another one was replayed on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mimesim.config import Hardware
from mimesim.engine import Engine
from mimesim.schedule.shaping import Shaping
from mimesim.sweeps.design import points_of
from mimesim.sweeps.points import Job, Shelf, resolve
from mimesim.sweeps.replays import Replays
from tests.schedule.small import hardware
from tests.sweeps.made import made

#: What shapes do not depend on, in an order in which each point differs from the last one in something else.
POINTS: list[dict[str, Any]] = [
    {},
    {"hardware.dram.channels": 2},
    {"hardware.caches.weights_kib": 20, "hardware.caches.write_policy": "write_back"},
    {"hardware.caches.organisation": "unified", "schedule.batch_order": "image_major"},
    {"schedule.batch_order": "image_major", "hardware.caches.write_policy": "write_back"},
    {"hardware.clock_mhz": 100, "schedule.set_order": "outer"},
    {"cases.case-3.skipping": "lockstep"},
    {"cases.case-3.options.granularity": "channel"},
    {"tasks": ["cifar100", "cifar10"]},
    {"schedule.barrier": "tile", "hardware.compare_cycles": 7},
    {"hardware.noc.output_words_per_cycle": 1},
    {"hardware.grid.channels": 16},
    {},
]


def jobs(folder: Path, **rest: Any) -> list[Job]:
    sweep, shelf = made(folder, {"list": POINTS[:-1]}, **rest), Shelf()
    points = [*points_of(sweep.design), {}]
    return [entry.job for n, point in enumerate(points) for entry in resolve(sweep, n, point, shelf) if entry.job]


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_points_that_share_find_what_each_finds_alone(engine: Engine, tmp_path: Path) -> None:
    if engine == "compiled":
        pytest.importorskip("numba", reason="THE COMPILED ENGINE IS NOT TESTED: numba is not installed")
    together = Replays(tmp_path / "cache", engine)
    found = [(together(job), Replays(None, engine)(job)) for job in jobs(tmp_path, cases=["case-2", "case-3"])]
    assert len(found) == 2 * len(POINTS)
    for shared, alone in found:
        assert (shared.values, shared.error) == (alone.values, alone.error)
    cycles = [shared.values["cycles"] for shared, _ in found if shared.values]
    assert len(set(cycles)) > len(POINTS), "the points do differ"


def test_placements_are_kept_for_points_that_share_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mimesim.schedule import program

    placed: list[int] = []

    class Counted(program.Placement):
        def __init__(self, *arguments: Any) -> None:
            placed.append(1)
            super().__init__(*arguments)

    monkeypatch.setattr(program, "Placement", Counted)
    replays = Replays(None, "simpy")
    for job in jobs(tmp_path)[:6]:
        assert not replays(job).error
    # With caches and orders of their own, they still lie at the same addresses.
    assert len(placed) == 1


@pytest.mark.parametrize(
    ("changed", "alike"),
    [
        ({"clock_mhz": 100, "prefetch_passes": 2, "caches": {"weights_kib": 9}}, True),
        ({"dram": {"channels": 2}, "compare_cycles": 4, "writeback_buffers": 1}, True),
        ({"grid": {"channels": 8}}, False),
        ({"scratchpad": {"weight_bank_words": 36}}, False),
        ({"scratchpad": {"bytes": 1024}}, False),
        ({"activation_block": {"channels": 4}}, False),
        ({"noc": {"output_words_per_cycle": 1}}, False),
        ({"word_bits": 8}, False),
        ({"dram": {"organisation": {"bus_bits": 128}}}, False),
    ],
)
def test_what_shapes_depend_on(changed: dict[str, Any], alike: bool) -> None:
    assert (Shaping.of(hardware(changed)) == Shaping.of(Hardware())) is alike
