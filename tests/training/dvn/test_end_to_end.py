"""Virtual networks on real digits: everything trains, resumes and is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml

from mimesim.errors import InputError
from mimesim.trace import Trace
from mimesim.training.data import normalise, resize
from mimesim.training.dvn import run as dvn_run
from mimesim.training.dvn.blocks import Budget
from mimesim.training.dvn.config import DvnConfig
from mimesim.training.dvn.fit import JointJob, fit_jointly
from mimesim.training.dvn.graph import head_name, units_of
from mimesim.training.dvn.model import VirtualNetworks
from mimesim.training.dvn.run import DvnTraining
from mimesim.training.dvn.systems import networks
from mimesim.training.recording.masks import choose_images
from mimesim.training.run import train_from_file
from mimesim.training.sources import DATASETS, load_dataset

TASKS = ("odd", "digits", "large")


def settings(folder: Path) -> dict[str, Any]:
    return {
        "system": "dvn", "name": "digits", "tasks": list(TASKS), "levels": 3, "features": [12, "M", 18, "M"],
        "size_px": 8, "seed": 3, "train_images": 600, "test_images": 300, "batch": 50, "epochs": 12, "rate": 0.05,
        "record_images": 4, "runs": str(folder / "runs"), "results": str(folder / "results"),
    }  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def tasks() -> Any:
    """Three tasks on the digits: which one, whether odd, whether at least five."""
    from dataclasses import replace

    patch = pytest.MonkeyPatch()

    def of(label: Any) -> Any:
        def load(folder: Path, split: Any, subset: bool) -> Any:
            data = DATASETS["digits"](folder, split, subset)
            return replace(data, labels=label(data.labels).long(), classes=2)

        return load

    patch.setitem(DATASETS, "odd", of(lambda labels: labels % 2))
    patch.setitem(DATASETS, "large", of(lambda labels: labels >= 5))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dvn")
    path = made / "dvn.yaml"
    path.write_text(yaml.safe_dump(settings(made)))
    assert train_from_file(path) == [made / "results"]
    return made


@pytest.fixture
def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "results" / "accuracy.csv")


def test_everything_learns(table: pd.DataFrame) -> None:
    chance = table["task"].map({"digits": 0.1, "odd": 0.5, "large": 0.5})
    assert (table["accuracy"] > chance + 0.25).all()
    counts = table.groupby("system").size().to_dict()
    assert counts == {"dvn": 9, "random": 9, "separate": 9, "trunk": 3, "equal": 3}


def test_more_units_more_words(table: pd.DataFrame) -> None:
    ours = table[table["system"] == "dvn"]
    for _, rows in ours.groupby("task"):
        assert rows["resident_words"].is_monotonic_increasing
        assert rows["macs"].is_monotonic_increasing
    assert set(ours[ours["level"] == 2]["units"]) == {"u1 u2", "u2 u1", "u3 u2"}


def test_separate_networks_are_as_large_as_the_level(table: pd.DataFrame) -> None:
    by = table.set_index(["system", "task", "level"])
    for column in ("block_words", "resident_words", "macs"):
        assert by.loc["separate"][column].equals(by.loc["dvn"][column])
    equal = by.loc["equal"]["block_words"].sum()
    assert equal == pytest.approx(9 * (3 * 12 + 12 * 18), rel=0.25)


def test_the_table_counts_the_tensors(folder: Path, table: pd.DataFrame) -> None:
    training = DvnTraining(DvnConfig.model_validate(settings(folder)))
    network = training.networks[0]
    model = training.network(network)
    stored = table[table["system"] == "dvn"]["stored_words"]
    assert set(stored) == {sum(one.numel() for one in model.parameters())}
    assert Budget(network.backbone).stored() == stored.iloc[0]


def test_changes_are_written(folder: Path) -> None:
    changes = pd.read_csv(folder / "results" / "changes.csv")
    assert len(changes) == 9 + 9 * 8
    row = changes.set_index(["before", "after"]).loc[("digits.1", "digits.2")]
    assert (row["blocks_removed"], row["blocks_added"], row["blocks_kept"]) == (0, 1 + 3, 2)


def test_the_trace_is_what_the_virtual_networks_computed(folder: Path) -> None:
    trace = Trace.load(folder / "results" / "trace")
    assert trace.tasks == tuple(f"{task}.{level}" for task in TASKS for level in (1, 2, 3))
    training = DvnTraining(DvnConfig.model_validate(settings(folder)))
    network = training.networks[0]
    model = training.network(network)
    for (task, level), name in zip(network.backbone.assignment.virtual, trace.tasks, strict=True):
        entry = trace.entry(name)
        assert entry.units == units_of(network.backbone, task, level)
        images = resize(choose_images(load_dataset(task, "test"), 4, 3, task), 8)
        assert entry.image_ids == tuple(images.ids.tolist())
        with torch.inference_mode():
            outputs = model.outputs(normalise(images.images), task, level)
        assert entry.predictions == tuple(outputs[head_name(task, level)].argmax(1).tolist())
        for tensor in trace.network.recorded_by(entry.units):
            assert (trace.masks(name, tensor) == (outputs[tensor] != 0).numpy()).all()
        others = [node.name for node in trace.network.nodes if node.unit not in (None, *entry.units)]
        assert not set(others) & set(trace.network.recorded_by(entry.units))


def test_a_finished_stage_is_read_not_trained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "results" / "accuracy.csv").read_bytes()
    monkeypatch.setattr(dvn_run, "fit_jointly", lambda _job: pytest.fail("trained again"))
    DvnTraining(DvnConfig.model_validate(settings(folder))).run()
    assert (folder / "results" / "accuracy.csv").read_bytes() == before
    with pytest.raises(InputError, match="other settings"):
        DvnTraining(DvnConfig.model_validate(settings(folder) | {"rate": 0.01})).run()


def test_a_killed_training_continues_to_the_same_end(folder: Path, tmp_path: Path) -> None:
    config = DvnConfig.model_validate(settings(folder))
    training = DvnTraining(config)
    ends = []
    for stop in (None, 5):
        torch.manual_seed(1)
        model = VirtualNetworks(training.networks[0].backbone)
        path = tmp_path / f"{stop}.pt"
        seeds = {task: number for number, task in enumerate(TASKS)}
        job = JointJob("fit", model, training.train_images, seeds, config, 8, path, "same", stop_after=stop)
        fit_jointly(job)
        if stop:
            torch.manual_seed(9)
            job.model, job.stop_after = VirtualNetworks(training.networks[0].backbone), None
            fit_jointly(job)
        ends.append(job.model.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_loss_that_is_no_number_is_told(folder: Path, tmp_path: Path) -> None:
    config = DvnConfig.model_validate(settings(folder))
    training = DvnTraining(config)
    model = VirtualNetworks(training.networks[0].backbone)
    with torch.no_grad():
        model.weights[0][0, 0, 0, 0] = float("nan")
    seeds = dict.fromkeys(TASKS, 0)
    with pytest.raises(InputError, match="must stay finite"):
        fit_jointly(JointJob("fit", model, training.train_images, seeds, config, 3, tmp_path / "c.pt", "one"))


def test_the_quick_version(folder: Path) -> None:
    (made,) = train_from_file(folder / "dvn.yaml", quick=True)
    assert made == folder / "results-quick"
    text = (made / "results.md").read_text()
    assert "numbers mean nothing" in text


def test_what_would_show_after_the_training_shows_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dvn_run, "fit_jointly", lambda _job: pytest.fail("trained"))
    config = DvnConfig.model_validate(settings(tmp_path) | {"record_images": 999})
    with pytest.raises(InputError, match="has only 360 test images"):
        DvnTraining(config).run()
    (tmp_path / "results" / "trace").mkdir(parents=True)
    (tmp_path / "results" / "trace" / "mine.txt").write_text("work")
    with pytest.raises(InputError, match="is not empty and not just a trace"):
        DvnTraining(DvnConfig.model_validate(settings(tmp_path))).run()


def test_the_shipped_configuration() -> None:
    path = Path(__file__).parents[3] / "workloads" / "training" / "dvn-reduced.yaml"
    config = DvnConfig.model_validate(yaml.safe_load(path.read_text()))
    listed = list(networks(config, {"cifar10": 10, "cifar100": 100, "fashion_mnist": 10}))
    assert [network.stage for network in listed[:3]] == ["dvn", "trunk", "random"]
    assert len(listed) == 3 + 3 + 9
    assert all(network.backbone.last.side == 2 for network in listed)


def test_bad_configurations(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    for change, message in (
        ({"system": "dnv"}, "did you mean 'dvn'"),
        ({"levels": 4}, "more than the 3 tasks"),
        ({"tasks": ["digits", "digits"]}, "listed twice"),
        ({"featurs": 3}, "did you mean 'features'"),
        ({"tasks": ["digits", "nothing"], "levels": 2}, "is not known"),
        ({"features": ["M", 12]}, "begin with a convolution"),
    ):
        path.write_text(yaml.safe_dump(settings(tmp_path) | change))
        with pytest.raises(InputError, match=message):
            train_from_file(path)
