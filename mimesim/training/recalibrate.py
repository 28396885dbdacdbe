"""Batch-norm statistics measured anew, at the size and without the augmentation that inference sees."""

from __future__ import annotations

import torch
from torch import nn

from mimesim.training.data import ImageSet, normalise
from mimesim.training.device import autocast, enough_memory
from mimesim.training.tracing.model import TracedModel

__all__ = ["recalibrate"]


def recalibrate(model: TracedModel, data: ImageSet, device: torch.device, batch: int = 100) -> None:
    """Replace the running mean and variance of every batch norm by the average over the batches of *data*.

    Running averages forget slowly: after a change of input size, or while the weights still move, they describe
    another network than the one that is left. Nothing but the statistics changes.
    """
    norms = [norm for norm in model.norms.values() if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm1d)]
    momenta = [norm.momentum for norm in norms]
    model.module.to(device).eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's way to ask for the plain average over all batches
        norm.train()
    with enough_memory("batch norm", f"{batch} images at a time must fit"), torch.no_grad(), autocast(device):
        for images in torch.split(data.images, batch):
            model.module(normalise(images.to(device)).contiguous(memory_format=torch.channels_last))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.module.eval()
