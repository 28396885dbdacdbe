"""The trace of a merged network: the same images for every task, each task with the units that it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from mimesim.trace import TraceWriter
from mimesim.training.data import normalise
from mimesim.training.pam.chain import HEAD
from mimesim.training.pam.config import PamConfig
from mimesim.training.pam.merged import MergedNet, node_name
from mimesim.training.pam.partition import SHARED
from mimesim.training.pam.tasks import TaskImages
from mimesim.training.recording.masks import versions
from mimesim.training.sources import TITLES

__all__ = ["record_system"]


def record_system(
    chosen: TaskImages, net: MergedNet, system: str, config: PamConfig, accuracy: Mapping[str, float], tested: int,
    number: int,
) -> Path:  # fmt: skip
    """Write the masks of the images *chosen* to ``<results>/<system>``: a task for each task of *net*, with its units.

    What several tasks share is computed once, so their masks of it are the same to the bit. *accuracy* is that of each
    task on *tested* images, *number* the round of pruning.
    """
    network = net.network(f"{config.network.replace(':', '.')}-{system}")
    net.cpu().float().eval()
    with torch.inference_mode():
        outputs = net.outputs(normalise(chosen.images.images))
    directory = config.results / system
    settings = {
        "training": config.name, "note": config.note, "system": system, "round": number, "size_px": config.size_px,
        "subset": config.subset, "tasks": [task.model_dump(mode="json") for task in config.tasks],
        "single": config.single.model_dump(mode="json"), "merged": config.merged.model_dump(mode="json"),
        "information": config.information.model_dump(mode="json"), "pruning": config.pruning.model_dump(mode="json"),
        "input": "bilinear to size_px, three channels (grey repeated), ImageNet mean and deviation",
        "recorded": "inference mode, float32, batch norm in place; mask = value != 0 after activation or pooling",
        "images": "the same for all tasks, drawn by seed and image set; image_ids: docs/data.md",
    }  # fmt: skip
    with TraceWriter(
        directory, network=network, scheme="pam", origin="recorded", seed=config.seed, settings=settings,
        versions=versions(), scheme_options={"batch_norm": "trained"}, overwrite=True,
    ) as writer:  # fmt: skip
        for task in net.tasks:
            units = [unit for unit in (SHARED, task) if any(node.unit == unit for node in network.nodes)]
            masks = {
                name: (outputs[name] != 0).view(-1, *network.node(name).shape).numpy()
                for name in network.recorded_by(units)
            }
            writer.add_task(
                task, dataset=TITLES.get(config.dataset, config.dataset), classes=net.classes[task], masks=masks,
                image_ids=chosen.images.ids.tolist(), labels=chosen.labels[task].tolist(),
                predictions=outputs[node_name(HEAD, task)].argmax(1).tolist(), test_accuracy=accuracy[task],
                test_images=tested, units=units,
            )  # fmt: skip
    return directory
