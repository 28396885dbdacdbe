"""CIFAR-10 and CIFAR-100: torchvision's layout, or the project's subsets as ``cifar10.npz`` and ``cifar100.npz``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mimesim.errors import InputError
from mimesim.training.data import ImageSet
from mimesim.training.sources.arrays import Bytes, Split, image_set, read_npz
from mimesim.training.sources.download import only_a_subset, torchvision_set
from mimesim.training.sources.subsets import pixel_keys, rows_of_keys, subset_list

__all__ = ["cifar"]

SHAPE = (32, 32, 3)
PUBLIC = {
    10: ("cifar-10-batches-py", "cifar-10-python.tar.gz"),
    100: ("cifar-100-python", "cifar-100-python.tar.gz"),
}
"""What torchvision leaves in a folder: the unpacked files, and the archive they came in."""


def cifar(classes: int) -> Callable[[Path, Split, bool], ImageSet]:
    """The loader of the set with 10 or 100 classes."""

    def load(folder: Path, split: Split, subset: bool) -> ImageSet:
        own = folder / f"cifar{classes}.npz"
        if own.exists() and subset:
            return _from_npz(own, classes, split)
        if own.exists() and not any((folder / name).exists() for name in PUBLIC[classes]):
            raise only_a_subset(own)
        return _public(folder, classes, split, subset)

    return load


def _from_npz(path: Path, classes: int, split: Split) -> ImageSet:
    # the official order of CIFAR-100's test images was not to be had when the file was made: it has no test_idx
    placed = (classes, split) != (100, "test")
    keys = [f"{split}_x", f"{split}_y", *([f"{split}_idx"] if placed else [])]
    data = read_npz(path, keys)
    labels = data[f"{split}_y"]
    ids = data[f"{split}_idx"] if placed else np.arange(labels.size)
    return image_set(str(path), split, data[f"{split}_x"], labels, ids, classes, SHAPE)


def _public(folder: Path, classes: int, split: Split, subset: bool) -> ImageSet:
    data = torchvision_set(f"CIFAR{classes}", folder, train=split == "train")
    where = str(folder / PUBLIC[classes][0])
    pixels: Bytes = np.asarray(data.data)
    whole = image_set(where, split, pixels, data.targets, np.arange(len(pixels)), classes, SHAPE)
    if not subset:
        return whole
    rows = subset_list(f"cifar{classes}", split)
    if (classes, split) == (100, "test"):
        rows = rows_of_keys(pixel_keys(pixels, whole.labels.numpy()), rows, f"{where}: {split}")
    elif int(rows.max()) >= len(whole):
        rule = f"is in the project's subset, but there are only {len(whole)} images here; fetch the set again"
        raise InputError(where, rule, key=f"{split} image {int(rows.max())}")
    return whole.take(rows.astype(np.int64))
