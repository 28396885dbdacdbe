"""Where images come from: the sets that mimesim trains on, by name.

``MIMESIM_DATA`` names the folder; without it, ``~/.cache/mimesim``, which is made. A set that is not there is
downloaded from its public address (CIFAR and Fashion-MNIST by torchvision, which checks their md5). Besides the
public layouts a folder may hold the project's own subsets: ``cifar10.npz``, ``cifar100.npz`` and
``tinyimagenet100_jpeg.npz`` (with ``tinyimagenet100_more_jpeg.npz``).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import os
import urllib.request
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from mimesim.errors import InputError
from mimesim.training.data import ImageSet

__all__ = ["DATASETS", "TITLES", "data_folder", "load_dataset"]

Split = Literal["train", "test"]
Bytes = npt.NDArray[np.uint8]

TINY_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
TINY_MD5 = "90528d7ca1a48142e341f4ef8d21d0de"

# fmt: off
TINY_CLASSES = (
    "n01629819", "n01641577", "n01644900", "n01770393", "n01784675", "n01855672", "n01917289", "n01944390",
    "n01950731", "n01983481", "n02074367", "n02085620", "n02094433", "n02099712", "n02123045", "n02123394",
    "n02124075", "n02129165", "n02132136", "n02190166", "n02206856", "n02231487", "n02364673", "n02403003",
    "n02415577", "n02437312", "n02480495", "n02481823", "n02486410", "n02666196", "n02669723", "n02730930",
    "n02788148", "n02793495", "n02795169", "n02808440", "n02814533", "n02814860", "n02815834", "n02823428",
    "n02837789", "n02883205", "n02892201", "n02906734", "n02909870", "n02950826", "n02963159", "n02988304",
    "n03014705", "n03085013", "n03089624", "n03126707", "n03160309", "n03255030", "n03355925", "n03393912",
    "n03404251", "n03424325", "n03544143", "n03584254", "n03617480", "n03637318", "n03649909", "n03670208",
    "n03733131", "n03796401", "n03837869", "n03902125", "n03937543", "n03976657", "n03977966", "n03992509",
    "n04008634", "n04067472", "n04251144", "n04254777", "n04259630", "n04311004", "n04366367", "n04417672",
    "n04465501", "n04486054", "n04487081", "n04501370", "n04507155", "n04532670", "n04560804", "n04562935",
    "n04597913", "n07579787", "n07583066", "n07614500", "n07615774", "n07695742", "n07753592", "n07768694",
    "n07871810", "n07875152", "n09256479", "n09332890",
)
# fmt: on
"""The hundred of Tiny-ImageNet's two hundred classes, in label order, that make the set tinyimagenet100."""


def data_folder() -> Path:
    """The folder of the image sets; one that the user names must exist."""
    named = os.environ.get("MIMESIM_DATA")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise InputError(
                "MIMESIM_DATA",
                "is not a folder; create it (missing image sets are downloaded into it) or unset MIMESIM_DATA",
                value=named,
            )
        return folder
    folder = Path.home() / ".cache" / "mimesim"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def load_dataset(name: str, split: Split) -> ImageSet:
    """All images of a split at their own size, three channels (grey is repeated)."""
    if name not in DATASETS:
        raise InputError("dataset", f"is not known; there are {', '.join(sorted(DATASETS))}", value=name)
    data = DATASETS[name](data_folder(), split)
    labels = data.labels
    if len(labels) != len(data.images) or int(labels.min()) < 0 or int(labels.max()) >= data.classes:
        raise InputError(name, f"every image of {split} needs a label from 0 to {data.classes - 1}", key="labels")
    return data


def _image_set(images: Bytes, labels: npt.ArrayLike, ids: npt.ArrayLike, classes: int) -> ImageSet:
    """From (N, H, W) or (N, H, W, 3)."""
    tensor = torch.from_numpy(np.array(images))
    tensor = tensor[:, None].expand(-1, 3, -1, -1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)
    as_int = [torch.from_numpy(np.asarray(values, dtype=np.int64)) for values in (labels, ids)]
    return ImageSet(tensor.contiguous(), as_int[0], as_int[1], classes)


def _read_npz(path: Path, keys: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in keys if key in file.files}
    except Exception as error:
        raise InputError(str(path), f"is damaged: {error}; fetch it again") from error


def _torchvision(name: str, folder: Path, **options: object) -> Any:
    """A torchvision data set, downloaded if it is not there."""
    import torchvision  # type: ignore[import-untyped, unused-ignore]

    try:
        return getattr(torchvision.datasets, name)(root=str(folder), download=True, **options)
    except Exception as error:
        raise InputError(
            str(folder), f"holds no {name}, and downloading it failed ({error}); put it there, or set MIMESIM_DATA"
        ) from error


def _cifar(classes: int) -> Callable[[Path, Split], ImageSet]:
    def load(folder: Path, split: Split) -> ImageSet:
        path = folder / f"cifar{classes}.npz"
        if path.exists():
            data = _read_npz(path, [f"{split}_x", f"{split}_y", f"{split}_idx"])
            ids = data.get(f"{split}_idx", np.arange(len(data[f"{split}_y"])))
            return _image_set(data[f"{split}_x"], data[f"{split}_y"], ids, classes)
        public = _torchvision(f"CIFAR{classes}", folder, train=split == "train")
        return _image_set(public.data, public.targets, np.arange(len(public.targets)), classes)

    return load


def _fashion_mnist(folder: Path, split: Split) -> ImageSet:
    stem = {"train": "train", "test": "t10k"}[split]
    raw = folder / "FashionMNIST" / "raw"
    if not (raw / f"{stem}-images-idx3-ubyte.gz").exists():
        _torchvision("FashionMNIST", folder, train=split == "train")

    def read(name: str, header: int) -> Bytes:
        path = raw / f"{stem}-{name}-ubyte.gz"
        try:
            with gzip.open(path) as stream:
                return np.frombuffer(stream.read(), np.uint8, offset=header)
        except (OSError, EOFError, ValueError) as error:
            raise InputError(str(path), f"cannot be read: {error}; delete it to fetch it again") from error

    labels = read("labels-idx1", 8)
    images = read("images-idx3", 16).reshape(-1, 28, 28)
    return _image_set(images, labels, np.arange(len(labels)), 10)


def _digits(folder: Path, split: Split) -> ImageSet:  # noqa: ARG001 - bundled with scikit-learn, no download
    """Real 8 x 8 handwritten digits for tests and demonstrations; every fifth is a test image."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped, unused-ignore]

    digits = load_digits()
    rows = np.arange(len(digits.target))
    rows = rows[(rows % 5 == 0) == (split == "test")]
    return _image_set((digits.images[rows] * 255 / 16).astype(np.uint8), digits.target[rows], np.arange(len(rows)), 10)


def _tinyimagenet100(folder: Path, split: Split) -> ImageSet:
    subset = folder / "tinyimagenet100_jpeg.npz"
    if not subset.exists():
        return _tiny_from_zip(folder, split)
    parts = [subset, folder / "tinyimagenet100_more_jpeg.npz"] if split == "train" else [subset]
    images: list[Bytes] = []
    labels: list[npt.NDArray[Any]] = []
    for path in parts:
        if path.exists():
            data = _read_npz(path, [f"{split}_{key}" for key in ("jpg", "off", "y")])
            files, offsets = data[f"{split}_jpg"], data[f"{split}_off"]
            spans = itertools.pairwise(offsets)
            images += [_decode(files[a:b].tobytes(), f"{path}, byte {a}") for a, b in spans]
            labels.append(data[f"{split}_y"])
    return _image_set(np.stack(images), np.concatenate(labels), np.arange(len(images)), len(TINY_CLASSES))


def _decode(jpeg: bytes, where: str) -> Bytes:
    from PIL import Image

    try:
        return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    except OSError as error:
        raise InputError(where, f"is not a readable image: {error}") from error


def _tiny_from_zip(folder: Path, split: Split) -> ImageSet:
    """The hundred classes out of Stanford's archive, which is read in place."""
    path = folder / "tiny-imagenet-200.zip"
    if not path.exists():
        _download(TINY_URL, TINY_MD5, path)
    label_of = {wnid: label for label, wnid in enumerate(TINY_CLASSES)}
    top = "tiny-imagenet-200"
    with zipfile.ZipFile(path) as archive:
        if split == "test":  # the archive's own test split has no labels; its validation split takes that part
            lines = archive.read(f"{top}/val/val_annotations.txt").decode().splitlines()
            found = [(f"{top}/val/images/{f}", label_of[w]) for f, w, *_ in map(str.split, lines) if w in label_of]
        else:
            names = [n for n in archive.namelist() if n.startswith(f"{top}/train/") and n.endswith(".JPEG")]
            found = [(n, label_of[n.split("/")[2]]) for n in names if n.split("/")[2] in label_of]
        images = np.stack([_decode(archive.read(name), f"{path}: {name}") for name, _ in found])
    return _image_set(images, [label for _, label in found], np.arange(len(found)), len(TINY_CLASSES))


def _download(url: str, md5: str, path: Path) -> None:
    """Fetch *url* to *path*, which appears only when its checksum is right."""
    partial = path.with_suffix(".partial")
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with urllib.request.urlopen(url, timeout=60) as source, partial.open("wb") as target:  # noqa: S310 - a constant
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(str(path), f"is missing, and {url} could not be fetched ({error}); put it there") from error
    if digest.hexdigest() != md5:
        partial.unlink()
        raise InputError(url, f"arrived damaged: its md5 must be {md5}", value=digest.hexdigest())
    partial.replace(path)


DATASETS: dict[str, Callable[[Path, Split], ImageSet]] = {
    "cifar10": _cifar(10),
    "cifar100": _cifar(100),
    "digits": _digits,
    "fashion_mnist": _fashion_mnist,
    "tinyimagenet100": _tinyimagenet100,
}
TITLES = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "digits": "scikit-learn digits",
    "fashion_mnist": "Fashion-MNIST",
    "tinyimagenet100": "Tiny-ImageNet-100",
}
