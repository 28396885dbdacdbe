"""Image sets in memory, at any size, with augmentation that depends on nothing but its seed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

__all__ = [
    "MEAN",
    "STD",
    "ImageSet",
    "augment",
    "draw",
    "hold_out",
    "normalise",
    "random_resized_crop",
    "resize",
    "subset",
]

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet, as its pretrained networks expect; the same for the parent and every child."""


@dataclass(frozen=True)
class ImageSet:
    """Images of one split: uint8 (N, 3, H, W), labels int64 (N,), and each image's place in its split, int64 (N,)."""

    images: Tensor
    labels: Tensor
    ids: Tensor
    classes: int

    def __len__(self) -> int:
        """Images."""
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.int64] | Tensor) -> ImageSet:
        """The images at *rows*, in that order."""
        index = torch.as_tensor(rows, dtype=torch.int64)
        return ImageSet(self.images[index], self.labels[index], self.ids[index], self.classes)


def subset(data: ImageSet, count: int | None, seed: int) -> ImageSet:
    """*count* images drawn by *seed*, as equal in number per class as can be; all of them for None."""
    if count is None or count >= len(data):
        return data
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(data))
    labels = data.labels.numpy()[order]
    # rank of each image within its class, in the drawn order: taking the lowest ranks first balances the classes
    rank = np.empty(len(order), dtype=np.int64)
    for label in range(data.classes):
        of_class = np.flatnonzero(labels == label)
        rank[of_class] = np.arange(len(of_class))
    chosen = order[np.argsort(rank, kind="stable")[:count]]
    return data.take(np.sort(chosen))


def hold_out(data: ImageSet, share: float, seed: int) -> tuple[ImageSet, ImageSet]:
    """What is left, and *share* of the images, drawn by *seed* and balanced over the classes."""
    held = subset(data, max(1, round(share * len(data))), seed + 1)
    kept = ~torch.isin(data.ids, held.ids)
    return data.take(kept.nonzero().flatten()), held


def resize(data: ImageSet, size: int) -> ImageSet:
    """Bilinear with antialiasing, rounded back to uint8; a thousand images at a time keeps the peak memory low."""
    if tuple(data.images.shape[2:]) == (size, size):
        return data
    parts = [
        nn.functional.interpolate(part.float(), size=(size, size), mode="bilinear", align_corners=False, antialias=True)
        .round_()
        .clamp_(0, 255)
        .to(torch.uint8)
        for part in torch.split(data.images, 1000)
    ]
    return ImageSet(torch.cat(parts), data.labels, data.ids, data.classes)


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """A random horizontal flip and a random crop after reflecting an eighth of the side outwards, image by image."""
    count, _, side, _ = images.shape
    pad = side // 8
    flip = torch.rand(count, generator=generator) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    # reflection padding does not know uint8: index instead
    line = torch.arange(-pad, side + pad).abs()
    line = torch.where(line >= side, 2 * (side - 1) - line, line)
    starts = torch.randint(0, 2 * pad + 1, (2, count), generator=generator)
    rows, columns = (line[start[:, None] + torch.arange(side)] for start in starts)
    picked = torch.arange(count)[:, None, None]
    return images.permute(0, 2, 3, 1)[picked, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_resized_crop(images: Tensor, size: int, scale: float, generator: torch.Generator) -> Tensor:
    """A random part of each image, at least *scale* of its area and up to 4:3, at *size* pixels; half are flipped.

    uint8 (N, C, H, W) to uint8 (N, C, size, size), bilinear. The recipe of ImageNet training (Szegedy et al., 2015).
    """
    count = len(images)
    area = scale + (1.0 - scale) * torch.rand(count, generator=generator)
    ratio = ((torch.rand(count, generator=generator) * 2 - 1) * math.log(4 / 3) / 2).exp()
    width, height = (area.sqrt() * ratio).clamp(max=1.0), (area.sqrt() / ratio).clamp(max=1.0)
    flip = (torch.rand(count, generator=generator) < 0.5) * -2.0 + 1.0
    shift = torch.rand(2, count, generator=generator) * 2 - 1
    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0], affine[:, 0, 2] = width * flip, shift[0] * (1 - width)
    affine[:, 1, 1], affine[:, 1, 2] = height, shift[1] * (1 - height)
    grid = nn.functional.affine_grid(affine, [count, images.shape[1], size, size], align_corners=False)
    picked = nn.functional.grid_sample(images.float(), grid, padding_mode="reflection", align_corners=False)
    return picked.round_().clamp_(0, 255).to(torch.uint8)


def draw(total: int, count: int, seed: int, task: str) -> npt.NDArray[np.int64]:
    """*count* of *total* positions, drawn by *seed* and the task's name alone; fewer are the first of more."""
    return np.random.default_rng([seed, *task.encode()]).permutation(total)[:count]


def normalise(images: Tensor, mean: tuple[float, ...] = MEAN, std: tuple[float, ...] = STD) -> Tensor:
    """uint8 (N, C, H, W) to float32, zero mean and unit variance; *mean* and *std* are of values from 0 to 1."""
    middle, spread = (torch.tensor(values, device=images.device)[:, None, None] * 255 for values in (mean, std))
    return (images.float() - middle) / spread
