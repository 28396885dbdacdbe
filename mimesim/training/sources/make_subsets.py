"""Write ``subsets.npz`` from the project's own files: python -m mimesim.training.sources.make_subsets FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from mimesim.training.sources.arrays import Split, read_npz
from mimesim.training.sources.subsets import FILE, pixel_keys
from mimesim.training.sources.tiny_imagenet import npz_parts, places

__all__ = ["index_lists"]


def index_lists(folder: Path) -> dict[str, Any]:
    """The lists that reproduce the ``.npz`` files in *folder* from the public sets; the same files, the same lists."""
    lists: dict[str, Any] = {}
    for name in ("cifar10_train", "cifar10_test", "cifar100_train"):
        data_set, split = name.split("_")
        lists[name] = read_npz(folder / f"{data_set}.npz", [f"{split}_idx"])[f"{split}_idx"].astype(np.uint16)
    images, labels = read_npz(folder / "cifar100.npz", ["test_x", "test_y"]).values()
    lists["cifar100_test"] = pixel_keys(images, labels)
    splits: tuple[Split, ...] = ("train", "test")
    for split in splits:
        parts = []
        for path in npz_parts(folder, split):
            labels, files = read_npz(path, [f"{split}_y", f"{split}_file"]).values()
            parts.append(places(labels, files, split, str(path)))
        lists[f"tinyimagenet100_{split}"] = np.concatenate(parts).astype(np.uint16)
    return lists


if __name__ == "__main__":
    np.savez_compressed(FILE, **index_lists(Path(sys.argv[1])))
