"""The masks of virtual networks as a trace, in which each (task, level) is a task of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mimesim.errors import InputError
from mimesim.trace import TraceWriter
from mimesim.training.data import ImageSet, normalise
from mimesim.training.dvn.graph import head_name, level_name, network_of, units_of
from mimesim.training.dvn.model import VirtualNetworks
from mimesim.training.recording.masks import versions
from mimesim.training.sources import TITLES

__all__ = ["record_virtual"]


def record_virtual(
    model: VirtualNetworks, folder: Path, name: str, images: Mapping[str, ImageSet],
    scores: Mapping[str, Mapping[str, Any]], seed: int, settings: Mapping[str, Any],
) -> None:  # fmt: skip
    """Run *images* of each task, at the network's size, through all its levels and write the trace to *folder*.

    Inference mode, float32; *scores* hold ``accuracy`` and ``images`` by the virtual network's name. A virtual network
    has the masks of its own units only. A trace that lies in *folder* is replaced.
    """
    backbone = model.eval().backbone
    network = network_of(backbone, name)
    with TraceWriter(
        folder, network=network, scheme="dvn", seed=seed, settings=settings, versions=versions(), overwrite=True
    ) as writer:
        for task, level in backbone.assignment.virtual:
            data, called = images[task], level_name(task, level)
            with torch.inference_mode():
                outputs = model.outputs(normalise(data.images), task, level)
            scored = outputs[head_name(task, level)]
            if not scored.isfinite().all():
                raise InputError("recording", "the network makes NaN or infinity of an image", key=called)
            units = units_of(backbone, task, level)
            writer.add_task(
                called, dataset=TITLES.get(task, task), classes=backbone.classes[task], units=units,
                masks={tensor: (outputs[tensor] != 0).numpy() for tensor in network.recorded_by(units)},
                image_ids=data.ids.tolist(), labels=data.labels.tolist(), predictions=scored.argmax(1).tolist(),
                test_accuracy=scores[called]["accuracy"], test_images=scores[called]["images"],
            )  # fmt: skip
