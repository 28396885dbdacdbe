"""All of merging on a small real set: scikit-learn's digits, told by parity and by size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
import yaml

from mimesim.config.explain import check
from mimesim.config.origin import Origin
from mimesim.config.yaml_file import read_yaml
from mimesim.errors import InputError
from mimesim.trace import Trace
from mimesim.training.data import normalise
from mimesim.training.pam import run
from mimesim.training.pam.config import PamConfig
from mimesim.training.pam.count import combinations_of, cost
from mimesim.training.pam.partition import SHARED
from mimesim.training.pam.run import PamResult, PamTraining, run_pam
from mimesim.training.pam.smoke import smoke_pam
from mimesim.training.run import train_from_file

CONFIGS = Path(__file__).parents[3] / "workloads" / "training"
SYSTEMS = ("separate", "pam", "random", "trunk", "mtz")


def settings(folder: Path) -> dict[str, Any]:
    fit = {"epochs": 2, "rate": 0.01, "batch": 60}
    return {
        "system": "pam",
        "name": "digits",
        "dataset": "digits",
        "tasks": [
            {"name": "parity", "labels": [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]},
            {"name": "large", "labels": [[5, 6, 7, 8, 9], [0, 1, 2, 3, 4]]},
        ],
        "network": "vgg",
        "features": [8, "M", 12, "M"],
        "hidden": [16],
        "size_px": 8,
        "seed": 1,
        "train_images": 900,
        "test_images": 200,
        "tolerance": 0.05,
        "single": {**fit, "epochs": 6},
        "merged": fit,
        "information": {"conv_nats": 0.15, "linear_nats": 0.15},
        "pruning": {"rounds": 3, "share": 0.2, "images": 200, "fit": fit},
        "systems": list(SYSTEMS),
        "record_images": 4,
        "checkpoint_steps": 10,
        "runs": str(folder / "runs"),
        "results": str(folder / "results"),
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PamResult]:
    folder = tmp_path_factory.mktemp("pam")
    return folder, run_pam(PamConfig.model_validate(settings(folder)))


def test_every_combination_of_every_system_is_counted(made: tuple[Path, PamResult]) -> None:
    folder, result = made
    table = pandas.read_csv(folder / "results" / "combinations.csv")
    assert len(table) == 5 * 4 * 3
    for entry in result.measured:
        for tasks in combinations_of(entry.net.tasks):
            row = table[(table.system == entry.system) & (table["round"] == entry.round)
                        & (table.combination == "+".join(tasks))].iloc[0]  # fmt: skip
            assert (row.parameters, row.macs) == (cost(entry.net, tasks).parameters, cost(entry.net, tasks).macs)
            assert row.accuracy == pytest.approx(sum(entry.test[task] for task in tasks) / len(tasks), abs=1e-6)
    # pruning makes everything smaller, and running fewer tasks never costs more
    for _, rows in table.groupby(["system", "combination"]):
        assert rows.sort_values("round").macs.is_monotonic_decreasing
    whole = table[table.combination == "parity+large"].set_index(["system", "round"]).macs
    for task in ("parity", "large"):
        assert (table[table.combination == task].set_index(["system", "round"]).macs <= whole).all()


def test_tasks_learn_and_stay_learnt(made: tuple[Path, PamResult]) -> None:
    first = {entry.system: entry for entry in made[1].measured if entry.round == 0}
    for system in SYSTEMS:
        assert min(first[system].test.values()) > 0.6, system
        assert min(made[1].chosen[system].test.values()) > 0.6, system


def test_the_control_has_the_same_sizes(made: tuple[Path, PamResult]) -> None:
    first = {entry.system: entry.net for entry in made[1].measured if entry.round == 0}
    assert first["pam"].widths == first["random"].widths
    sizes = {layer: {unit: len(n) for unit, n in here.units.items() if n} for layer, here in made[1].partition.items()}
    assert sizes == {layer: units for layer, units in first["pam"].widths.items() if layer != "head"}
    kept = json.loads((made[0] / "runs" / "digits" / "partition.json").read_text())
    assert {layer: len(units["shared"]) for layer, units in kept.items()} == {
        layer: units.get(SHARED, 0) for layer, units in sizes.items()
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_traces_hold_the_masks_of_the_units_of_each_task(made: tuple[Path, PamResult], system: str) -> None:
    folder, result = made
    trace = Trace.load(folder / "results" / system)
    net = result.chosen[system].net
    assert trace.network == net.network(f"vgg-{system}")
    chosen = PamTraining(PamConfig.model_validate(settings(folder))).recorded
    entries = [trace.entry(task) for task in trace.tasks]
    assert entries[0].image_ids == entries[1].image_ids  # the same images, for several tasks on one
    assert list(entries[0].image_ids) == chosen.images.ids.tolist()
    with torch.no_grad():
        outputs = net.eval()(normalise(chosen.images.images)), net.outputs(normalise(chosen.images.images))
    for task, entry in zip(trace.tasks, entries, strict=True):
        units = {task} if system == "separate" else {SHARED, task}
        assert set(entry.units or ()) == units
        assert list(entry.labels) == chosen.labels[task].tolist()
        assert list(entry.predictions or ()) == outputs[0][task].argmax(1).tolist()
        assert entry.test_accuracy == result.chosen[system].test[task]
        for name in trace.network.recorded:
            node = trace.network.node(name)
            if node.unit in units:
                wanted = (outputs[1][name] != 0).view(-1, *node.shape).numpy()
                np.testing.assert_array_equal(trace.masks(task, name), wanted)
            else:
                with pytest.raises(InputError, match="no such sparse tensor"):
                    trace.packed(task, name)
    assert str(folder) not in (folder / "results" / system / "manifest.json").read_text()


def test_shared_masks_are_the_same_for_all_tasks(made: tuple[Path, PamResult]) -> None:
    trace = Trace.load(made[0] / "results" / "pam")
    shared = [name for name in trace.network.recorded if trace.network.node(name).unit == SHARED]
    assert shared
    for name in shared:
        np.testing.assert_array_equal(trace.masks("parity", name), trace.masks("large", name))


def test_what_is_done_is_not_done_again_and_says_the_same(
    made: tuple[Path, PamResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    files = sorted(path for path in (made[0] / "results").rglob("*") if path.is_file())
    before = [path.read_bytes() for path in files]
    for name in ("fit", "finetune", "prune_round"):
        monkeypatch.setattr(run, name, trained)
    run_pam(PamConfig.model_validate(settings(made[0])))
    assert [path.read_bytes() for path in files] == before
    changed = settings(made[0])
    changed["pruning"]["share"] = 0.3
    with pytest.raises(InputError, match="was made with other settings"):
        run_pam(PamConfig.model_validate(changed))


def test_a_run_elsewhere_writes_the_same_bytes(made: tuple[Path, PamResult], tmp_path: Path) -> None:
    config = settings(tmp_path) | {"systems": ["separate", "pam"]}
    run_pam(PamConfig.model_validate(config))
    for name in ("partition.csv", "pam/parity.npz", "pam/manifest.json", "separate/large.npz"):
        assert (tmp_path / "results" / name).read_bytes() == (made[0] / "results" / name).read_bytes()


def test_mimesim_train_takes_such_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings(tmp_path)))
    (folder,) = train_from_file(path, quick=True)
    assert folder == tmp_path / "results-quick"
    assert "its numbers mean nothing" in (folder / "results.md").read_text()
    assert Trace.load(folder / "pam").tasks == ("parity", "large")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"system": "pan"}, r"system = 'pan': is not known; did you mean 'pam'\?"),
        ({"tasks": [{"name": "a"}, {"name": "A"}]}, r"task 'A' is listed twice"),
        ({"tasks": [{"name": "shared"}]}, r"no task may be called 'shared'"),
        ({"systems": ["pam"]}, r"systems must hold separate and pam"),
        ({"tasks": [{"name": "a"}]}, r"mtz zips two networks: give two tasks"),
        ({"network": "vgg16"}, r"features go with network: vgg"),
        ({"prunning": {}}, r"prunning: unknown key; did you mean 'pruning'\?"),
        ({"dataset": "none"}, r"dataset: 'none': is not known"),
    ],
)
def test_each_mistake_is_one_error(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings(tmp_path) | change))
    with pytest.raises(InputError, match=message):
        train_from_file(path)


def test_shipped_configurations_are_valid() -> None:
    found = sorted(CONFIGS.glob("pam-*.yaml"))
    assert len(found) >= 3
    for path in found:
        data, places = read_yaml(path)
        config = check(PamConfig, data, Origin(str(path), path.parent, places))
        assert path.stem == config.name
        assert smoke_pam(config).results.name == f"{config.results.name}-quick"
