"""Image sets in both layouts, and one clear error for whatever is wrong with them or with a configuration."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from mimesim.errors import InputError
from mimesim.training import sources
from mimesim.training.config import load_config
from mimesim.training.sources import TINY_CLASSES, data_folder, load_dataset

CONFIGS = Path(__file__).parents[2] / "workloads" / "training"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIMESIM_DATA", str(tmp_path))
    return tmp_path


def jpeg(value: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (value, value, value)).save(stream, "JPEG")
    return stream.getvalue()


def write_tiny(path: Path, split: str, files: list[bytes], labels: list[int]) -> None:
    offsets = np.cumsum([0, *map(len, files)])
    arrays = {"jpg": np.frombuffer(b"".join(files), np.uint8), "off": offsets, "y": np.array(labels, np.uint8)}
    np.savez(path, **{f"{split}_{key}": value for key, value in arrays.items()})


def test_cifar_subsets(data: Path) -> None:
    images = np.arange(2 * 32 * 32 * 3, dtype=np.uint8).reshape(2, 32, 32, 3)
    np.savez(data / "cifar10.npz", test_x=images, test_y=np.uint8([3, 9]), test_idx=np.int32([17, 4000]))
    loaded = load_dataset("cifar10", "test")
    assert loaded.images.shape == (2, 3, 32, 32)
    np.testing.assert_array_equal(loaded.images.permute(0, 2, 3, 1).numpy(), images)
    assert (loaded.labels.tolist(), loaded.ids.tolist(), loaded.classes) == ([3, 9], [17, 4000], 10)


def test_fashion_mnist_is_grey_in_three_channels(data: Path) -> None:
    raw = data / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    pixels = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    (raw / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(16) + pixels.tobytes()))
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(8) + bytes([1, 9])))
    loaded = load_dataset("fashion_mnist", "test")
    assert loaded.images.shape == (2, 3, 28, 28)
    for channel in range(3):
        np.testing.assert_array_equal(loaded.images[:, channel].numpy(), pixels)


def test_tinyimagenet_joins_its_two_files(data: Path) -> None:
    write_tiny(data / "tinyimagenet100_jpeg.npz", "train", [jpeg(10), jpeg(20)], [0, 99])
    write_tiny(data / "tinyimagenet100_more_jpeg.npz", "train", [jpeg(30)], [7])
    loaded = load_dataset("tinyimagenet100", "train")
    assert loaded.labels.tolist() == [0, 99, 7]
    assert loaded.images[:, 0, 0, 0].tolist() == [10, 20, 30]


def test_tinyimagenet_from_stanfords_archive(data: Path) -> None:
    assert len(set(TINY_CLASSES)) == 100
    top, wnid = "tiny-imagenet-200", TINY_CLASSES[5]
    with zipfile.ZipFile(data / "tiny-imagenet-200.zip", "w") as archive:
        archive.writestr(f"{top}/train/{wnid}/images/{wnid}_0.JPEG", jpeg(40))
        archive.writestr(f"{top}/train/n00000000/images/n00000000_0.JPEG", jpeg(50))
        archive.writestr(
            f"{top}/val/val_annotations.txt", f"val_0.JPEG\t{wnid}\t0\t0\t1\t1\nval_1.JPEG\tn0\t0\t0\t1\t1\n"
        )
        archive.writestr(f"{top}/val/images/val_0.JPEG", jpeg(60))
    train, test = load_dataset("tinyimagenet100", "train"), load_dataset("tinyimagenet100", "test")
    assert (train.labels.tolist(), train.images[0, 0, 0, 0].item()) == ([5], 40)
    assert (test.labels.tolist(), test.images[0, 0, 0, 0].item()) == ([5], 60)


def test_a_download_is_checked(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.urllib.request, "urlopen", lambda *_, **__: io.BytesIO(b"something else"))
    with pytest.raises(InputError, match="arrived damaged: its md5 must be 90528d7ca1a48142e341f4ef8d21d0de"):
        load_dataset("tinyimagenet100", "train")
    assert not list(data.iterdir())


def test_a_failed_download_says_what_to_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(sources.urllib.request, "urlopen", offline)
    with pytest.raises(InputError, match=r"is missing.*could not be fetched.*put it there"):
        load_dataset("tinyimagenet100", "train")
    assert not list(data.iterdir())


def test_a_missing_folder_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIMESIM_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"MIMESIM_DATA: .*nowhere.*is not a folder; create it"):
        load_dataset("cifar10", "train")


def test_without_the_variable_a_cache_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIMESIM_DATA", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert data_folder() == tmp_path / ".cache" / "mimesim"
    assert data_folder().is_dir()


def test_damaged_files_are_named(data: Path) -> None:
    (data / "cifar10.npz").write_bytes(b"PK damaged")
    with pytest.raises(InputError, match=r"cifar10\.npz: is damaged"):
        load_dataset("cifar10", "train")
    write_tiny(data / "tinyimagenet100_jpeg.npz", "train", [b"no image"], [0])
    with pytest.raises(InputError, match="byte 0: is not a readable image"):
        load_dataset("tinyimagenet100", "train")


def test_labels_out_of_range_are_refused(data: Path) -> None:
    np.savez(data / "cifar10.npz", test_x=np.zeros((1, 32, 32, 3), np.uint8), test_y=np.uint8([10]))
    with pytest.raises(InputError, match="needs a label from 0 to 9"):
        load_dataset("cifar10", "test")


def test_unknown_sets_are_refused(data: Path) -> None:  # noqa: ARG001
    with pytest.raises(InputError, match=r"imagenet.*is not known; there are cifar10"):
        load_dataset("imagenet", "train")


def test_shipped_configurations_are_valid() -> None:
    found = sorted(CONFIGS.glob("*.yaml"))
    assert found
    names = [load_config(path).name for path in found]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": 1}, r"colour: Extra inputs are not permitted"),
        ({"size_px": 96}, r"phases must end at size_px = 96"),
        ({"child": {"methods": []}}, r"child\.methods"),
        ({"child": {"methods": [{"scheme": "conventional", "beta": 1e-6}]}}, r"child\.methods\.0.*beta: Extra inputs"),
        ({"child": {"methods": [{"scheme": "magic"}]}}, r"child\.methods\.0.*'conventional', 'mime', 'pruned'"),
        ({"child": {"tasks": ["cifar10", "cifar10"]}}, r"task 'cifar10' is listed twice"),
        ({"record": {"images": {"mime": 1}}}, r"record\.images has no entry for the scheme 'conventional'"),
        ({"parent": {"rate": -1}}, r"parent\.rate"),
    ],
)
def test_a_bad_configuration_is_one_error_that_names_the_key(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    content = yaml.safe_load((CONFIGS / "vgg16-brief.yaml").read_text())
    for key, value in change.items():
        content[key] = content[key] | value if isinstance(value, dict) else value
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=message) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_config(tmp_path / "nothing.yaml")
    path = tmp_path / "bad.yaml"
    path.write_text("a: [")
    with pytest.raises(InputError, match="is not valid YAML"):
        load_config(path)
    path.write_text("just text")
    with pytest.raises(InputError, match=r"bad\.yaml"):
        load_config(path)
