"""From arrays in files to checked image sets: what every family of image sets shares."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from mimesim.errors import InputError
from mimesim.training.data import ImageSet

__all__ = ["Array", "Bytes", "Split", "decode_jpeg", "image_set", "read_npz", "reason"]

Split = Literal["train", "test"]
Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[Any]
Shape = tuple[int, int] | tuple[int, int, int]
"""(H, W) or (H, W, 3)."""


def image_set(
    where: str, split: Split, images: Bytes, labels: npt.ArrayLike, ids: npt.ArrayLike, classes: int, shape: Shape
) -> ImageSet:
    """The set of *images*, uint8 (N, *shape*); a *shape* of (H, W) is grey, which becomes three equal channels.

    *labels* are (N,) from 0 to *classes* - 1, *ids* (N,) each image's place in the official split. What breaks one of
    these rules is an ``InputError`` that names *where* it came from and, if it is one label, which.
    """
    numbers = np.asarray(labels)
    if images.dtype != np.uint8 or images.shape[1:] != shape or len(images) == 0:
        rule = f"must be uint8 of shape (images, {', '.join(map(str, shape))}), at least one image"
        raise InputError(where, rule, key=f"{split} images", value=f"{images.dtype} {images.shape}")
    if numbers.dtype.kind not in "iu" or numbers.shape != (len(images),):
        rule = f"every one of the {len(images)} images needs one whole number"
        raise InputError(where, rule, key=f"{split} labels", value=f"{numbers.dtype} {numbers.shape}")
    wrong = np.flatnonzero((numbers < 0) | (numbers >= classes))
    if len(wrong):
        first = int(wrong[0])
        rule = f"labels go from 0 to {classes - 1}"
        raise InputError(where, rule, key=f"{split} labels[{first}]", value=int(numbers[first]))
    places = np.asarray(ids)
    if places.dtype.kind not in "iu" or places.shape != numbers.shape:
        rule = f"every one of the {len(images)} images needs its place in the official split"
        raise InputError(where, rule, key=f"{split} places", value=f"{places.dtype} {places.shape}")
    # copied only where it may not be written to, as what was read from a buffer
    tensor = torch.from_numpy(np.require(images, requirements=["C", "W"]))
    tensor = tensor[:, None].expand(-1, 3, -1, -1) if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)
    as_int = [torch.from_numpy(values.astype(np.int64)) for values in (numbers, places)]
    return ImageSet(tensor.contiguous(), as_int[0], as_int[1], classes)


def read_npz(path: Path, keys: Iterable[str]) -> dict[str, Array]:
    """The arrays *keys* of a ``.npz`` file; each must be there and whole."""
    try:
        # opened here: NumPy would leave a damaged archive open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            missing = [key for key in keys if key not in file.files]
            if missing:
                raise InputError(str(path), "is not in the file; fetch it again", key=missing[0])
            return {key: file[key] for key in keys}
    except InputError:
        raise
    except Exception as error:  # zip, zlib, lzma and NumPy each have errors of their own for bytes that are wrong
        if isinstance(error, OSError) and error.strerror:
            raise InputError(str(path), f"cannot be read ({error.strerror})") from error
        raise InputError(str(path), f"is damaged ({reason(error)}); fetch it again") from error


def decode_jpeg(content: bytes, where: str, side: int) -> Bytes:
    """A JPEG file's pixels as uint8 (side, side, 3), grey repeated; *where* names the file and the image in errors."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            size = image.size
            pixels = np.asarray(image.convert("RGB")) if size == (side, side) else None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(where, f"is not a readable JPEG image ({reason(error)})") from error
    if pixels is None:
        raise InputError(where, f"must be {side} by {side} pixels", key="size", value=f"{size[0]} by {size[1]}")
    return pixels


def reason(error: Exception) -> str:
    """The first line of what *error* says, or its kind if it says nothing."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
