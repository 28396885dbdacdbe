"""The recordings in traces/: whole, small enough, consistent with each other and labelled as what they are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mimesim.trace import Trace

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "traces" / "vgg16-64"
SCHEMES = ("conventional", "mime", "pruned")
TASKS = ("cifar10", "cifar100", "fashion_mnist")


@pytest.fixture(scope="module")
def traces() -> dict[str, Trace]:
    return {scheme: Trace.load(FOLDER / scheme) for scheme in SCHEMES}


def test_all_traces_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "traces").rglob("*") if path.is_file()) <= 6_000_000


def test_all_schemes_recorded_the_same_images(traces: dict[str, Trace]) -> None:
    for task, classes in zip(TASKS, (10, 100, 10), strict=True):
        entries = {scheme: trace.entry(task) for scheme, trace in traces.items()}
        for one, other in pairwise(entries.values()):
            common = min(one.images, other.images)
            assert one.image_ids[:common] == other.image_ids[:common]
            assert one.labels[:common] == other.labels[:common]
        for entry in entries.values():
            assert entry.classes == classes
            assert entry.test_images == 1000
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
