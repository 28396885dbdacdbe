"""Images of the user's own: a folder of files, flat or with a folder for each class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mimesim.errors import InputError
from mimesim.training.data import ImageSet, draw

__all__ = ["SUFFIXES", "ImageFolder", "scan_folder"]

#: Files of other kinds are passed over, as torchvision's ImageFolder does; so is whatever is hidden.
SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
UNLABELLED = -1


@dataclass(frozen=True)
class ImageFolder:
    """The images below *root*: their paths in it, sorted within each class, with ``/`` on every system.

    *labels* are positions in *class_names*, one for each file, or None where nothing says what an image shows.
    """

    root: Path
    files: tuple[str, ...]
    labels: tuple[int, ...] | None = None
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Images."""
        return len(self.files)

    def choose(self, count: int, seed: int, task: str) -> list[int]:
        """Positions of *count* images, drawn by seed and task name alone; fewer are the first of more."""
        if not 1 <= count <= len(self):
            rule = f"must be from 1 to {len(self)}, the images of this folder"
            raise InputError(str(self.root), rule, key="images", value=count)
        return [int(position) for position in draw(len(self), count, seed, task)]

    def read(self, positions: Sequence[int], size: int, channels: int = 3) -> ImageSet:
        """The images at *positions*: uint8 (N, channels, size, size), labels -1 where there are none.

        The shorter side is scaled to *size* (bilinear with antialiasing), then the middle is cut out. *channels* is
        3 (grey is repeated) or 1 (colours become grey). Raises ``InputError`` with the file that cannot be read.
        """
        images = [read_image(self.root / self.files[position], size, channels) for position in positions]
        labels = [UNLABELLED if self.labels is None else self.labels[position] for position in positions]
        ids = torch.tensor(positions, dtype=torch.int64)
        return ImageSet(torch.stack(images), torch.tensor(labels, dtype=torch.int64), ids, len(self.class_names))


def scan_folder(root: Path, labelled: bool = True) -> ImageFolder:
    """Find the images in *root*.

    Images right in *root* have no labels. Where it holds folders instead, each is a class, labelled in the order of
    their sorted names as torchvision's ImageFolder does, with all images below it at any depth; an empty one counts.
    With *labelled* false they are mere folders. Raises ``InputError`` where there is no folder, no image, or both
    images and folders of images.
    """
    if not root.is_dir():
        raise InputError(str(root), "is a file, not a folder of images" if root.exists() else "there is no such folder")
    try:
        below = sorted((path for path in root.iterdir() if not _hidden(path)), key=lambda path: path.name)
        flat = [path for path in below if _is_image(path)]
        folders = [path for path in below if path.is_dir()]
        classes = [list(_images_below(folder)) for folder in folders]
    except OSError as error:
        raise InputError(error.filename or str(root), f"cannot be read ({error.strerror})") from error
    if not flat and not any(classes):
        raise InputError(str(root), f"holds no image ({', '.join(SUFFIXES)})")
    if not labelled:
        return ImageFolder(root, _names(root, [*flat, *(path for files in classes for path in files)]))
    if flat and any(classes):
        other = next(folder.name for folder, files in zip(folders, classes, strict=True) if files)
        rule = f"stands beside folders of images ({other}): put every image in its class's folder, or none"
        raise InputError(str(flat[0]), rule)
    if flat:
        return ImageFolder(root, _names(root, flat))
    labels = tuple(label for label, files in enumerate(classes) for _ in files)
    files = _names(root, [path for files in classes for path in files])
    return ImageFolder(root, files, labels, tuple(folder.name for folder in folders))


def read_image(path: Path, size: int, channels: int = 3) -> torch.Tensor:
    """One image as :meth:`ImageFolder.read` gives it: uint8 (channels, size, size)."""
    try:
        with Image.open(path) as file:
            if file.mode.startswith(("I", "F")):
                raise ValueError(f"its mode is {file.mode}: only 8 bits a channel are read")
            opened = file.convert("RGBA") if "transparency" in file.info else file
            image = opened.convert("L" if channels == 1 else "RGB")
    except Exception as error:  # Pillow's decoders raise what they like on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(str(path), f"is not a readable image ({reason})") from error
    width, height = image.size
    scale = size / min(width, height)
    scaled = (max(size, round(width * scale)), max(size, round(height * scale)))
    if scaled != image.size:
        image = image.resize(scaled, Image.Resampling.BILINEAR)
    left, top = (scaled[0] - size) // 2, (scaled[1] - size) // 2
    pixels = np.array(image.crop((left, top, left + size, top + size)))
    return torch.from_numpy(pixels.reshape(size, size, channels)).permute(2, 0, 1).contiguous()


def _hidden(path: Path) -> bool:
    return path.name.startswith((".", "__MACOSX"))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _images_below(folder: Path) -> Iterator[Path]:
    paths = sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
    return (
        path for path in paths
        if _is_image(path) and not any(_hidden(Path(part)) for part in path.relative_to(folder).parts)
    )  # fmt: skip


def _names(root: Path, paths: Sequence[Path]) -> tuple[str, ...]:
    return tuple(path.relative_to(root).as_posix() for path in paths)
