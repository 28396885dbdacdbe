"""The project's balanced subsets of the public sets, as lists of which images, in which order.

``subsets.npz`` beside this file holds one array per set and split (``make_subsets`` writes it):

- ``cifar10_*``, ``cifar100_train``: places in the official split, uint16;
- ``cifar100_test``: a key of each image's pixels and label, uint64 (see ``pixel_keys``), because the project's copy was
  drawn by file name, and torchvision's reader keeps no names;
- ``tinyimagenet100_train``: 500 times the label plus the number in the file name, uint16; ``_test``: that number, of
  the validation split.

The order is part of a subset: it decides which images meet in a batch.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mimesim.errors import InputError
from mimesim.training.sources.arrays import Array, Bytes, Split, read_npz

__all__ = ["FILE", "SETS", "pixel_keys", "rows_of_keys", "subset_list"]

FILE = Path(__file__).with_name("subsets.npz")
SETS = ("cifar10", "cifar100", "tinyimagenet100")


@cache
def _lists() -> dict[str, Array]:
    return read_npz(FILE, [f"{name}_{split}" for name in SETS for split in ("train", "test")])


def subset_list(name: str, split: Split) -> Array:
    """The list of the set *name*, one of ``SETS``, in the subset's order."""
    return _lists()[f"{name}_{split}"]


def pixel_keys(images: Bytes, labels: Array) -> npt.NDArray[np.uint64]:
    """The first eight bytes, big-endian, of the sha256 of each image's bytes (H, W, 3) and its label, one byte."""
    digests = (
        hashlib.sha256(image.tobytes() + bytes([int(label)])).digest()
        for image, label in zip(images, labels, strict=True)
    )
    return np.array([int.from_bytes(digest[:8], "big") for digest in digests], dtype=np.uint64)


def rows_of_keys(keys: Array, listed: Array, where: str) -> npt.NDArray[np.int64]:
    """The row in *keys* of each entry of *listed*; an image that is there twice is found at its places in order."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row, key in enumerate(keys.tolist()):
        rows[key].append(row)
    found = np.empty(len(listed), dtype=np.int64)
    for place, key in enumerate(listed.tolist()):
        if not rows[key]:
            rule = "is in the project's subset, but no image here has these pixels and this label; fetch the set again"
            raise InputError(where, rule, key=f"image {key:016x}")
        found[place] = rows[key].pop(0)
    return found
