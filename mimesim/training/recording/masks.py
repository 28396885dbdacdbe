"""From a trained network to a trace: the masks of a few images, exactly as the network computed them."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import mimesim
from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.training.data import ImageSet, draw, normalise
from mimesim.training.sharing.packnet import owners_of
from mimesim.training.sharing.piggyback import MaskedConv2d, MaskedLinear
from mimesim.training.tracing.model import TracedModel

__all__ = ["Recording", "choose_images", "record", "versions", "weight_masks"]

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recording:
    """Masks of a few images: per tensor bool (images, C, H, W), *value != 0*; with what the network made of them."""

    masks: dict[str, Bits]
    image_ids: list[int]
    labels: list[int]
    predictions: list[int]


def choose_images(data: ImageSet, count: int, seed: int, task: str) -> ImageSet:
    """*count* test images drawn by seed and task name alone, before any network has seen one of them.

    A smaller count yields the first of a larger count's, so that all schemes record the same images.
    """
    if count > len(data):
        raise InputError(task, f"has only {len(data)} test images", key="record.images", value=count)
    return data.take(draw(len(data), count, seed, task))


def record(
    model: TracedModel, network: Network, data: ImageSet, prepare: Callable[[Tensor], Tensor] = normalise
) -> Recording:
    """Run *data* through *model* in inference mode, on the CPU in float32, and keep every mask *network* asks for.

    *prepare* makes of the uint8 images (N, C, H, W) what the network reads. The recorded shapes are checked against
    the network's, all but the head's, which differs from task to task; so is that the outputs are numbers.
    """
    model.module.to("cpu").eval()
    with torch.inference_mode():
        outputs = model.outputs(prepare(data.images))
    finite = outputs[model.head_site.name].isfinite().flatten(1).all(1)
    if not finite.all():
        image = data.ids[~finite][0].item()
        raise InputError("recording", "the network makes NaN or infinity of this image", key="image", value=image)
    masks: dict[str, Bits] = {}
    for name in network.recorded:
        if name not in outputs:
            raise InputError("recording", "the trained network has no such node", key=name)
        shape = network.node(name).shape
        values = outputs[name]
        if values.ndim == 2:
            values = values[:, :, None, None]
        if tuple(values.shape[1:]) != shape:
            raise InputError("recording", f"has shape {tuple(values.shape[1:])}, the network says {shape}", key=name)
        masks[name] = (values != 0).numpy()
    return Recording(masks, data.ids.tolist(), data.labels.tolist(), outputs[model.head_site.name].argmax(1).tolist())


def weight_masks(model: TracedModel, names: Collection[str]) -> dict[str, Bits]:
    """Which weights of the layers *names* are used: bool (outputs, inputs, height, width) or (outputs, inputs).

    Those that are not 0, and that a task's own mask leaves, where the layer has one; those that have an owner, where
    tasks are packed into one network, of which the later ones are not in *model* yet.
    """
    found = {}
    for name, layer in model.layers.items():
        if name in names:
            used = layer.weight.detach() != 0
            if isinstance(layer, MaskedConv2d | MaskedLinear):
                used &= layer.kept
            owners = owners_of(layer)
            if owners is not None:
                used = owners > 0
            found[name] = used.cpu().numpy()
    return found


def versions() -> dict[str, str]:
    """What the recording was made with."""
    return {
        "mimesim": mimesim.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
