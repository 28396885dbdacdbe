"""Real 8 x 8 handwritten digits, bundled with scikit-learn: for tests and demonstrations without a download."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mimesim.training.data import ImageSet
from mimesim.training.sources.arrays import Split, image_set

__all__ = ["digits", "parity"]


def digits(folder: Path, split: Split, subset: bool) -> ImageSet:  # noqa: ARG001 - bundled, and there is only one
    """All 1,797 of them: every fifth is a test image. Places count within the split."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped, unused-ignore]

    bundled = load_digits()
    rows = np.arange(len(bundled.target))
    rows = rows[(rows % 5 == 0) == (split == "test")]
    images = (bundled.images[rows] * 255 / 16).astype(np.uint8)
    return image_set("scikit-learn digits", split, images, bundled.target[rows], np.arange(len(rows)), 10, (8, 8))


def parity(folder: Path, split: Split, subset: bool) -> ImageSet:
    """The same digits, 1 where they are odd: a second task for demonstrations."""
    data = digits(folder, split, subset)
    return ImageSet(data.images, data.labels % 2, data.ids, 2)
