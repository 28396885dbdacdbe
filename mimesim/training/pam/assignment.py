"""From trained networks to a partition: what every neuron tells about every task, layer by layer."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import torch

from mimesim.network import Node
from mimesim.training.data import normalise
from mimesim.training.pam.chain import common_chain
from mimesim.training.pam.config import InformationSettings
from mimesim.training.pam.information import neuron_outputs
from mimesim.training.pam.merge import widths_of
from mimesim.training.pam.partition import Partition, connected, irrelevant, partition_layer
from mimesim.training.pam.tasks import TaskImages
from mimesim.training.tracing.model import TracedModel

__all__ = ["partition_networks"]


def partition_networks(
    models: Mapping[str, TracedModel], data: TaskImages, settings: InformationSettings, seed: int, size: int
) -> Partition:
    """What becomes of the neurons of the networks of several tasks, from their outputs on images drawn from *data*.

    The outputs are those of the networks as they were trained, in inference mode. The sizes go to stderr.
    """
    chain = common_chain(models, size)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(seed))
    some = data.take(order[: settings.images])
    with torch.inference_mode():
        images = normalise(some.images.images)
        outputs = [model.outputs(images) for model in models.values()]
    widths = widths_of(models, chain)
    found: Partition = {}
    for layer in widths:
        neurons = torch.cat([neuron_outputs(output[layer]) for output in outputs], 1)
        node = chain.link(layer).node
        linear = isinstance(node, Node) and node.kind == "linear"
        nats = settings.linear_nats if linear else settings.conv_nats
        sets = {task: irrelevant(neurons, some.labels[task], nats, settings.noise) for task in models}
        found[layer] = here = partition_layer(sets, neurons.shape[1])
        sizes = ", ".join(f"{name} {len(group)}" for name, group in {**here.units, "dropped": here.dropped}.items())
        print(f"{layer}: {sizes}", file=sys.stderr, flush=True)
    return connected(found, widths)
