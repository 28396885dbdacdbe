"""Small image sets in the layouts that mimesim reads, made of noise: for tests of reading, not of training."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOP = "tiny-imagenet-200"


def noise(count: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def jpeg(value: int, side: int = 64, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (side, side), value if mode == "L" else (value, value, value)).save(stream, "JPEG")
    return stream.getvalue()


def write_public_cifar(
    monkeypatch: pytest.MonkeyPatch, folder: Path, classes: int, sets: dict[str, tuple[np.ndarray, list[int]]]
) -> Path:
    """Write the python batches as the University of Toronto packs them, with md5s that torchvision takes."""
    import torchvision

    top = folder / {10: "cifar-10-batches-py", 100: "cifar-100-python"}[classes]
    top.mkdir(parents=True)
    kind = getattr(torchvision.datasets, f"CIFAR{classes}")
    listed = {}
    for split, (images, labels) in sets.items():
        # the official CIFAR-10 has five training batches; two are enough to see that they are joined in order
        halves = np.array_split(np.arange(len(images)), 2 if (classes, split) == (10, "train") else 1)
        listed[split] = []
        for number, rows in enumerate(halves, start=1):
            name = split if classes == 100 else {"train": f"data_batch_{number}", "test": "test_batch"}[split]
            batch = {
                "data": images[rows].transpose(0, 3, 1, 2).reshape(len(rows), -1),
                {10: "labels", 100: "fine_labels"}[classes]: [labels[row] for row in rows],
            }
            listed[split].append([name, write_pickle(top / name, batch)])
    key = {10: "label_names", 100: "fine_label_names"}[classes]
    meta = {"filename": "meta", "key": key, "md5": write_pickle(top / "meta", {key: [str(c) for c in range(classes)]})}
    monkeypatch.setattr(kind, "train_list", listed["train"])
    monkeypatch.setattr(kind, "test_list", listed["test"])
    monkeypatch.setattr(kind, "meta", meta)
    return top


def write_pickle(path: Path, content: object) -> str:
    data = pickle.dumps(content)
    path.write_bytes(data)
    return md5(data)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_fashion(folder: Path, images: np.ndarray, labels: list[int], *, packed: bool = True) -> Path:
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, array in (("t10k-images-idx3", images), ("t10k-labels-idx1", np.array(labels))):
        content = idx(array)
        (raw / f"{name}-ubyte{'.gz' if packed else ''}").write_bytes(gzip.compress(content) if packed else content)
    return raw


def write_own_tiny(path: Path, split: str, files: dict[str, bytes], labels: list[int]) -> None:
    """Write one of the project's files; more keys of another split are kept."""
    kept = dict(np.load(path)) if path.exists() else {}
    content = list(files.values())
    arrays = {
        "jpg": np.frombuffer(b"".join(content), np.uint8),
        "off": np.cumsum([0, *map(len, content)]),
        "y": np.array(labels, np.uint8),
        "file": np.array(list(files)),
    }
    np.savez(path, **kept, **{f"{split}_{key}": value for key, value in arrays.items()})


def write_public_tiny(folder: Path, files: dict[str, bytes], *, packed: bool = True) -> Path:
    """Write files, named below ``tiny-imagenet-200/``, into Stanford's archive or a folder like it unpacked."""
    if packed:
        path = folder / f"{TOP}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(f"{TOP}/{name}", content)
        return path
    for name, content in files.items():
        target = folder / TOP / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder / TOP
