"""Recording a user's own network: the masks are PyTorch's, the replay counts what PyTorch would multiply."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import nn

from mimesim.config import load_workload
from mimesim.errors import InputError
from mimesim.simulation import run_workload
from mimesim.trace import Trace
from mimesim.training.data import normalise
from mimesim.training.recording.image_folder import scan_folder
from mimesim.training.recording.own import OwnTask, Recorder, parse_tasks
from mimesim.training.recording.own_model import OwnModel
from mimesim.training.threshold import ThresholdLayer
from tests.training.tracing.own_models import Residual, randomised

BUILD = "tests.training.tracing.own_models:Residual"
SIZE = 16


def draw_images(folder: Path, classes: int, each: int, seed: int = 0) -> Path:
    """Images of coarse noise, so that activations come in clumps."""
    rng = np.random.default_rng(seed)
    for label in range(classes):
        (folder / f"class{label}").mkdir(parents=True)
        for number in range(each):
            coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
            coarse.resize((24, 20)).save(folder / f"class{label}" / f"{number}.png")
    return folder


def save_weights(path: Path, model: nn.Module, seed: int = 0) -> str:
    torch.save(randomised(model, seed).state_dict(), path)
    return str(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_images(tmp_path / "photos", 4, 3)


@pytest.fixture
def weights(tmp_path: Path) -> str:
    torch.manual_seed(3)
    return save_weights(tmp_path / "weights.pt", Residual(4))


RECORDER = Recorder(model=BUILD, size=SIZE)


def test_masks_are_the_networks_activations(tmp_path: Path, photos: Path, weights: str) -> None:
    trace = RECORDER.record(tmp_path / "out", [OwnTask("photos", photos, weights)])
    model = Residual(4)
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    entry = trace.entry("photos")
    folder = scan_folder(photos)
    for number, position in enumerate(entry.image_ids):
        inputs = normalise(folder.read([position], SIZE).images)
        with torch.no_grad():
            stem = torch.relu(model.norm(model.stem(inputs)))
            depthwise = torch.relu(model.depthwise(stem))
            added = torch.relu(model.pointwise(depthwise) + stem)
            wanted = {"stem": stem, "depthwise": depthwise, "add": added, "pool": model.pool(added)}
            answer = int(model(inputs).argmax())
        for name, values in wanted.items():
            np.testing.assert_array_equal(trace.mask("photos", number, name), (values != 0)[0].numpy())
        assert (entry.labels[number], (entry.predictions or ())[number]) == ((folder.labels or ())[position], answer)
    assert 0.1 < trace.masks("photos", "depthwise").mean() < 0.9


def test_the_accuracy_is_that_of_the_whole_folder(tmp_path: Path, photos: Path, weights: str) -> None:
    entry = RECORDER.record(tmp_path / "out", [OwnTask("photos", photos, weights)]).entry("photos")
    everything = replace(RECORDER, images=12).record(tmp_path / "all", [OwnTask("photos", photos, weights)])
    all_of_it = everything.entry("photos")
    right = np.equal(all_of_it.labels, all_of_it.predictions or ()).mean()
    assert (entry.test_accuracy, entry.test_images) == (pytest.approx(right), 12)
    assert entry.image_ids == all_of_it.image_ids[:3]
    # a mask does not depend on how many images are recorded with it
    for name in everything.network.recorded:
        few = Trace.load(tmp_path / "out").masks("photos", name)
        np.testing.assert_array_equal(few, everything.masks("photos", name)[:3])


def workload(folder: Path, tasks: list[str], scheme: str = "conventional") -> Path:
    content = {
        "name": "own", "tasks": tasks, "batch_images": 2, "images_per_task": 2, "traces": {"own": "out"},
        "cases": [
            {"name": "skipping", "scheme": scheme, "trace": "own"},
            {"name": "dense", "scheme": scheme, "trace": "own", "skipping": "none"},
        ],
    }  # fmt: skip
    (folder / "own.yaml").write_text(yaml.safe_dump(content))
    return folder / "own.yaml"


def test_replayed_macs_are_pytorchs_count_of_taps_that_are_not_zero(tmp_path: Path, photos: Path, weights: str) -> None:
    """Every weight meets an input that is not 0: convolve the mask of what a layer reads by ones."""
    trace = RECORDER.record(tmp_path / "out", [OwnTask("photos", photos, weights)])
    skipping, dense = run_workload(load_workload(str(workload(tmp_path, ["photos"]))), "singular", jobs=1)
    assert (skipping.violations, dense.violations) == ((), ())
    model = OwnModel(BUILD, SIZE, 0).load(weights)
    wanted: dict[str, int] = {}
    everything: dict[str, int] = {}

    def taps(layer: nn.Module, read: torch.Tensor) -> int:
        """All products of *layer* whose input is not 0; *read* is (1, C, H, W) of zeros and ones."""
        ones = torch.ones_like(layer.weight, dtype=torch.float64)
        if isinstance(layer, nn.Conv2d):
            return int(
                nn.functional.conv2d(read.double(), ones, None, layer.stride, layer.padding, 1, layer.groups).sum()
            )
        return int(nn.functional.linear(read.double().flatten(1), ones).sum())

    folder = scan_folder(photos)
    for position in trace.entry("photos").image_ids[:2]:
        inputs = normalise(folder.read([position], SIZE).images)
        with torch.no_grad():
            outputs = model.outputs(inputs) | {"image": inputs}
        for site in model.sites:
            if site.weights:
                read = outputs[site.inputs[0]]
                # the image, and what has no ReLU behind it, count as dense
                counts = read != 0 if trace.network.is_sparse(site.inputs[0]) else torch.ones_like(read)
                layer = model.layers[site.name]
                wanted[site.name] = wanted.get(site.name, 0) + taps(layer, counts)
                everything[site.name] = everything.get(site.name, 0) + taps(layer, torch.ones_like(read))
    for result, counts in ((skipping, wanted), (dense, everything)):
        found: dict[str, int] = {}
        for phase in result.ledger.phases:
            if phase.layer in counts:
                found[phase.layer] = found.get(phase.layer, 0) + sum(row.macs for row in phase.rows.values())
        assert found == counts
    assert wanted["depthwise"] < everything["depthwise"]


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, photos: Path, weights: str) -> None:
    for name in ("one", "two"):
        RECORDER.record(tmp_path / name, [OwnTask("photos", photos, weights)])
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert str(tmp_path) not in (tmp_path / "one" / "manifest.json").read_text()
    before = (tmp_path / "one" / "photos.npz").read_bytes()
    replace(RECORDER, seed=9).record(tmp_path / "one", [OwnTask("photos", photos, weights)], overwrite=True)
    assert (tmp_path / "one" / "photos.npz").read_bytes() != before


def test_a_flat_folder_is_recorded_without_labels(tmp_path: Path, photos: Path, weights: str) -> None:
    flat = photos / "class0"
    trace = RECORDER.record(tmp_path / "out", [OwnTask("flat", flat, weights)])
    entry = trace.entry("flat")
    assert (entry.labels, entry.test_accuracy, len(entry.predictions or ())) == ((), None, 3)
    results = run_workload(load_workload(str(workload(tmp_path, ["flat"]))), "singular", jobs=1)
    assert all(result.ledger.cycles > 0 for result in results)


def test_several_tasks_with_heads_of_their_own(tmp_path: Path, photos: Path, weights: str) -> None:
    other = draw_images(tmp_path / "two", 2, 2, seed=1)
    torch.manual_seed(4)
    tasks = [OwnTask("a", photos, weights), OwnTask("b", other, save_weights(tmp_path / "b.pt", Residual(2)))]
    trace = RECORDER.record(tmp_path / "out", tasks)
    assert [trace.entry(name).classes for name in trace.tasks] == [4, 2]
    assert trace.network.node("head").shape == (4, 1, 1)
    assert run_workload(load_workload(str(workload(tmp_path, ["a", "b"]))), "pipelined", jobs=1)[0].violations == ()
    with pytest.raises(InputError) as caught:
        replace(RECORDER, scheme="mime").record(tmp_path / "mime", tasks)
    rule = "tasks of scheme mime share all weights but the head's: these differ from the first task's"
    assert str(caught.value) == f"task 'b': stem: {rule}"


def test_pruned_weights_are_recorded(tmp_path: Path, photos: Path) -> None:
    torch.manual_seed(5)
    model = Residual(4)
    with torch.no_grad():
        for layer in (model.stem, model.wide, model.head):
            layer.weight[torch.rand_like(layer.weight) < 0.7] = 0
    weights = save_weights(tmp_path / "pruned.pt", model)
    other = draw_images(tmp_path / "two", 4, 1, seed=1)
    recorder = replace(RECORDER, scheme="pruned")
    trace = recorder.record(tmp_path / "out", [OwnTask("a", photos, weights), OwnTask("b", other, weights)])
    for name, layer in (("stem", model.stem), ("wide", model.wide), ("head", model.head)):
        kept = trace.weight_mask("a", name)
        assert kept is not None
        np.testing.assert_array_equal(kept.reshape(layer.weight.shape), (layer.weight != 0).numpy())
    assert trace.weight_mask("a", "depthwise") is None
    assert trace.entry("b").weights_file == "a.weights.npz"
    results = run_workload(load_workload(str(workload(tmp_path, ["a", "b"], "pruned"))), "singular", jobs=1)
    assert [result.violations for result in results] == [(), ()]


def test_tasks_pruned_differently_keep_masks_of_their_own(tmp_path: Path, photos: Path) -> None:
    tasks = []
    for number, name in enumerate("ab"):
        torch.manual_seed(6)
        model = Residual(4)
        with torch.no_grad():
            model.wide.weight[number] = 0
        tasks.append(OwnTask(name, photos, save_weights(tmp_path / f"{name}.pt", model)))
    trace = replace(RECORDER, scheme="pruned", accuracy=False).record(tmp_path / "out", tasks)
    assert [trace.entry(name).weights_file for name in "ab"] == ["a.weights.npz", "b.weights.npz"]
    assert trace.entry("a").test_accuracy is None


def thresholds() -> nn.Module:
    """MIME in the user's own network: threshold layers where it had ReLUs."""
    torch.manual_seed(7)
    threshold = ThresholdLayer((6, SIZE, SIZE), "channel", start=0.1)
    conv = nn.Conv2d(3, 6, 3, padding=1)
    return nn.Sequential(conv, threshold, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 4))


def test_threshold_layers_are_recorded_as_mime(tmp_path: Path, photos: Path) -> None:
    recorder = replace(RECORDER, model=f"{__name__}:thresholds")
    with pytest.raises(InputError, match="has threshold layers: say mime"):
        recorder.record(tmp_path / "out", [OwnTask("photos", photos)])
    trace = replace(recorder, scheme="mime").record(tmp_path / "out", [OwnTask("photos", photos)])
    assert trace.manifest.scheme_options == {"threshold_granularity": "channel"}
    assert trace.network.recorded == ("0", "2")
    assert trace.masks("photos", "0").mean() < 0.6


def test_networks_that_are_known_by_name(tmp_path: Path, photos: Path) -> None:
    flat = [OwnTask("a", photos / "class0", str(tmp_path / "w.pt"))]
    import torchvision

    torch.manual_seed(8)
    for name, build in (("resnet18", "resnet18"), ("torchvision:mnasnet0_5", "mnasnet0_5")):
        save_weights(tmp_path / "w.pt", torchvision.models.get_model(build, num_classes=6))
        trace = replace(RECORDER, model=name, size=32, images=1).record(tmp_path / "out", flat, overwrite=True)
        assert (trace.entry("a").classes, trace.network.name) == (6, name.replace(":", "."))


def test_one_channel_needs_its_own_statistics(tmp_path: Path, photos: Path) -> None:
    recorder = replace(RECORDER, model=f"{__name__}:grey")
    task = [OwnTask("photos", photos)]
    with pytest.raises(InputError, match=r"--mean: is needed: .*:grey reads one channel"):
        recorder.record(tmp_path / "out", task)
    with pytest.raises(InputError, match=r"--std: .*: must be 1 number"):
        replace(recorder, mean=(0.1,), std=(0.3, 0.3, 0.3)).record(tmp_path / "out", task)
    trace = replace(recorder, mean=(0.13,), std=(0.31,)).record(tmp_path / "out", task)
    assert trace.network.input.shape == (1, SIZE, SIZE)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["settings"]["mean"] == [0.13]


def grey() -> nn.Module:
    return Residual(4, channels=1)


def test_tasks_are_named_by_folder_or_by_hand() -> None:
    assert parse_tasks(["x/photos/", "dogs=y=z"], ["w.pt", "dogs=d.pt"]) == [
        OwnTask("photos", Path("x/photos"), "w.pt"),
        OwnTask("dogs", Path("y=z"), "d.pt"),
    ]
    assert parse_tasks(["cats=."], []) == [OwnTask("cats", Path())]
    assert parse_tasks(["a=x", "b=./c=d"], ["b=w", "a=v"])[1] == OwnTask("b", Path("c=d"), "w")
