"""The recordings in traces/: whole, small enough, consistent with each other and labelled as what they are."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mimesim.networks import build
from mimesim.trace import Trace
from mimesim.training.config import TrainingConfig, load_config
from mimesim.training.recording.scheme import scheme_of, scheme_options

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "traces" / "vgg16-64"
SCHEMES = ("conventional", "mime", "pruned")
TASKS = ("cifar10", "cifar100", "fashion_mnist")
CONFIGS = ("vgg16-reduced", "resnet18", "mobilenet_v2", "compare", "compare-shared")


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    return {scheme: Trace.load(FOLDER / scheme) for scheme in SCHEMES}


def shipped(name: str) -> tuple[TrainingConfig, Path]:
    config = load_config(ROOT / "workloads" / "training" / f"{name}.yaml")
    return config, ROOT / config.record.directory


def test_all_traces_together_stay_small() -> None:
    files = [path for path in (ROOT / "traces").rglob("*") if path.is_file()]
    suites = [path for path in files if path.relative_to(ROOT / "traces").parts[0].startswith("compare")]
    for some in (set(files) - set(suites), suites):
        assert sum(path.stat().st_size for path in some) <= 8_000_000


def test_vgg16_is_the_simulators(traces: dict[str, Trace]) -> None:
    for trace in traces.values():
        assert trace.manifest.network == build("vgg16", 64, 100)


@pytest.mark.parametrize("name", CONFIGS)
def test_they_say_how_they_were_made(name: str) -> None:
    config, folder = shipped(name)
    for method in config.child.methods:
        if method.name not in config.record.images:
            assert not (folder / method.name).exists()
            continue
        manifest = Trace.load(folder / method.name).manifest
        assert (manifest.scheme, manifest.origin, manifest.parent) == (scheme_of(method), "recorded", "tinyimagenet100")
        assert manifest.seed == config.seed
        assert manifest.settings["training"] == config.name
        assert manifest.settings["note"] == config.note
        assert manifest.settings["method"] == method.model_dump(mode="json")
        assert manifest.settings["child"] == config.child.model_dump(mode="json", exclude={"methods", "tasks"})
        parent = dict(manifest.settings["parent"])  # type: ignore[arg-type]
        parent.pop("result")
        assert parent == config.parent.model_dump(mode="json")
        assert manifest.scheme_options == scheme_options(method, len(config.child.tasks))
        for task in config.child.names:
            assert manifest.tasks[task].images == config.record.images[method.name]
            assert manifest.tasks[task].test_images == config.test_images


@pytest.mark.parametrize("name", CONFIGS)
def test_tables_and_manifests_agree(name: str) -> None:
    config, folder = shipped(name)
    accuracy = pd.read_csv(folder / "accuracy.csv").set_index(["task", "method"])
    assert set(accuracy.index) == {
        (task, method.name) for task in config.child.names for method in config.child.methods
    }
    for method in config.record.images:
        manifest = json.loads((folder / method / "manifest.json").read_text())
        for task in config.child.names:
            assert accuracy.loc[task, method]["accuracy"] == pytest.approx(manifest["tasks"][task]["test_accuracy"])
    for picture in ("accuracy", "curves", "sparsity"):
        assert (folder / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


def test_all_schemes_recorded_the_same_images(traces: dict[str, Trace]) -> None:
    for task, classes in zip(TASKS, (10, 100, 10), strict=True):
        entries = {scheme: trace.entry(task) for scheme, trace in traces.items()}
        for one, other in pairwise(entries.values()):
            common = min(one.images, other.images)
            assert one.image_ids[:common] == other.image_ids[:common]
            assert one.labels[:common] == other.labels[:common]
        for entry in entries.values():
            assert entry.classes == classes
            assert entry.test_accuracy is not None
            assert entry.test_accuracy > 2 / classes
        assert {entry.images for entry in entries.values()} == {3}


def test_a_few_images_resemble_the_whole_test_set(traces: dict[str, Trace]) -> None:
    for trace in traces.values():
        for task in TASKS:
            over_all = trace.manifest.settings["test_sparsity"]
            assert isinstance(over_all, dict)
            row = over_all[task]
            assert isinstance(row, dict)
            for name in trace.network.recorded:
                value = row[name]
                assert isinstance(value, float)
                assert 1 - trace.masks(task, name).mean() == pytest.approx(value, abs=0.15), (task, name)


def test_a_pool_keeps_whatever_its_window_holds(traces: dict[str, Trace]) -> None:
    for trace in traces.values():
        for task in TASKS:
            before, after = trace.masks(task, "conv2"), trace.masks(task, "pool1")
            windows = before.reshape(*before.shape[:2], 32, 2, 32, 2).any(axis=(3, 5))
            np.testing.assert_array_equal(windows, after)


def test_pruned_layers_keep_a_tenth_and_share_it_between_tasks(traces: dict[str, Trace]) -> None:
    trace = traces["pruned"]
    assert len({trace.entry(task).weights_file for task in TASKS}) == 1
    for node in trace.network.weight_layers:
        kept = trace.weight_mask("cifar10", node.name)
        if node.name == "classifier":
            assert kept is None
        else:
            assert kept is not None
            assert kept.mean() == pytest.approx(0.1, abs=1e-3)


def test_thresholds_leave_less_than_relu(traces: dict[str, Trace]) -> None:
    convs = [node.name for node in traces["mime"].network.nodes if node.kind == "conv"]
    for task in TASKS:
        density = {
            scheme: float(np.mean([traces[scheme].masks(task, name).mean() for name in convs]))
            for scheme in ("mime", "conventional")
        }
        assert density["mime"] < density["conventional"], task


def test_packed_masks_grow_from_task_to_task() -> None:
    trace = Trace.load(ROOT / "traces" / "compare" / "packnet")
    for node in trace.network.weight_layers[:-1]:
        first, second, third = (trace.weight_mask(task, node.name) for task in TASKS)
        assert first is not None
        assert second is not None
        assert third is not None
        assert not (first & ~second).any()
        assert not (second & ~third).any()
        for mask, share in ((first, 1 / 2), (second, 3 / 4), (third, 7 / 8)):
            assert mask.mean() == pytest.approx(share, abs=0.001), node.name
