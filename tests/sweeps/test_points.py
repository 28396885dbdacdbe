"""Replays are known by all that decides them, and by nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mimesim.sweeps import points
from mimesim.sweeps.points import Shelf, canonical, resolve
from tests.sweeps.made import described, made, write


def key(folder: Path, settings: dict[str, Any], **rest: Any) -> str:
    (entry,) = resolve(made(folder, **rest), 0, settings, Shelf())
    assert entry.job is not None, entry.error
    return entry.job.key


def test_the_order_of_keys_and_the_form_of_numbers_say_nothing(tmp_path: Path) -> None:
    settings = {"hardware.clock_mhz": 200, "hardware.dram.channels": 2}
    first = key(tmp_path, settings)
    assert key(tmp_path, dict(reversed(settings.items()))) == first
    assert key(tmp_path, settings | {"hardware.clock_mhz": 200.0}) == first
    assert key(tmp_path, {"hardware.dram.channels": 2}) == first  # 200 MHz is the default
    assert canonical({"b": [1.0, {"y": None, "x": True}], "a": "ä"}) == canonical(
        {"a": "ä", "b": [1, {"x": True, "y": None}]}
    )
    assert canonical(True) != canonical(1)


def test_names_say_nothing(tmp_path: Path) -> None:
    first = key(tmp_path, {})
    assert key(tmp_path, {"name": "other", "description": "x", "cases.case-3.title": "y"}) == first
    assert key(tmp_path, {}, name="other") == first
    # Of another case, and of a scheme that this one does not run.
    assert key(tmp_path, {"cases.case-1.skipping": "gate"}) == first
    # However it is said.
    assert key(tmp_path, {"cases.case-3.hardware": {"dram": {"channels": 2}}}) == key(
        tmp_path, {"hardware.dram.channels": 2}
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"hardware.dram.channels": 2},
        {"schedule.set_order": "outer"},
        {"cases.case-3.skipping": "gate"},
        {"cases.case-3.options": {"granularity": "neuron"}},
        {"tasks": ["cifar10", "cifar100"]},
        {"batch_images": 2},
        {"energy.accounting": "full"},
    ],
)
def test_all_else_does(settings: dict[str, Any], tmp_path: Path) -> None:
    assert key(tmp_path, settings) != key(tmp_path, {})


def test_mode_images_trace_and_version_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        key(tmp_path, {}),
        key(tmp_path, {}, images=2),
        key(tmp_path, {}, modes=["singular"]),
        key(tmp_path, {}, cases=["case-2"]),
    ]
    monkeypatch.setattr(points, "__version__", "99")
    found.append(key(tmp_path, {}))
    assert len(set(found)) == len(found)


def test_it_is_the_same_in_another_process(tmp_path: Path) -> None:
    path = write(tmp_path, described())
    code = (
        "import sys; from mimesim.sweeps import load_sweep; from mimesim.sweeps.points import Shelf, resolve;"
        "print(resolve(load_sweep(sys.argv[1]), 0, {'hardware.dram.channels': 2}, Shelf())[0].job.key)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, path], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert found == {key(tmp_path, {"hardware.dram.channels": 2})}


def test_what_is_wrong_with_a_point_is_told_with_the_line(tmp_path: Path) -> None:
    sweep = made(tmp_path, {"grid": {"hardware.dram.chanels": [1]}}, modes=["singular", "pipelined"])
    entries = resolve(sweep, 0, {"hardware.dram.chanels": 1}, Shelf())
    assert [(entry.mode, entry.case, entry.job) for entry in entries] == [
        ("singular", "case-3", None),
        ("pipelined", "case-3", None),
    ]
    assert entries[0].error.startswith(f"{tmp_path / 'sweep.yaml'}:8: hardware.dram.chanels: unknown key; did you mean")
    (entry,) = resolve(made(tmp_path, cases=["case-9"]), 0, {}, Shelf())
    assert "sweep.yaml:4: cases.0 = 'case-9': workload 'tiny' has no such case" in entry.error
    (entry,) = resolve(made(tmp_path, images=50), 0, {}, Shelf())
    assert "must be at most" in entry.error
