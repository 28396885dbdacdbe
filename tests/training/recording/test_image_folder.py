"""Reading images of the user's own: layouts, labels, sizes, and files that are no images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mimesim.errors import InputError
from mimesim.training.recording.image_folder import ImageFolder, read_image, scan_folder


def save(path: Path, width: int = 8, height: int = 8, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(len(str(path))).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(values).convert(mode).save(path)
    return path


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """Two classes of images, an empty one, and things that are passed over."""
    for name in ("dog/b.png", "dog/a.JPG", "cat/deep/er/c.webp", "cat/d.bmp", ".hidden/e.png", "dog/.f.png"):
        save(tmp_path / name)
    (tmp_path / "bird").mkdir()
    (tmp_path / "dog" / "notes.txt").write_text("bark")
    (tmp_path / "readme.md").write_text("images")
    return tmp_path


def test_folders_are_classes_in_the_order_of_their_names(classes: Path) -> None:
    found = scan_folder(classes)
    assert found.class_names == ("bird", "cat", "dog")
    assert found.files == ("cat/d.bmp", "cat/deep/er/c.webp", "dog/a.JPG", "dog/b.png")
    assert found.labels == (1, 1, 2, 2)
    data = found.read([3, 0], 8)
    assert (data.labels.tolist(), data.ids.tolist(), data.classes) == ([2, 1], [3, 0], 3)


def test_labels_are_torchvisions(classes: Path) -> None:
    from torchvision.datasets import ImageFolder as Reference

    for hidden in (".hidden/e.png", "dog/.f.png"):  # which torchvision takes for images
        (classes / hidden).unlink()
    (classes / ".hidden").rmdir()
    reference, found = Reference(str(classes), allow_empty=True), scan_folder(classes)
    assert reference.classes == list(found.class_names)
    assert [(Path(path), label) for path, label in reference.samples] == [
        (classes / name, label) for name, label in zip(found.files, found.labels or (), strict=True)
    ]


def test_a_flat_folder_has_no_labels(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "sub/none.txt"):
        path = tmp_path / name
        save(path) if path.suffix == ".png" else path.parent.mkdir()
    found = scan_folder(tmp_path)
    assert (found.files, found.labels, found.class_names) == (("a.png", "b.png"), None, ())
    assert found.read([0, 1], 8).labels.tolist() == [-1, -1]


def test_folders_that_are_no_classes(classes: Path) -> None:
    save(classes / "top.png")
    found = scan_folder(classes, labelled=False)
    assert found.files == ("top.png", "cat/d.bmp", "cat/deep/er/c.webp", "dog/a.JPG", "dog/b.png")
    assert (found.labels, found.class_names) == (None, ())


def test_the_shorter_side_is_scaled_and_the_middle_cut_out(tmp_path: Path) -> None:
    wide = np.zeros((10, 40, 3), dtype=np.uint8)
    wide[:, 15:25] = 255  # the middle square
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "tall.png")
    for name in ("wide.png", "tall.png"):
        assert read_image(tmp_path / name, 10).unique().tolist() == [255]
        half = read_image(tmp_path / name, 5)
        assert half.shape == (3, 5, 5)
        assert half[:, 2, 2].tolist() == [255] * 3


def test_an_image_of_the_right_size_is_left_as_it_is(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png", 6)
    assert (read.dtype, read.is_contiguous()) == (torch.uint8, True)
    np.testing.assert_array_equal(read.permute(1, 2, 0).numpy(), values)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "LA", "CMYK"])
def test_other_modes_become_colours_or_grey(tmp_path: Path, mode: str) -> None:
    path = save(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), mode=mode)
    assert read_image(path, 4).shape == (3, 4, 4)
    assert read_image(path, 4, channels=1).shape == (1, 4, 4)


def test_a_palette_with_transparency_warns_of_nothing(tmp_path: Path) -> None:
    save(tmp_path / "a.png", mode="P")
    Image.open(tmp_path / "a.png").save(tmp_path / "b.png", transparency=bytes([0] * 128 + [255] * 128))
    assert read_image(tmp_path / "b.png", 8).shape == (3, 8, 8)


def test_images_are_chosen_by_seed_and_task_alone() -> None:
    folder = ImageFolder(Path("x"), tuple(f"{number}.png" for number in range(50)))
    few, many = folder.choose(3, 1, "cats"), folder.choose(20, 1, "cats")
    assert many[:3] == few
    assert len(set(many)) == 20
    assert folder.choose(20, 2, "cats") != many
    assert folder.choose(20, 1, "dogs") != many


@pytest.mark.parametrize("count", [0, 3])
def test_more_images_than_there_are(tmp_path: Path, count: int) -> None:
    folder = ImageFolder(tmp_path, ("a.png", "b.png"))
    with pytest.raises(InputError) as caught:
        folder.choose(count, 0, "t")
    assert str(caught.value) == f"{tmp_path}: images = {count}: must be from 1 to 2, the images of this folder"


def damaged(folder: Path) -> dict[str, bytes]:
    whole = save(folder / "whole.png", 64, 64).read_bytes()
    jpeg = save(folder / "whole.jpg", 64, 64).read_bytes()
    return {"text.png": b"no image", "empty.png": b"", "half.png": whole[: len(whole) // 2],
            "half.jpg": jpeg[: len(jpeg) // 2], "bits.png": whole[:60] + bytes([255] * 8) + whole[68:]}  # fmt: skip


@pytest.mark.parametrize("name", ["text.png", "empty.png", "half.png", "half.jpg", "bits.png"])
def test_a_damaged_image_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(damaged(tmp_path)[name])
    with pytest.raises(InputError) as caught:
        ImageFolder(tmp_path, (name,)).read([0], 8)
    assert str(caught.value).startswith(f"{path}: is not a readable image (")
    assert "\n" not in str(caught.value)


def test_sixteen_bits_a_channel_are_refused_rather_than_cut_off(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(InputError, match=r"deep\.png: is not a readable image .*only 8 bits a channel are read"):
        read_image(tmp_path / "deep.png", 8)


def test_what_is_no_folder_of_images(tmp_path: Path, classes: Path) -> None:
    (tmp_path / "void").mkdir()
    cases = [
        (tmp_path / "nowhere", "nowhere: there is no such folder"),
        (tmp_path / "readme.md", "readme.md: is a file, not a folder of images"),
        (tmp_path / "void", "void: holds no image (.jpg, .jpeg, .png"),
        (classes / "bird", "bird: holds no image"),
    ]
    for path, message in cases:
        with pytest.raises(InputError) as caught:
            scan_folder(path)
        assert message in str(caught.value)
    stray = save(classes / "stray.png")
    with pytest.raises(InputError) as caught:
        scan_folder(classes)
    rule = "stands beside folders of images (cat): put every image in its class's folder, or none"
    assert str(caught.value) == f"{stray}: {rule}"
