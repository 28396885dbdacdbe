"""Image sets in both layouts: the same images, labels, places and order from each, and all of them when asked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from mimesim.errors import InputError
from mimesim.training import stages
from mimesim.training.config import load_config
from mimesim.training.data import ImageSet
from mimesim.training.sources import data_folder, load_dataset, subsets, tiny_imagenet
from mimesim.training.sources.make_subsets import index_lists
from tests.image_sets import jpeg, noise, write_fashion, write_own_tiny, write_public_cifar, write_public_tiny

CLASSES = tiny_imagenet.CLASSES


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIMESIM_DATA", str(tmp_path))
    return tmp_path


def load_from(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, split: str, *, subset: bool = True) -> ImageSet:
    monkeypatch.setenv("MIMESIM_DATA", str(folder))
    return load_dataset(name, split, subset)  # type: ignore[arg-type]


def assert_same(found: ImageSet, wanted: ImageSet, *, ids: bool = True) -> None:
    assert found.classes == wanted.classes
    for name in ("images", "labels", *(["ids"] if ids else [])):
        assert torch.equal(getattr(found, name), getattr(wanted, name)), name


class Layouts:
    """Two folders: the whole sets in their public layout, and a choice of them in the project's files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, *, packed: bool) -> None:
        self.public, self.own = folder / "public", folder / "own"
        self.public.mkdir()
        self.own.mkdir()
        self.chosen = {
            (10, "train"): [1, 2, 6], (10, "test"): [0, 3],
            (100, "train"): [4, 7], (100, "test"): [5, 0, 3],
        }  # fmt: skip
        for classes in (10, 100):
            self.write_cifar(monkeypatch, classes)
        self.write_tiny(monkeypatch, packed=packed)
        lists = index_lists(self.own)
        monkeypatch.setattr(subsets, "_lists", lambda: lists)

    def write_cifar(self, monkeypatch: pytest.MonkeyPatch, classes: int) -> None:
        arrays, sets = {}, {}
        for split, count in (("train", 8), ("test", 6)):
            images, labels = noise(count, (32, 32, 3), seed=classes + count), [(7 * n) % classes for n in range(count)]
            images[1] = images[0]  # the same picture under two labels: only the label tells them apart
            rows = self.chosen[classes, split]
            sets[split] = (images, labels)
            arrays |= {f"{split}_x": images[rows], f"{split}_y": np.array(labels, np.uint8)[rows]}
            if (classes, split) != (100, "test"):
                arrays[f"{split}_idx"] = np.array(rows, np.int32)
        np.savez(self.own / f"cifar{classes}.npz", **arrays)
        write_public_cifar(monkeypatch, self.public, classes, sets)

    def write_tiny(self, monkeypatch: pytest.MonkeyPatch, *, packed: bool) -> None:
        # four classes of three images would do, but labels and places count by the true hundred
        monkeypatch.setattr(tiny_imagenet, "PER_CLASS", 3)
        train = {f"{wnid}_{n}.JPEG": jpeg((7 * n + 2 * c) % 256) for c, wnid in enumerate(CLASSES) for n in range(3)}
        test = {f"val_{n}.JPEG": jpeg(9 * n) for n in range(6)}
        of_class = [CLASSES[5], "n00000000", CLASSES[99], CLASSES[0], CLASSES[5], "n00000001"]
        files = {f"train/{name[:9]}/images/{name}": content for name, content in train.items()}
        files |= {f"val/images/{name}": content for name, content in test.items()}
        lines = [f"{name}\t{wnid}\t0\t32\t44\t62\n" for name, wnid in zip(test, of_class, strict=True)]
        files["val/val_annotations.txt"] = "".join(lines).encode()
        write_public_tiny(self.public, files, packed=packed)

        first = [f"{CLASSES[7]}_2.JPEG", f"{CLASSES[0]}_0.JPEG"]
        more, tested = [f"{CLASSES[7]}_1.JPEG"], ["val_4.JPEG", "val_0.JPEG", "val_3.JPEG"]
        path = self.own / "tinyimagenet100_jpeg.npz"
        write_own_tiny(path, "train", {name: train[name] for name in first}, [7, 0])
        write_own_tiny(path, "test", {name: test[name] for name in tested}, [5, 5, 0])
        write_own_tiny(self.own / "tinyimagenet100_more_jpeg.npz", "train", {name: train[name] for name in more}, [7])


@pytest.fixture(params=[True, False], ids=["archive", "unpacked"])
def layouts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Layouts:
    return Layouts(monkeypatch, tmp_path, packed=request.param)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", ["cifar10", "cifar100", "tinyimagenet100"])
def test_both_layouts_give_one_subset(layouts: Layouts, monkeypatch: pytest.MonkeyPatch, name: str, split: str) -> None:
    own = load_from(monkeypatch, layouts.own, name, split)
    public = load_from(monkeypatch, layouts.public, name, split)
    assert len(own) > 1
    # only the public set knows the places of CIFAR-100's test images
    assert_same(public, own, ids=(name, split) != ("cifar100", "test"))
    if (name, split) == ("cifar100", "test"):
        assert public.ids.tolist() == layouts.chosen[100, "test"]
    # and the places are places: the whole set has the same image there
    whole = load_from(monkeypatch, layouts.public, name, split, subset=False)
    rows = [whole.ids.tolist().index(place) for place in public.ids.tolist()]
    assert_same(whole.take(np.array(rows)), public)


@pytest.mark.parametrize(
    ("name", "train", "test"), [("cifar10", 8, 6), ("cifar100", 8, 6), ("tinyimagenet100", 300, 4)]
)
def test_all_of_a_public_set(
    layouts: Layouts, monkeypatch: pytest.MonkeyPatch, name: str, train: int, test: int
) -> None:
    for split, count in (("train", train), ("test", test)):
        whole = load_from(monkeypatch, layouts.public, name, split, subset=False)
        assert len(whole) == count
        assert whole.ids.tolist() == sorted(set(whole.ids.tolist()))


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "tinyimagenet100"])
def test_the_projects_files_are_not_the_whole_set(layouts: Layouts, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(InputError, match=r"npz: subset = False: .*only the project's subset.*MIMESIM_DATA") as caught:
        load_from(monkeypatch, layouts.own, name, "train", subset=False)
    assert str(layouts.own / name) in str(caught.value)


def test_tiny_imagenets_two_files_belong_together(layouts: Layouts, monkeypatch: pytest.MonkeyPatch) -> None:
    (layouts.own / "tinyimagenet100_more_jpeg.npz").unlink()
    assert len(load_from(monkeypatch, layouts.own, "tinyimagenet100", "test")) == 3
    with pytest.raises(InputError, match=r"tinyimagenet100_more_jpeg\.npz: is missing: it and tinyimagenet100_jpeg"):
        load_from(monkeypatch, layouts.own, "tinyimagenet100", "train")


def test_an_image_of_the_subset_that_is_nowhere(layouts: Layouts, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = subsets._lists()
    changes = {
        "cifar10_test": (np.uint16([6]), r"cifar-10-batches-py: test image 6: .*only 6 images here"),
        "cifar100_test": (np.uint64([255]), r"cifar-100-python: test: image 00000000000000ff: .*has these pixels"),
        "tinyimagenet100_test": (np.uint16([1]), r"val_annotations\.txt: lists no val_1\.JPEG of the hundred classes"),
    }
    for key, (listed, message) in changes.items():
        changed = lists | {key: listed}
        monkeypatch.setattr(subsets, "_lists", lambda changed=changed: changed)
        with pytest.raises(InputError, match=message):
            load_from(monkeypatch, layouts.public, *key.split("_"))


def test_an_image_that_is_not_in_the_archive(layouts: Layouts, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"train/{CLASSES[7]}/images/{CLASSES[7]}_2.JPEG"
    archive, top = layouts.public / "tiny-imagenet-200.zip", layouts.public / "tiny-imagenet-200"
    if archive.exists():
        with zipfile.ZipFile(archive) as old:
            kept = {n.partition("/")[2]: old.read(n) for n in old.namelist() if not n.endswith(name)}
        write_public_tiny(layouts.public, kept)
    else:
        (top / name).unlink()
    with pytest.raises(InputError, match=rf"tiny-imagenet-200.*: lacks {name}; delete it to fetch it again"):
        load_from(monkeypatch, layouts.public, "tinyimagenet100", "train")


def test_a_picture_that_is_there_twice_is_found_twice() -> None:
    images, labels = noise(4, (32, 32, 3)), np.array([1, 1, 2, 1])
    images[3] = images[1]
    keys = subsets.pixel_keys(images, labels)
    assert keys[1] == keys[3]
    assert subsets.rows_of_keys(keys, keys[[3, 0, 1]], "here").tolist() == [1, 0, 3]


@pytest.mark.parametrize("packed", [True, False])
def test_fashion_mnist_is_whole_and_grey_in_three_channels(data: Path, packed: bool) -> None:
    pixels = noise(2, (28, 28))
    write_fashion(data, pixels, [1, 9], packed=packed)
    for subset in (True, False):
        loaded = load_dataset("fashion_mnist", "test", subset)
        assert (loaded.labels.tolist(), loaded.ids.tolist(), loaded.classes) == ([1, 9], [0, 1], 10)
        assert loaded.images.shape == (2, 3, 28, 28)
        for channel in range(3):
            np.testing.assert_array_equal(loaded.images[:, channel].numpy(), pixels)


def test_grey_jpegs_become_three_channels(data: Path) -> None:
    write_own_tiny(data / "tinyimagenet100_jpeg.npz", "test", {"val_3.JPEG": jpeg(70, mode="L")}, [4])
    loaded = load_dataset("tinyimagenet100", "test")
    assert loaded.images.shape == (1, 3, 64, 64)
    assert loaded.images.unique().tolist() == [70]


def test_the_parity_of_digits(data: Path) -> None:  # noqa: ARG001
    digits, parity = load_dataset("digits", "test"), load_dataset("digits_parity", "test")
    assert parity.classes == 2
    assert (parity.images == digits.images).all()
    assert [label % 2 for label in digits.labels.tolist()] == parity.labels.tolist()


def test_digits_are_bundled(data: Path) -> None:  # noqa: ARG001
    train, test = load_dataset("digits", "train"), load_dataset("digits", "test", subset=False)
    assert (len(train), len(test), train.classes) == (1437, 360, 10)
    assert train.images.shape[1:] == (3, 8, 8)
    assert int(train.images.max()) == 255


def test_a_configuration_chooses_between_subset_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(stages, "load_dataset", lambda *names, subset: asked.append((*names, subset)))
    config = load_config(Path(__file__).parents[2] / "workloads" / "training" / "vgg16-full.yaml")
    whole = stages.Stages(config)
    part = stages.Stages(config.model_copy(update={"subset": True}))
    for made in (whole, part):
        made.dataset("cifar10", "test")
    assert asked == [("cifar10", "test", False), ("cifar10", "test", True)]
    # a parent trained on one is not taken for a parent trained on the other
    assert whole._parent_identity != part._parent_identity


def test_without_the_variable_a_cache_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIMESIM_DATA", raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert data_folder() == tmp_path / ".cache" / "mimesim"
    assert data_folder().is_dir()
