"""Tiny-ImageNet-100: a hundred classes of Stanford's Tiny-ImageNet, from its archive or the project's two files.

The set is the hundred classes ``CLASSES``: 500 training images and, from the validation split because the test split
has no labels, 50 test images of each. An image's place is 500 times its label plus the number in its file's name
(``n01629819_17.JPEG``) for training, and the number in its file's name (``val_17.JPEG``) for test images.
"""

from __future__ import annotations

import itertools
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mimesim.errors import InputError
from mimesim.training.data import ImageSet
from mimesim.training.sources.arrays import Array, Split, decode_jpeg, image_set, read_npz, reason
from mimesim.training.sources.download import fetch, only_a_subset
from mimesim.training.sources.subsets import subset_list

__all__ = ["CLASSES", "PER_CLASS", "npz_parts", "places", "tinyimagenet100"]

URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
TOP = "tiny-imagenet-200"

SIDE = 64
PER_CLASS = 500

# fmt: off
CLASSES = (
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
"""In label order, which is alphabetical."""

Reader = Callable[[str], bytes]
"""From a file's name below ``tiny-imagenet-200/`` to its bytes; ``KeyError`` or ``FileNotFoundError`` if missing."""


def tinyimagenet100(folder: Path, split: Split, subset: bool) -> ImageSet:
    """The split of the hundred classes, of which *subset* is 40,000 and 2,000 images."""
    own, archive, unpacked = folder / "tinyimagenet100_jpeg.npz", folder / f"{TOP}.zip", folder / TOP
    if own.exists() and subset:
        return _from_npz(npz_parts(folder, split), split)
    if not archive.exists() and not unpacked.exists():
        if own.exists():
            raise only_a_subset(own)
        fetch(URL, MD5, archive)
    listed = subset_list("tinyimagenet100", split) if subset else None
    if unpacked.exists():
        return _public(str(unpacked), lambda name: (unpacked / name).read_bytes(), split, listed)
    with _reading(archive) as read:
        return _public(str(archive), read, split, listed)


# ---- the project's files -----------------------------------------------------------------------------------------


def npz_parts(folder: Path, split: Split) -> list[Path]:
    """The files that make up the split, in order; they must be read together, or batches would differ."""
    names = ["tinyimagenet100_jpeg.npz", *(["tinyimagenet100_more_jpeg.npz"] if split == "train" else [])]
    for name in names:
        if not (folder / name).exists():
            raise InputError(str(folder / name), f"is missing: it and {names[0]} together are the training images")
    return [folder / name for name in names]


def places(labels: Array, files: Iterable[str], split: Split, where: str) -> Array:
    """Each image's place, from its label and its file's name."""
    pattern = re.compile({"train": r"n\d{8}_(\d{1,3})\.JPEG", "test": r"val_(\d{1,4})\.JPEG"}[split])
    numbers = []
    for row, name in enumerate(files):
        match = pattern.fullmatch(str(name))
        if match is None:
            raise InputError(where, "must be a file name of Tiny-ImageNet", key=f"{split}_file[{row}]", value=str(name))
        numbers.append(int(match[1]))
    found = np.array(numbers, dtype=np.int64)
    return found if split == "test" else labels.astype(np.int64) * PER_CLASS + found


def _from_npz(parts: list[Path], split: Split) -> ImageSet:
    images, labels, ids = [], [], []
    for path in parts:
        data = read_npz(path, [f"{split}_{key}" for key in ("jpg", "off", "y", "file")])
        content, offsets, of_class, files = data.values()
        if not offsets.size - 1 == of_class.size == files.size:
            counts = f"{offsets.size - 1}, {of_class.size}, {files.size}"
            rule = "there must be as many images as labels and file names"
            raise InputError(str(path), rule, key=f"{split}_off, _y, _file", value=counts)
        for name, (start, end) in zip(files, itertools.pairwise(offsets.tolist()), strict=True):
            images.append(decode_jpeg(content[start:end].tobytes(), f"{path}: {name}", SIDE))
        labels.append(of_class)
        ids.append(places(of_class, files, split, str(path)))
    where = " and ".join(map(str, parts))
    shape = (SIDE, SIDE, 3)
    return image_set(where, split, np.stack(images), np.concatenate(labels), np.concatenate(ids), len(CLASSES), shape)


# ---- Stanford's archive, packed or not ---------------------------------------------------------------------------


@contextmanager
def _reading(path: Path) -> Iterator[Reader]:
    """Read in place: nothing is unpacked. Every file's CRC is checked."""
    unreadable = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)  # the last: encrypted, or packed otherwise

    def damaged(error: Exception) -> InputError:
        return InputError(str(path), f"is damaged ({reason(error)}); delete it to fetch it again")

    def read(name: str) -> bytes:
        try:
            return archive.read(f"{TOP}/{name}")
        except unreadable as error:
            raise damaged(error) from error

    try:
        archive = zipfile.ZipFile(path)
    except unreadable as error:
        raise damaged(error) from error
    with archive:
        yield read


def _public(where: str, read: Reader, split: Split, listed: Array | None) -> ImageSet:
    """The images at the places *listed*, in that order, or all of the hundred classes by place."""

    def content(name: str) -> bytes:
        try:
            return read(name)
        except (KeyError, FileNotFoundError):
            raise InputError(where, f"lacks {name}; delete it to fetch it again") from None
        except OSError as error:
            raise InputError(where, f"{name} cannot be read ({reason(error)})") from error

    if split == "train":
        ids = np.arange(len(CLASSES) * PER_CLASS) if listed is None else listed.astype(np.int64)
        labels = ids // PER_CLASS
        names = [
            f"train/{CLASSES[label]}/images/{CLASSES[label]}_{place % PER_CLASS}.JPEG"
            for label, place in zip(labels.tolist(), ids.tolist(), strict=True)
        ]
    else:
        label_of = _validation_labels(content("val/val_annotations.txt"), f"{where}: val/val_annotations.txt")
        ids = np.array(sorted(label_of), dtype=np.int64) if listed is None else listed.astype(np.int64)
        strangers = [place for place in ids.tolist() if place not in label_of]
        if strangers:
            rule = f"lists no val_{strangers[0]}.JPEG of the hundred classes, which the project's subset holds"
            raise InputError(f"{where}: val/val_annotations.txt", f"{rule}; fetch the set again")
        labels = np.array([label_of[place] for place in ids.tolist()])
        names = [f"val/images/val_{place}.JPEG" for place in ids.tolist()]
    if not names:
        raise InputError(where, f"holds no {split} image of the hundred classes")
    images = np.stack([decode_jpeg(content(name), f"{where}: {name}", SIDE) for name in names])
    return image_set(where, split, images, labels, ids, len(CLASSES), (SIDE, SIDE, 3))


def _validation_labels(annotations: bytes, where: str) -> dict[int, int]:
    """The label of each validation image of the hundred classes, by the number in its name.

    A line is a file's name, its class and a box, separated by tabs.
    """
    label_of_class = {name: label for label, name in enumerate(CLASSES)}
    found = {}
    for number, line in enumerate(annotations.decode(errors="replace").splitlines(), start=1):
        match = re.match(r"val_(\d+)\.JPEG\t(n\d+)(?:\t|$)", line)
        if match is None:
            rule = "must begin with an image and a class: val_0.JPEG, a tab, n03444034"
            raise InputError(where, rule, key=f"line {number}", value=line)
        if match[2] in label_of_class:
            found[int(match[1])] = label_of_class[match[2]]
    return found
