"""One task of a recording: its images through its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.training.data import normalise
from mimesim.training.recording.image_folder import ImageFolder
from mimesim.training.recording.masks import Bits, record, weight_masks
from mimesim.training.recording.patience import patiently
from mimesim.training.tracing.model import TracedModel

__all__ = ["RecordedImages", "TaskRecorder"]

#: Images at a time where only the accuracy is wanted.
_BATCH = 32


class _PackedMasks(Mapping[str, Bits]):
    """Masks that take a bit per neuron until they are asked for."""

    def __init__(self, network: Network) -> None:
        self._shapes = {name: network.node(name).shape for name in network.recorded}
        self._rows: dict[str, list[npt.NDArray[np.uint8]]] = {name: [] for name in self._shapes}

    def add(self, masks: Mapping[str, Bits]) -> None:
        """Append the masks, (1, C, H, W), of one image."""
        for name, bits in masks.items():
            self._rows[name].append(np.packbits(bits))

    def __getitem__(self, name: str) -> Bits:
        shape = self._shapes[name]
        flat = np.unpackbits(np.stack(self._rows[name]), axis=1, count=prod(shape))
        return flat.astype(np.bool_).reshape(-1, *shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


@dataclass(frozen=True)
class RecordedImages:
    """Masks of a task's images, with their labels, if there are any, and what the network made of them."""

    masks: _PackedMasks
    labels: list[int]
    predictions: list[int]


@dataclass(frozen=True)
class TaskRecorder:
    """Task *name*: its network, the folder of its images, and how they are scaled and normalised."""

    name: str
    folder: ImageFolder
    model: TracedModel
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 (N, C, H, W) to what the network reads, float32."""
        return normalise(images, self.mean, self.std)

    def record(self, network: Network, positions: Sequence[int]) -> RecordedImages:
        """The masks of some images, one at a time: so a mask depends on its image alone."""
        masks = _PackedMasks(network)
        labels: list[int] = []
        predictions: list[int] = []
        for position in patiently(positions, f"recording {self.name}"):
            image = self.folder.read([position], self.size, len(self.mean))
            try:
                found = record(self.model, network, image, self.prepare)
            except (InputError, RuntimeError) as error:
                reason = error.rule if isinstance(error, InputError) else str(error).splitlines()[0]
                raise InputError(str(self.folder.root / self.folder.files[position]), reason) from error
            masks.add(found.masks)
            labels += found.labels if self.folder.labels is not None else []
            predictions += found.predictions
        return RecordedImages(masks, labels, predictions)

    def accuracy(self) -> float:
        """The share of all images of the folder that the network labels rightly."""
        right = 0
        batches = [range(start, min(start + _BATCH, len(self.folder))) for start in range(0, len(self.folder), _BATCH)]
        for batch in patiently(batches, f"accuracy of {self.name} (batches of {_BATCH})"):
            data = self.folder.read(batch, self.size, len(self.mean))
            with torch.inference_mode():
                outputs = self.model.module(self.prepare(data.images))
            right += int((outputs.argmax(1) == data.labels).sum())
        return right / len(self.folder)

    def kept_weights(self, network: Network) -> dict[str, Bits]:
        """Masks of the layers that have zeros; a head with fewer classes than the network's is left out."""
        kept = weight_masks(self.model, [node.name for node in network.weight_layers])
        if self.model.head.weight.shape[0] != network.nodes[-1].shape[0]:
            del kept[self.model.head_site.name]
        kept = {name: bits for name, bits in kept.items() if not bits.all()}
        if not kept:
            raise InputError(f"task {self.name!r}", "no weight is 0, so nothing is pruned: this is not --scheme pruned")
        return kept
