"""Accuracy and sparsity of a network over a test set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from mimesim.training.data import ImageSet, normalise
from mimesim.training.device import autocast
from mimesim.training.tracing import TracedModel

__all__ = ["Score", "evaluate"]


@dataclass(frozen=True)
class Score:
    """Test accuracy, half the width of its 95 % interval, and the share of zeros in every node's output."""

    accuracy: float
    interval: float
    images: int
    sparsity: dict[str, float]


def evaluate(model: TracedModel, data: ImageSet, device: torch.device, batch: int = 100) -> Score:
    """Score *model*, in inference mode, on *data*, which has the model's input size already."""
    model.module.to(device).eval()
    right = 0
    head = model.head_site.name
    zeros: dict[str, float] = {}
    with torch.inference_mode(), autocast(device):
        for images, labels in zip(torch.split(data.images, batch), torch.split(data.labels, batch), strict=True):
            inputs = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
            outputs = model.outputs(inputs)
            right += int((outputs[head].argmax(1).cpu() == labels).sum())
            for name, output in outputs.items():
                zeros[name] = zeros.get(name, 0.0) + len(images) * (
                    1.0 - output.count_nonzero().item() / output.numel()
                )
    accuracy = right / len(data)
    # normal approximation of the binomial: good to a tenth of a point at 2,000 images
    interval = 1.96 * math.sqrt(max(accuracy * (1 - accuracy), 1e-12) / len(data))
    return Score(accuracy, interval, len(data), {n: z / len(data) for n, z in zeros.items() if n != head})
