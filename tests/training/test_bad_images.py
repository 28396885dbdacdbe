"""Whatever can be wrong with image files is one error that says which file, what in it, and the rule."""

from __future__ import annotations

import errno
import gzip
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.training.sources import load_dataset, tiny_imagenet
from tests.image_sets import idx, jpeg, noise, write_fashion, write_own_tiny, write_public_cifar, write_public_tiny

WNID = tiny_imagenet.CLASSES[3]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIMESIM_DATA", str(tmp_path))
    return tmp_path


def test_a_missing_folder_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for name in ("nowhere", "file"):
        monkeypatch.setenv("MIMESIM_DATA", str(tmp_path / name))
        with pytest.raises(InputError, match=rf"MIMESIM_DATA: .*{name}'.*is not a folder; create it"):
            load_dataset("cifar10", "train")


def test_a_cache_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".cache").touch()
    monkeypatch.delenv("MIMESIM_DATA", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(InputError, match=r"mimesim: the folder of image sets cannot be made .*name another"):
        load_dataset("cifar10", "train")


def test_a_folder_without_leave_to_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "exists", refuse)
        with pytest.raises(InputError, match=rf"{data}: cannot be read \(.*Permission denied.*\); give leave"):
            load_dataset("cifar10", "train")
    np.savez(data / "cifar10.npz", **cifar_arrays())
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"cifar10\.npz: cannot be read \(Permission denied\)$"):
        load_dataset("cifar10", "test")


def test_unknown_sets(data: Path) -> None:  # noqa: ARG001
    with pytest.raises(InputError, match=r"dataset: 'imagenet': is not known; there are cifar10, cifar100, digits"):
        load_dataset("imagenet", "train")


def cifar_arrays() -> dict[str, Any]:
    return {"test_x": noise(2, (32, 32, 3)), "test_y": np.uint8([3, 9]), "test_idx": np.int32([17, 4000])}


def test_a_sound_file_loads(data: Path) -> None:
    np.savez(data / "cifar10.npz", **cifar_arrays())
    assert load_dataset("cifar10", "test").ids.tolist() == [17, 4000]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_y": np.uint8([3, 10])}, r"test labels\[1\] = 10: labels go from 0 to 9"),
        ({"test_y": np.int64([-1, 1])}, r"test labels\[0\] = -1: labels go from 0 to 9"),
        ({"test_y": np.uint8([3])}, r"test labels = 'uint8 \(1,\)': every one of the 2 images needs one whole number"),
        ({"test_y": np.float32([3, 4])}, r"test labels = 'float32 \(2,\)'"),
        ({"test_idx": np.int32([17])}, r"test places = 'int32 \(1,\)': every one of the 2 images needs its place"),
        ({"test_x": noise(2, (32, 30, 3))}, r"test images = 'uint8 \(2, 32, 30, 3\)': must be uint8 of shape"),
        ({"test_x": noise(2, (32, 32))}, r"test images = 'uint8 \(2, 32, 32\)': .*\(images, 32, 32, 3\)"),
        ({"test_x": noise(2, (32, 32, 3)) / 255}, r"test images = 'float64 "),
        ({"test_x": noise(0, (32, 32, 3)), "test_y": np.uint8([])}, r"test images = .*at least one image"),
        ({"test_y": None}, r"test_y: is not in the file; fetch it again"),
        ({"test_y": np.array([3, "x"], dtype=object)}, r"is damaged \(Object arrays cannot be loaded"),
    ],
)
def test_wrong_arrays(data: Path, change: dict[str, Any], message: str) -> None:
    arrays = {key: value for key, value in (cifar_arrays() | change).items() if value is not None}
    np.savez(data / "cifar10.npz", **arrays)
    with pytest.raises(InputError, match=rf"cifar10\.npz: {message}"):
        load_dataset("cifar10", "test")


@pytest.mark.parametrize("damage", ["nothing", "text", "truncated", "flipped"])
def test_damaged_npz_files(data: Path, damage: str) -> None:
    path = data / "cifar10.npz"
    np.savez_compressed(path, **cifar_arrays())
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[2000] ^= 255
    path.write_bytes({"nothing": b"", "text": b"PK text", "truncated": whole[:3000], "flipped": bytes(flipped)}[damage])
    with pytest.raises(InputError, match=r"cifar10\.npz: is damaged \(.+\); fetch it again"):
        load_dataset("cifar10", "test")


def test_labels_of_a_public_set(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = noise(2, (32, 32, 3))
    write_public_cifar(monkeypatch, data, 10, {"train": (images, [0, 10]), "test": (images, [0, 1])})
    with pytest.raises(InputError, match=r"cifar-10-batches-py: train labels\[1\] = 10: labels go from 0 to 9"):
        load_dataset("cifar10", "train")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("images-idx3", lambda whole: gzip.compress(whole)[:-20], r"cannot be read \(.+\); delete it"),
        ("images-idx3", lambda whole: b"no gzip" + whole, r"cannot be read \(Not a gzipped file"),
        ("images-idx3", lambda whole: gzip.compress(whole[:-1]), r"head = '0000080300000002.*as long as its head says"),
        ("images-idx3", lambda whole: gzip.compress(whole[:9]), r"must be an IDX file of 3 axes"),
        ("images-idx3", lambda _: gzip.compress(idx(np.uint8([1, 2]))), r"must be an IDX file of 3 axes"),
        ("images-idx3", lambda _: gzip.compress(idx(noise(2, (28, 27)))), r"\(2, 28, 27\)': must be uint8 of shape"),
        (
            "labels-idx1",
            lambda _: gzip.compress(idx(np.uint8([1]))),
            r"test labels = 'uint8 \(1,\)': every one of the 2",
        ),
        (
            "labels-idx1",
            lambda _: gzip.compress(idx(np.uint8([1, 10]))),
            r"test labels\[1\] = 10: labels go from 0 to 9",
        ),
    ],
)
def test_fashion_mnists_files(data: Path, name: str, content: Any, message: str) -> None:
    images = noise(2, (28, 28))
    raw = write_fashion(data, images, [1, 9])
    (raw / f"t10k-{name}-ubyte.gz").write_bytes(content(idx(images)))
    with pytest.raises(InputError, match=rf"FashionMNIST.raw.*{message}"):
        load_dataset("fashion_mnist", "test")


@pytest.mark.parametrize("layout", ["own", "archive", "unpacked"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image", r"is not a readable JPEG image \(cannot identify"),
        (jpeg(3)[:300], r"is not a readable JPEG image \("),
        (b"", r"is not a readable JPEG image \("),
        (jpeg(3, side=32), r"size = '32 by 32': must be 64 by 64 pixels"),
        (
            jpeg(3).replace(bytes([8, 0, 64, 0, 64, 3]), bytes([8, 255, 255, 255, 255, 3])),
            "is not a readable JPEG image",
        ),
    ],
)
def test_a_bad_image_is_named(data: Path, layout: str, content: bytes, message: str) -> None:
    if layout == "own":
        write_own_tiny(
            data / "tinyimagenet100_jpeg.npz", "test", {"val_1.JPEG": jpeg(1), "val_7.JPEG": content}, [0, 1]
        )
    else:
        lines = f"val_7.JPEG\t{WNID}\t0\t0\t1\t1\n".encode()
        files = {"val/val_annotations.txt": lines, "val/images/val_7.JPEG": content}
        write_public_tiny(data, files, packed=layout == "archive")
    subset = layout == "own"
    file = {"own": r"tinyimagenet100_jpeg\.npz", "archive": r"200\.zip", "unpacked": "tiny-imagenet-200"}[layout]
    with pytest.raises(InputError, match=rf"{file}: (val/images/)?val_7\.JPEG: {message}"):
        load_dataset("tinyimagenet100", "test", subset)


def test_tiny_imagenets_own_files(data: Path) -> None:
    path = data / "tinyimagenet100_jpeg.npz"
    write_own_tiny(path, "test", {"val_1.JPEG": jpeg(1)}, [0, 1])
    with pytest.raises(InputError, match=r"test_off, _y, _file = '1, 2, 1': there must be as many images as labels"):
        load_dataset("tinyimagenet100", "test")
    path.unlink()
    write_own_tiny(path, "test", {"picture.png": jpeg(1)}, [0])
    with pytest.raises(InputError, match=r"test_file\[0\] = 'picture\.png': must be a file name of Tiny-ImageNet"):
        load_dataset("tinyimagenet100", "test")
    path.unlink()
    write_own_tiny(path, "test", {"val_1.JPEG": jpeg(1)}, [100])
    with pytest.raises(InputError, match=r"test labels\[0\] = 100: labels go from 0 to 99"):
        load_dataset("tinyimagenet100", "test")


def test_tiny_imagenets_archive(data: Path) -> None:
    path = data / "tiny-imagenet-200.zip"
    path.write_bytes(b"PK no archive")
    with pytest.raises(InputError, match=r"200\.zip: is damaged \(File is not a zip file\); delete it"):
        load_dataset("tinyimagenet100", "test")
    write_public_tiny(data, {"other": b""})
    with pytest.raises(InputError, match=r"200\.zip: lacks val/val_annotations\.txt"):
        load_dataset("tinyimagenet100", "test")
    write_public_tiny(data, {"val/val_annotations.txt": b"val_0.JPEG n01629819\n"})
    with pytest.raises(InputError, match=r"val_annotations\.txt: line 1 = 'val_0\.JPEG n01629819': must begin with"):
        load_dataset("tinyimagenet100", "test")
    write_public_tiny(data, {"val/val_annotations.txt": b"val_0.JPEG\tn00000000\t0\t0\t1\t1\n"})
    with pytest.raises(InputError, match=r"holds no test image of the hundred classes"):
        load_dataset("tinyimagenet100", "test", subset=False)


def test_a_flipped_byte_in_the_archive(data: Path) -> None:
    lines = f"val_7.JPEG\t{WNID}\t0\t0\t1\t1\n".encode()
    path = write_public_tiny(data, {"val/val_annotations.txt": lines, "val/images/val_7.JPEG": jpeg(9)})
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("tiny-imagenet-200/val/images/val_7.JPEG").header_offset + 300
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"200\.zip: is damaged \(Bad CRC-32 for file .*val_7\.JPEG"):
        load_dataset("tinyimagenet100", "test", subset=False)


def test_an_image_that_is_a_folder(data: Path) -> None:
    lines = f"val_7.JPEG\t{WNID}\t0\t0\t1\t1\n".encode()
    top = write_public_tiny(data, {"val/val_annotations.txt": lines}, packed=False)
    (top / "val" / "images" / "val_7.JPEG").mkdir(parents=True)
    with pytest.raises(InputError, match=r"tiny-imagenet-200: val/images/val_7\.JPEG cannot be read \("):
        load_dataset("tinyimagenet100", "test", subset=False)
