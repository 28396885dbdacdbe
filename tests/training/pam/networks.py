"""Small networks to be merged, and partitions of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from mimesim.training.data import ImageSet
from mimesim.training.models import Options, vgg
from mimesim.training.pam.merge import all_apart, common_chain, widths_of
from mimesim.training.pam.partition import LayerPartition, Partition
from mimesim.training.pam.tasks import TaskImages
from mimesim.training.tracing.model import TracedModel
from mimesim.training.tracing.sites import numbered
from tests.training.tracing.own_models import randomised

SIZE = 8


def small(seed: int, classes: int, width: int = 4) -> TracedModel:
    """Two convolutions with batch norm and pools, a hidden layer, a head; as after some training."""
    torch.manual_seed(seed)
    options = Options(classes, SIZE, hidden_batch_norm=True)
    model = vgg((width, "M", width + 2, "M"), (width + 1,), options)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)
    return TracedModel(randomised(model, seed), numbered)


def two(seed: int = 1) -> dict[str, TracedModel]:
    """Networks of two tasks, of different widths and classes."""
    return {"a": small(seed, 3), "b": small(seed + 100, 4, width=5)}


def images(count: int = 6) -> torch.Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(9))


def pictures(count: int) -> TaskImages:
    """Images of noise, each brighter in one of three places, with labels of two tasks that can be told from that."""
    generator = torch.Generator().manual_seed(4)
    labels = torch.randint(0, 12, (count,), generator=generator)
    pixels = torch.randint(0, 60, (count, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
    for row, label in enumerate(labels.tolist()):
        pixels[row, label % 3] += 90
        pixels[row, :, :, 2 * (label % 4) : 2 * (label % 4) + 2] += 60
    data = ImageSet(pixels, labels, torch.arange(count), 12)
    return TaskImages(data, {"a": labels % 3, "b": labels % 4}, {"a": 3, "b": 4})


def apart(models: Mapping[str, TracedModel]) -> Partition:
    """Every neuron is exclusive to the task that it was trained for."""
    return all_apart(models, SIZE)


def mixed(models: Mapping[str, TracedModel], seed: int = 0) -> Partition:
    """Neurons of any network in any unit, some dropped, and no unit empty."""
    generator = torch.Generator().manual_seed(seed)
    partition: Partition = {}
    for layer, counts in widths_of(models, common_chain(models, SIZE)).items():
        order = torch.randperm(sum(counts), generator=generator).tolist()
        groups = [tuple(sorted(order[start::4])) for start in range(4)]
        partition[layer] = LayerPartition(groups[0], {"a": groups[1], "b": groups[2]}, groups[3])
    return partition
