"""Fashion-MNIST: the four official files in ``FashionMNIST/raw``, packed or not; both layouts hold all of it."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from mimesim.errors import InputError
from mimesim.training.data import ImageSet
from mimesim.training.sources.arrays import Bytes, Split, image_set, reason
from mimesim.training.sources.download import torchvision_set

__all__ = ["fashion_mnist"]


def fashion_mnist(folder: Path, split: Split, subset: bool) -> ImageSet:  # noqa: ARG001 - there is only the whole set
    """All images of the split, with or without *subset*."""
    stem = {"train": "train", "test": "t10k"}[split]
    names = [f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"]
    raw = folder / "FashionMNIST" / "raw"
    if any(_existing(raw, name) is None for name in names):
        torchvision_set("FashionMNIST", folder, train=split == "train")
    images, labels = (_read_idx(raw, name, axes) for name, axes in zip(names, (3, 1), strict=True))
    return image_set(str(raw), split, images, labels, np.arange(len(images)), classes=10, shape=(28, 28))


def _existing(raw: Path, name: str) -> Path | None:
    """The packed file, whose checksum is verified on reading, rather than the unpacked one."""
    return next((path for path in (raw / f"{name}.gz", raw / name) if path.exists()), None)


def _read_idx(raw: Path, name: str, axes: int) -> Bytes:
    """An array of bytes in the IDX format: two zeros, 8 for unsigned bytes, the number of axes, then each axis' length
    as four bytes, big-endian, then the values (http://yann.lecun.com/exdb/mnist)."""
    path = _existing(raw, name) or raw / f"{name}.gz"
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(str(path), f"cannot be read ({reason(error)}); delete it to fetch it again") from error
    header = 4 + 4 * axes
    shape = tuple(int(length) for length in np.frombuffer(content[4:header], ">u4")) if len(content) >= header else ()
    if content[:4] != bytes([0, 0, 8, axes]) or len(content) - header != math.prod(shape):
        rule = f"must be an IDX file of {axes} axes of bytes, as long as its head says; delete it to fetch it again"
        raise InputError(str(path), rule, key="head", value=content[:header].hex())
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
