"""Accuracy and sparsity of a network over a test set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mimesim.accuracy import interval
from mimesim.training.data import ImageSet, normalise
from mimesim.training.device import autocast, enough_memory
from mimesim.training.tracing.model import TracedModel

__all__ = ["Score", "evaluate", "share_right"]


@dataclass(frozen=True)
class Score:
    """Test accuracy, half the width of its 95 % interval, and the share of zeros in every node's output.

    *correct* has a bit per image, in order, 1 where the network was right: ``numpy.packbits`` in hexadecimal digits.
    Two networks tested on the same images can so be compared image by image.
    """

    accuracy: float
    interval: float
    images: int
    sparsity: dict[str, float]
    correct: str


def evaluate(model: TracedModel, data: ImageSet, device: torch.device, batch: int = 100) -> Score:
    """Score *model*, in inference mode, on *data*, which has the model's input size already."""
    model.module.to(device).eval()
    right: list[Tensor] = []
    head = model.head_site.name
    zeros: dict[str, float] = {}
    with enough_memory("test", f"{batch} images at a time must fit"), torch.inference_mode(), autocast(device):
        for images, labels in zip(torch.split(data.images, batch), torch.split(data.labels, batch), strict=True):
            inputs = normalise(images.to(device)).contiguous(memory_format=torch.channels_last)
            outputs = model.outputs(inputs)
            right.append(outputs[head].argmax(1).cpu() == labels)
            for name, output in outputs.items():
                zeros[name] = zeros.get(name, 0.0) + len(images) * (
                    1.0 - output.count_nonzero().item() / output.numel()
                )
    accuracy, interval, correct = share_right(torch.cat(right))
    sparsity = {name: count / len(data) for name, count in zeros.items() if name != head}
    return Score(accuracy, interval, len(data), sparsity, correct)


def share_right(right: Tensor) -> tuple[float, float, str]:
    """Return the share of images that were *right* (a bool each), half its 95 % interval, and a bit per image.

    The interval is that of :func:`mimesim.accuracy.interval`.
    """
    correct = right.numpy()
    share = float(correct.mean())
    return share, interval([(share, len(correct))]), np.packbits(correct).tobytes().hex()
