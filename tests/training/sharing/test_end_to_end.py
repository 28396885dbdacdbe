"""Adapters, updates and masks trained on real digits, recorded, and misread from multi-level cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from mimesim.cli.main import cli
from mimesim.trace import Trace
from mimesim.training.config import TrainingConfig
from mimesim.training.run import Training, train
from mimesim.training.sources import DATASETS

METHODS = ("head", "memti", "lora", "piggyback")
WORKLOAD = """
name: small
tasks: [odd]
traces: {memti: traces/memti}
cases: [{name: memti, scheme: memti, trace: memti}]
"""


def settings(folder: Path) -> dict[str, Any]:
    common = {"head_rate": 0.01}
    return {
        "name": "small",
        "network": "tests.training.sharing.network:build",
        "size_px": 8,
        "seed": 4,
        "test_images": 300,
        "runs": folder / "runs",
        "parent": {
            "dataset": "digits",
            "rate": 0.01,
            "schedule": {"batch": 50, "phases": [{"size_px": 8, "epochs": 4}]},
        },
        "child": {
            "tasks": ["odd"],
            "train_images": 600,
            "batch": 50,
            "phases": [{"size_px": 8, "epochs": 5}],
            "methods": [
                {"scheme": "head", "rates": [0.01]},
                {"scheme": "memti", "rates": [0.01], **common},
                {"scheme": "lora", "rates": [0.01], **common},
                {"scheme": "piggyback", "rates": [0.001], **common},
            ],
        },
        "record": {"directory": folder / "traces", "images": {"memti": 3, "lora": 2, "piggyback": 2}},
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A finished training of two-class digits, whether they are odd, from a parent of ten classes."""
    from dataclasses import replace

    def odd(folder: Path, split: Any, subset: bool) -> Any:
        data = DATASETS["digits"](folder, split, subset)
        return replace(data, labels=data.labels % 2, classes=2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATASETS, "odd", odd)
        made = tmp_path_factory.mktemp("sharing")
        traces = train(TrainingConfig.model_validate(settings(made)))
        assert [path.name for path in traces] == ["memti", "lora", "piggyback"]
        yield made


def test_everything_learns_more_than_the_head_alone(folder: Path) -> None:
    found = {name: json.loads((folder / "runs/small" / f"odd-{name}" / "metrics.json").read_text()) for name in METHODS}
    accuracy = {name: metrics["accuracy"] for name, metrics in found.items()}
    for name in METHODS[1:]:
        assert accuracy[name] > max(0.8, accuracy["head"] - 0.02), accuracy


def test_a_finished_child_is_read_back(folder: Path) -> None:
    config = TrainingConfig.model_validate(settings(folder))
    training = Training(config)
    parent = training.parent()
    for method in config.child.methods:
        model = training.child("odd", method, parent)
        kept = torch.load(folder / "runs/small" / f"odd-{method.name}" / "model.pt", weights_only=True)["model"]
        for name, tensor in kept.items():
            assert torch.equal(model.module.state_dict()[name], tensor)
        for name, tensor in parent.module.state_dict().items():
            if name.endswith("weight") and tensor.ndim == 4:
                assert name not in kept, "frozen weights are stored once"


def test_traces_have_branches_and_masks(folder: Path) -> None:
    memti, lora, piggyback = (Trace.load(folder / "traces" / name) for name in METHODS[1:])
    assert {branch.name for node in memti.network.nodes for branch in node.branches} == {"adapter"}
    assert {branch.name for node in lora.network.nodes for branch in node.branches} == {"lora"}
    assert memti.scheme == "memti"
    assert lora.manifest.scheme_options == {"batch_norm": "trained", "norm": "task", "rank": 4}
    layer = piggyback.network.weight_layers[1].name
    mask = piggyback.weight_mask("odd", layer)
    assert mask is not None
    assert 0 < mask.mean() < 1


def test_accuracy_over_bits_per_cell(folder: Path) -> None:
    (folder / "workload.yaml").write_text(WORKLOAD)
    command = ["faults", str(folder / "workload.yaml"), "--checkpoint", str(folder / "runs/small"), "--case", "memti"]
    options = ["--in", "envm", "--images", "100", "--out", str(folder / "out"), "--quiet"]
    done = CliRunner().invoke(cli, [*command, *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(folder / "out" / "accuracy.csv").set_index("bits_per_cell")
    assert table.loc[[1, 2], "difference"].tolist() == [0, 0]
    assert table.loc[3, "flips"] > 0
    faults = pd.read_csv(folder / "out" / "faults.csv")
    assert (faults[faults["layer"] == "head"]["flips"] == 0).all()
