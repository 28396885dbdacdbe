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
from mimesim.training import run
from mimesim.training.config import ConventionalMethod, MimeMethod, PrunedMethod, TrainingConfig
from mimesim.training.data import normalise, resize
from mimesim.training.evaluate import node_outputs
from mimesim.training.graph import network_of
from mimesim.training.models import VGG16, Vgg, VggShape, weight_layers
from mimesim.training.record import choose_images
from mimesim.training.report import own_words
from mimesim.training.run import Training, train, train_from_file
from mimesim.training.sources import load_dataset

SMALL = VggShape(features=(16, "M", 32, "M"), hidden=(64,), positions=2)


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
            "batch": 50,
            "rate": 0.005,
            "recalibrate_images": 300,
            "phases": [{"size_px": 8, "epochs": 5}],
        },
        "child": {
            "tasks": ["digits"],
            "train_images": 400,
            "batch": 40,
            "phases": [{"size_px": 8, "epochs": 6}],
            "methods": [
                {"scheme": "mime", "rate": 0.05, "head_rate": 0.01},
                {"scheme": "conventional", "rate": 0.001, "head_rate": 0.01},
                {"scheme": "pruned", "rate": 0.003, "head_rate": 0.01},
            ],
        },
        "record": {"directory": folder / "traces", "images": {"mime": 3, "conventional": 3, "pruned": 1}},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("digits")
    traces = train(TrainingConfig.model_validate(settings(made)), SMALL)
    assert [path.name for path in traces] == ["mime", "conventional", "pruned"]
    return made


def test_everything_learns(folder: Path) -> None:
    for stage in ("parent", "digits-mime", "digits-conventional", "digits-pruned"):
        metrics = json.loads((folder / "runs" / "digits" / stage / "metrics.json").read_text())
        assert metrics["accuracy"] > 0.5, stage
        assert metrics["images"] == 200
        assert 0 < metrics["sparsity"]["conv1"] < 1
        assert not (folder / "runs" / "digits" / stage / "checkpoint.pt").exists()


@pytest.mark.parametrize("scheme", ["mime", "conventional", "pruned"])
def test_recorded_masks_are_the_networks_activations(folder: Path, scheme: str) -> None:
    config = TrainingConfig.model_validate(settings(folder))
    training = Training(config, SMALL)
    method = next(m for m in config.child.methods if m.scheme == scheme)
    model = training.child("digits", method, training.parent()).eval()
    chosen = choose_images(load_dataset("digits", "test"), config.record.images[method.scheme], config.seed, "digits")
    with torch.no_grad():
        outputs = node_outputs(model, normalise(resize(chosen, 8).images))
    trace = Trace.load(folder / "traces" / scheme)
    entry = trace.manifest.tasks["digits"]
    assert list(entry.image_ids) == chosen.ids.tolist()
    assert list(entry.labels) == chosen.labels.tolist()
    assert entry.predictions == tuple(outputs["classifier"].argmax(1).tolist())
    network = trace.manifest.network
    for name in network.recorded:
        for image in range(entry.images):
            wanted = (outputs[name][image] != 0).numpy().reshape(network.node(name).shape)
            np.testing.assert_array_equal(trace.mask("digits", image, name), wanted)


def test_pruned_weight_masks_are_recorded_without_the_head(folder: Path) -> None:
    config = TrainingConfig.model_validate(settings(folder))
    training = Training(config, SMALL)
    model = training.child("digits", config.child.methods[2], training.parent())
    trace = Trace.load(folder / "traces" / "pruned")
    for name, layer in weight_layers(model).items():
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
    monkeypatch.setattr(run, "fit", fit)
    train(TrainingConfig.model_validate(settings(folder)), SMALL)
    assert [path.read_bytes() for path in files] == before


def test_another_run_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    config = settings(tmp_path)
    config["child"]["methods"] = config["child"]["methods"][:1]
    train(TrainingConfig.model_validate(config), SMALL)
    for name in ("digits.npz",):
        assert (tmp_path / "traces" / "mime" / name).read_bytes() == (folder / "traces" / "mime" / name).read_bytes()


def test_results_hold_every_method_and_layer(folder: Path) -> None:
    text = (folder / "traces" / "results.md").read_text()
    for scheme in ("mime", "conventional", "pruned"):
        assert f"| scikit-learn digits | {scheme} | 400 | " in text
        assert f"## Sparsity of each layer's output: {scheme}" in text
    assert text.count("\n| pool2 | ") == 3
    assert str(folder) not in text


def test_words_of_a_task() -> None:
    network = network_of(Vgg(SMALL, 10), "small", 8)
    head, maps = 10 * 65, 16 * 8 * 8 + 32 * 4 * 4 + 64
    weights, rest = 16 * 27 + 32 * 144 + 64 * 128, 2 * 16 + 2 * 32 + 64
    assert own_words(network, MimeMethod(), 10) == head + maps
    assert own_words(network, MimeMethod(threshold_granularity="channel"), 10) == head + 16 + 32 + 64
    assert own_words(network, ConventionalMethod(), 10) == head + weights + rest
    kept = sum(n - int(0.9 * n) for n in (16 * 27, 32 * 144, 64 * 128))
    assert own_words(network, PrunedMethod(), 10) == head + kept + rest


def test_manifest_says_how_it_was_made_but_not_where(folder: Path) -> None:
    for scheme in ("mime", "conventional", "pruned"):
        text = (folder / "traces" / scheme / "manifest.json").read_text()
        assert str(folder) not in text
        manifest = json.loads(text)
        assert manifest["scheme"] == scheme
        assert manifest["origin"] == "recorded"
        assert manifest["settings"]["head_classes"] == {"digits": 10}
        assert manifest["settings"]["method"]["scheme"] == scheme
        assert manifest["scheme_options"]["batch_norm"] == ("frozen" if scheme == "mime" else "trained")


def test_other_settings_do_not_pass_for_the_same_run(folder: Path) -> None:
    config = settings(folder)
    config["parent"]["rate"] = 0.004
    with pytest.raises(InputError, match="made with other settings"):
        train(TrainingConfig.model_validate(config), SMALL)


def test_a_killed_run_continues(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(tmp_path)
    config["child"]["methods"] = config["child"]["methods"][:1]
    real, calls = run.fit, 0

    def killed(job: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:  # the first child: stop half-way through
            job.stop_after = 12
            real(job)
            raise KeyboardInterrupt
        return real(job)

    monkeypatch.setattr(run, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        train(TrainingConfig.model_validate(config), SMALL)
    assert (tmp_path / "runs" / "digits" / "digits-mime" / "checkpoint.pt").exists()
    assert not (tmp_path / "traces" / "mime").exists()
    monkeypatch.setattr(run, "fit", real)
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
    assert [m.scheme for m in quick.child.methods] == [m.scheme for m in full.child.methods]


def test_the_graph_of_vgg16_is_the_simulators() -> None:
    with torch.device("meta"):
        model = Vgg(VGG16, 10)
    assert network_of(model, "vgg16", 64, 100) == build("vgg16", 64, 100)
    with pytest.raises(InputError, match="positions a side"):
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
