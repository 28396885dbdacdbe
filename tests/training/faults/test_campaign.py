"""``mimesim faults`` from a finished training to its tables."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from mimesim.cli.main import cli
from mimesim.config import load_workload
from mimesim.faults.outcome import PLACES, CaseFaults, Place, Tensor
from mimesim.training.faults import bench
from mimesim.training.faults.campaign import Request, inject
from tests.training.faults.small import TASKS

#: Of the small network at 8 pixels: weights and thresholds of each layer; the second task has six classes of ten.
WEIGHTS = {"stem": 324, "depthwise": 108, "hidden": 960, "head": 200}
SIX = WEIGHTS | {"head": 120}
THRESHOLDS = {"stem": 192, "add": 192, "hidden": 20}
IMAGES = 10


def run(folder: Path, case: str, request: Request) -> CaseFaults:
    workload = load_workload(str(folder / "workload.yaml"), [])
    (found,) = inject(workload, [case], folder / "runs" / "small", request)
    return found


def command(folder: Path, out: Path, *arguments: str) -> Result:
    fixed = ["faults", str(folder / "workload.yaml"), "--checkpoint", str(folder / "runs" / "small"), "--out", str(out)]
    return CliRunner().invoke(cli, [*fixed, *arguments], catch_exceptions=False, standalone_mode=True)


@pytest.mark.parametrize("case", ["mime", "channel", "own-norm", "conventional", "pruned"])
def test_without_faults_nothing_changes_even_after_the_worst(trained: Path, case: str) -> None:
    found = run(trained, case, Request(PLACES, (), (1.0, 0.0), 2, IMAGES))
    for trial in found.trials:
        changed = sum(layer.cleared + layer.set for layer in trial.layers)
        if trial.rate == 0.0:
            assert trial.right == {base.task: base.right for base in found.base}
            assert changed == sum(layer.flips for layer in trial.layers) == 0
        else:
            assert changed


def test_rounding_to_16_bits_is_all_but_exact(trained: Path) -> None:
    found = run(trained, "mime", Request(("dram",), ("weights",), (0.0,), 2, 40))
    for base in found.base:
        assert base.images == 40
        assert base.right_float > 12, "it has learnt something"
        assert abs(base.right - base.right_float) <= 1
    for one in found.stored:
        assert one.cleared + one.set <= 0.01 * one.bits
        assert one.weight_words == (WEIGHTS if one.task == TASKS[0] else SIX).get(one.layer, 0)
        assert one.threshold_words == THRESHOLDS.get(one.layer, 0)
        assert one.bits == 40 * THRESHOLDS.get(one.layer, 0)


@pytest.mark.parametrize(("tensor", "words"), [("weights", (WEIGHTS, SIX)), ("thresholds", (THRESHOLDS,) * 2)])
def test_at_rate_one_every_stored_bit_flips(
    trained: Path, tensor: Tensor, words: tuple[dict[str, int], dict[str, int]]
) -> None:
    found = run(trained, "mime", Request(("dram",), (tensor,), (1.0,), 2, 1))
    for trial in found.trials:
        flips = {(layer.task, layer.layer): layer.flips for layer in trial.layers if layer.flips}
        assert flips == {
            (task, layer): 16 * count for task, own in zip(TASKS, words, strict=True) for layer, count in own.items()
        }


def test_zeros_that_are_not_stored_do_not_flip(trained: Path) -> None:
    found = run(trained, "pruned", Request(("dram", "cache", "scratchpad"), ("weights",), (1.0,), 2, 1))
    for trial in found.trials[::2]:
        flips = {layer.layer: layer.flips for layer in trial.layers if layer.task == TASKS[0]}
        if trial.place == "scratchpad":  # there they are words like others
            assert flips["hidden"] >= 16 * WEIGHTS["hidden"]
        else:
            assert flips["hidden"] == 16 * WEIGHTS["hidden"] // 10
        assert flips["head"] >= 16 * WEIGHTS["head"]


def test_shared_weights_are_wrong_for_all_tasks_alike_and_own_ones_are_not(trained: Path) -> None:
    request = Request(("dram",), ("weights",), (0.01,), 2, 1)
    for case, alike in (("mime", True), ("conventional", False)):
        (trial, _) = run(trained, case, request).trials
        flips = [
            [layer.flips for layer in trial.layers if layer.task == task and layer.layer != "head"] for task in TASKS
        ]
        assert (flips[0] == flips[1]) == alike


@pytest.mark.parametrize("place", PLACES)
def test_flips_are_as_many_as_the_rate_says(trained: Path, place: Place) -> None:
    rate = 0.003
    found = run(trained, "conventional", Request((place,), ("weights",), (rate,), 2, IMAGES, "singular", TASKS[1]))
    whole = run(trained, "conventional", Request((place,), ("weights",), (1.0,), 2, IMAGES, "singular", TASKS[1]))
    bits = sum(layer.flips for layer in whole.trials[0].layers)
    if place == "dram":
        assert bits == 16 * sum(SIX.values())
    for trial in found.trials:
        assert {layer.task for layer in trial.layers} == {TASKS[1]}
        assert abs(sum(layer.flips for layer in trial.layers) - rate * bits) < 5 * sqrt(rate * bits)


@pytest.mark.parametrize("place", PLACES)
def test_how_many_images_run_together_changes_nothing(
    trained: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request((place,), (), (0.01,), 2, 7)
    together = run(trained, "mime", request)
    monkeypatch.setattr(bench, "_TOGETHER", 1)
    assert run(trained, "mime", request) == together


def test_tables_are_plain_and_the_same_again(trained: Path, tmp_path: Path) -> None:
    arguments = ("--case", "mime", "--case", "conventional", "--in", "cache", "--in", "dram", "--rate", "0,0.001")
    arguments = (*arguments, "--images", "6", "--seeds", "2")
    shown = command(trained, tmp_path / "one", *arguments)
    assert shown.exit_code == 0, shown.output
    assert "mime: accuracy in %" in shown.output
    assert "results in" in shown.output
    command(trained, tmp_path / "two", *arguments, "--quiet")
    names = {"accuracy.csv", "faults.csv", "stored.csv", "run.json"}
    assert {path.name for path in (tmp_path / "one").iterdir()} == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    tables = {name: pd.read_csv(tmp_path / "one" / f"{name}.csv") for name in ("accuracy", "faults", "stored")}
    assert not any(table.isna().any(axis=None) for table in tables.values())
    assert json.loads((tmp_path / "one" / "run.json").read_text())["request"]["rates"] == [0.0, 0.001]

    faults, accuracy = tables["faults"], tables["accuracy"]
    # both cases have weights in two places, mime has thresholds, too
    assert len(accuracy) == (2 + 1) * 2 * 2 * len(TASKS)
    by_seed = ["case", "task", "place", "tensor", "rate", "seed"]
    sums = (
        faults.groupby(by_seed)[["flips", "mask_bits", "masks_cleared", "masks_set"]].sum().groupby(by_seed[:-1]).mean()
    )
    joined = accuracy.set_index(by_seed[:-1]).join(sums.rename(columns={"flips": "summed"}))
    assert (joined["flips"] == joined["summed"]).all()
    shares = (joined["masks_cleared"] + joined["masks_set"]) / joined["mask_bits"]
    assert (shares - joined["changed_share"]).abs().max() < 1e-12
    assert ((accuracy["accuracy"] - accuracy["accuracy_stored"] - accuracy["difference"]).abs() < 1e-12).all()
    assert (accuracy.loc[accuracy["rate"] == 0, ["difference", "interval", "flips"]] == 0).all(axis=None)


def test_the_picture(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    arguments = ("--case", "channel", "--in", "scratchpad", "--rate", "0,0.001", "--images", "2", "--plot")
    done = command(trained, tmp_path / "out", *arguments)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    assert "accuracy.png" in json.loads((tmp_path / "out" / "run.json").read_text())["files"]
