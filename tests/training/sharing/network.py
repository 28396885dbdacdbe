"""A network with 3 x 3 convolutions, one of them strided, and a linear layer before the head."""

from __future__ import annotations

from torch import nn


def build() -> nn.Module:
    first = [nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU()]
    second = [nn.Conv2d(12, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*first, *second, nn.Linear(256, 24), nn.ReLU(), nn.Linear(24, 10))
