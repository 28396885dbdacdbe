"""All stages on a small real set: scikit-learn's digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from mimesim.errors import InputError
from mimesim.networks import build
from mimesim.trace import Trace
from mimesim.training import run, stages
from mimesim.training.config import TrainingConfig
from mimesim.training.data import normalise, resize
from mimesim.training.models import MODELS, ModelSpec, Options, vgg
from mimesim.training.recording.masks import choose_images
from mimesim.training.run import Training, train, train_from_file
from mimesim.training.sources import load_dataset
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.sites import numbered

SMALL = ModelSpec(lambda options: vgg((16, "M", 32, "M"), (64,), options), numbered)
RECORDED = ("mime", "conventional", "pruned", "mime-channel")
CONTROLS = ("head", "batch_norm", "mime-batch_norm")


def settings(folder: Path) -> dict[str, Any]:
    return {
        "name": "digits",
        "size_px": 8,
        "seed": 5,
        "test_images": 200,
        "checkpoint_steps": 10,
        "runs": folder / "runs",
        "parent": {
            "dataset": "digits",
            "rate": 0.003,
            "hidden_batch_norm": True,
            "recalibrate_images": 300,
            "schedule": {"batch": 50, "phases": [{"size_px": 8, "epochs": 5}]},
        },
        "child": {
            "tasks": ["digits"],
            "train_images": 400,
            "batch": 40,
            "phases": [{"size_px": 8, "epochs": 6}],
            "trials": {"held_out": 0.1, "share": 0.5},
            "methods": [
                {"scheme": "mime", "rates": [0.05, 0.02], "head_rate": 0.01},
                {"scheme": "conventional", "rates": [0.001, 0.003], "head_rate": 0.01},
                {"scheme": "pruned", "rates": [0.003, 0.01], "head_rate": 0.01},
                {"scheme": "head", "rates": [0.01, 0.03]},
                {"scheme": "batch_norm", "rates": [0.003, 0.01], "head_rate": 0.01},
                {"scheme": "mime", "name": "mime-channel", "threshold_granularity": "channel", "rates": [0.05, 0.02]},
                {"scheme": "mime", "name": "mime-batch_norm", "batch_norm": "trained", "rates": [0.05, 0.02]},
            ],
        },
        "record": {
            "directory": folder / "traces",
            "images": {"mime": 3, "conventional": 3, "pruned": 1, "mime-channel": 1},
        },
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("digits")
    traces = train(TrainingConfig.model_validate(settings(made)), SMALL)
    assert [path.name for path in traces] == list(RECORDED)
    return made


def test_everything_learns(folder: Path) -> None:
    for stage in ("parent", *(f"digits-{method}" for method in (*RECORDED, *CONTROLS))):
        metrics = json.loads((folder / "runs" / "digits" / stage / "metrics.json").read_text())
        assert metrics["accuracy"] > 0.5, stage
        assert metrics["images"] == 200
        assert 0 < metrics["sparsity"]["conv1"] < 1
        assert not (folder / "runs" / "digits" / stage / "checkpoint.pt").exists()


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_masks_are_the_networks_activations(folder: Path, name: str) -> None:
    config = TrainingConfig.model_validate(settings(folder))
    training = Training(config, SMALL)
    method = next(m for m in config.child.methods if m.name == name)
    model = training.child("digits", method, training.parent())
    model.module.eval()
    chosen = choose_images(load_dataset("digits", "test"), config.record.images[name], config.seed, "digits")
    with torch.no_grad():
        outputs = model.outputs(normalise(resize(chosen, 8).images))
    trace = Trace.load(folder / "traces" / name)
    entry = trace.manifest.tasks["digits"]
    assert list(entry.image_ids) == chosen.ids.tolist()
    assert list(entry.labels) == chosen.labels.tolist()
    assert entry.predictions == tuple(outputs["classifier"].argmax(1).tolist())
    network = trace.manifest.network
    for node in network.recorded:
        for image in range(entry.images):
            wanted = (outputs[node][image] != 0).numpy().reshape(network.node(node).shape)
            np.testing.assert_array_equal(trace.mask("digits", image, node), wanted)


def test_pruned_weight_masks_are_recorded_without_the_head(folder: Path) -> None:
    config = TrainingConfig.model_validate(settings(folder))
    training = Training(config, SMALL)
    model = training.child("digits", config.child.methods[2], training.parent())
    trace = Trace.load(folder / "traces" / "pruned")
    for name, layer in model.layers.items():
        if name != "classifier":
            kept = (layer.weight != 0).numpy()
            np.testing.assert_array_equal(trace.weight_mask("digits", name).reshape(kept.shape), kept)


def test_a_finished_run_trains_nothing_again_and_writes_the_same_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object) -> None:
        raise AssertionError("trained again")

    files = sorted((folder / "traces").rglob("*.*"))
    before = [path.read_bytes() for path in files]
    monkeypatch.setattr(stages, "fit", fit)
    train(TrainingConfig.model_validate(settings(folder)), SMALL)
    assert [path.read_bytes() for path in files] == before


def test_another_run_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    config = settings(tmp_path)
    config["child"]["methods"] = config["child"]["methods"][:1]
    config["record"]["images"] = {"mime": 3}
    train(TrainingConfig.model_validate(config), SMALL)
    for name in ("digits.npz",):
        assert (tmp_path / "traces" / "mime" / name).read_bytes() == (folder / "traces" / "mime" / name).read_bytes()


def test_rates_are_chosen_on_held_out_training_images(folder: Path) -> None:
    runs = folder / "runs" / "digits"
    for method in ("mime", "conventional", "head"):
        metrics = json.loads((runs / f"digits-{method}" / "metrics.json").read_text())
        assert len(metrics["trials"]) == 2
        assert metrics["trials"][f"{metrics['rate']:g}"] == max(metrics["trials"].values())
        trial = json.loads((runs / "trials" / f"digits-{method}-{metrics['rate']:g}" / "metrics.json").read_text())
        assert (trial["train_images"], trial["images"], metrics["train_images"]) == (360, 40, 400)
        assert trial["curve"][-1]["step"] == 27  # half of the six epochs, of nine steps each


def test_manifest_says_how_it_was_made_but_not_where(folder: Path) -> None:
    for name in RECORDED:
        text = (folder / "traces" / name / "manifest.json").read_text()
        assert str(folder) not in text
        manifest = json.loads(text)
        assert manifest["scheme"] == name.partition("-")[0]
        assert manifest["origin"] == "recorded"
        assert manifest["settings"]["head_classes"] == {"digits": 10}
        assert manifest["settings"]["method"]["name"] == name
        assert manifest["scheme_options"]["batch_norm"] == ("frozen" if "mime" in name else "trained")


def test_other_settings_do_not_pass_for_the_same_run(folder: Path) -> None:
    config = settings(folder)
    config["parent"]["rate"] = 0.004
    with pytest.raises(InputError, match="made with other settings"):
        train(TrainingConfig.model_validate(config), SMALL)


@pytest.mark.parametrize(("killed_fit", "left"), [(1, "parent"), (3, "trials/digits-mime-0.02"), (4, "digits-mime")])
def test_a_killed_run_continues(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_fit: int, left: str
) -> None:
    """Killed in the parent, in the second trial, and in the child itself."""
    config = settings(tmp_path)
    config["child"]["methods"] = config["child"]["methods"][:1]
    config["record"]["images"] = {"mime": 3}
    real, calls = stages.fit, 0

    def killed(job: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == killed_fit:
            job.stop_after = 12
            real(job)
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(stages, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        train(TrainingConfig.model_validate(config), SMALL)
    assert (tmp_path / "runs" / "digits" / left / "checkpoint.pt").exists()
    assert not (tmp_path / "traces" / "mime").exists()
    monkeypatch.setattr(stages, "fit", real)
    train(TrainingConfig.model_validate(config), SMALL)
    one, two = (path / "traces" / "mime" / "digits.npz" for path in (tmp_path, folder))
    assert one.read_bytes() == two.read_bytes()


def test_quick_goes_to_folders_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(json.loads(TrainingConfig.model_validate(settings(tmp_path)).model_dump_json())))
    seen: list[TrainingConfig] = []
    monkeypatch.setattr(run, "train", seen.append)
    train_from_file(path)
    train_from_file(path, quick=True)
    full, quick = seen
    assert quick.name == "digits-quick"
    assert quick.record.directory == tmp_path / "traces-quick"
    assert full.record.directory == tmp_path / "traces"
    assert [m.name for m in quick.child.methods] == [m.name for m in full.child.methods]


def test_the_graph_of_vgg16_is_the_simulators() -> None:
    model = MODELS["vgg16"].traced(Options(10, 64))
    assert network_of(model, "vgg16", 64, 100) == build("vgg16", 64, 100)
    with pytest.raises(InputError, match=r"avgpool: makes 2 x 2 of 1 x 1 positions"):
        network_of(model, "vgg16", 32)


def test_more_images_than_there_are_cannot_be_recorded() -> None:
    data = load_dataset("digits", "test")
    with pytest.raises(InputError, match="has only 360 test images"):
        choose_images(data, 361, 0, "digits")


def test_all_schemes_record_the_same_images_whatever_their_number() -> None:
    data = load_dataset("digits", "test")
    few, many = choose_images(data, 2, 0, "digits"), choose_images(data, 5, 0, "digits")
    assert many.ids[:2].tolist() == few.ids.tolist()
    assert choose_images(data, 5, 0, "other").ids.tolist() != many.ids.tolist()


def test_a_parent_may_come_from_a_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    state = SMALL.traced(Options(7, 8)).module.state_dict()
    torch.save(state, tmp_path / "theirs.pt")
    config = settings(tmp_path)
    config["parent"] = {"weights": str(tmp_path / "theirs.pt")}
    config["child"] |= {"methods": [{"scheme": "mime", "rates": [0.05]}], "trials": None}
    config["record"]["images"] = {"mime": 2}
    (folder,) = train(TrainingConfig.model_validate(config), SMALL)
    parent = torch.load(tmp_path / "runs" / "digits" / "parent" / "model.pt", weights_only=True)["model"]
    assert all(torch.equal(parent[name], tensor) for name, tensor in state.items())
    child = torch.load(tmp_path / "runs" / "digits" / "digits-mime" / "model.pt", weights_only=True)["model"]
    assert sorted(child) == [
        "activations.0.t", "activations.1.t", "activations.2.t", "classifier.3.bias", "classifier.3.weight",
    ]  # fmt: skip
    assert Trace.load(folder).manifest.network.node("classifier").shape == (10, 1, 1)
    assert "theirs.pt" in (tmp_path / "traces" / "results.md").read_text()
