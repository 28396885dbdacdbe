"""Accuracy and sparsity of a network over a test set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mimesim.training.data import ImageSet, normalise
from mimesim.training.loop import autocast
from mimesim.training.models import Vgg

__all__ = ["Score", "evaluate", "node_outputs"]


@dataclass(frozen=True)
class Score:
    """Test accuracy, half the width of its 95 % interval, and the share of zeros in every node's output."""

    accuracy: float
    interval: float
    images: int
    sparsity: dict[str, float]


def node_outputs(model: Vgg, images: Tensor) -> dict[str, Tensor]:
    """What every node writes for *images*: uint8 or normalised float (N, 3, H, W)."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> object:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            outputs[name] = output

        return model.nodes[name].register_forward_hook(hook)

    handles = [keep(name) for name in model.nodes]
    try:
        model(images)
    finally:
        for handle in handles:
            handle.remove()  # type: ignore[attr-defined]
    return outputs


def evaluate(model: Vgg, data: ImageSet, device: torch.device, batch: int = 100) -> Score:
    """Score *model*, in inference mode, on *data*, which has the model's input size already."""
    model.to(device).eval()
    right = 0
    zeros = dict.fromkeys(model.nodes, 0.0)
    with torch.inference_mode(), autocast(device):
        for images, labels in zip(torch.split(data.images, batch), torch.split(data.labels, batch), strict=True):
            inputs = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
            outputs = node_outputs(model, inputs)
            right += int((outputs["classifier"].argmax(1).cpu() == labels).sum())
            for name, output in outputs.items():
                zeros[name] += len(images) * (1.0 - output.count_nonzero().item() / output.numel())
    accuracy = right / len(data)
    # normal approximation of the binomial: good to a tenth of a point at 2,000 images
    interval = 1.96 * math.sqrt(max(accuracy * (1 - accuracy), 1e-12) / len(data))
    return Score(accuracy, interval, len(data), {n: z / len(data) for n, z in zeros.items() if n != "classifier"})
