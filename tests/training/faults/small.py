"""A network with one of each kind of layer, and a training of it on the digits and on some of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

TASKS = ("digits", "digits_too")


class Small(nn.Module):
    """A strided convolution, a depthwise one beside a shortcut, a pool and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(12)
        self.depthwise = nn.Conv2d(12, 12, 3, padding=1, groups=12)
        self.norm2 = nn.BatchNorm2d(12)
        self.pool = nn.MaxPool2d(2)
        self.hidden = nn.Linear(48, 20)
        self.head = nn.Linear(20, 10)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.norm1(self.stem(x)))
        y = self.relu(y + self.norm2(self.depthwise(y)))
        return self.head(self.relu(self.hidden(self.pool(y).flatten(1))))


def build() -> nn.Module:
    return Small()


def settings(folder: Path, size: int = 8) -> dict[str, Any]:
    """A short training; every method that a scheme replays."""
    return {
        "name": "small",
        "network": "tests.training.faults.small:build",
        "size_px": size,
        "seed": 5,
        "test_images": 40,
        "runs": folder / "runs",
        "parent": {
            "dataset": "digits",
            "train_images": 400,
            "rate": 0.01,
            "schedule": {"batch": 20, "phases": [{"size_px": size, "epochs": 12}]},
        },
        "child": {
            "tasks": TASKS,
            "train_images": 200,
            "batch": 20,
            "phases": [{"size_px": size, "epochs": 4}],
            "methods": [
                {"scheme": "mime", "rates": [0.05], "head_rate": 0.02},
                {"scheme": "mime", "name": "channel", "threshold_granularity": "channel", "rates": [0.05]},
                {"scheme": "mime", "name": "own-norm", "batch_norm": "statistics", "rates": [0.05]},
                {"scheme": "conventional", "rates": [0.01]},
                {"scheme": "pruned", "rates": [0.01]},
            ],
        },
        "record": {
            "directory": folder / "traces",
            "images": dict.fromkeys(("mime", "channel", "own-norm", "conventional", "pruned"), 2),
        },
    }


#: Caches too small for the whole network, so that blocks are fetched more than once and some stay.
WORKLOAD = """
name: small
tasks: [digits, digits_too]
batch_images: 3
traces: {mime: traces/mime, channel: traces/channel, own-norm: traces/own-norm,
         conventional: traces/conventional, pruned: traces/pruned}
cases:
  - {name: mime, scheme: mime, trace: mime}
  - {name: channel, scheme: mime, trace: channel, options: {granularity: channel}}
  - {name: own-norm, scheme: mime, trace: own-norm}
  - {name: conventional, scheme: conventional, trace: conventional}
  - {name: pruned, scheme: pruned, trace: pruned, options: {storage: bitmap}}
hardware:
  grid: {positions: [2, 2], channels: 4}
  scratchpad: {weight_bank_words: 20, bytes: 256}
  caches: {weights_kib: 1.0, thresholds_kib: 0.25}
schedule: {position_tiles_per_pe: 2}
"""
