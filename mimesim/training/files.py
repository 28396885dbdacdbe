"""Files that a training keeps: written whole or not at all, and read back without executing anything in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch

from mimesim.errors import InputError

__all__ = ["file_digest", "read_tensors", "write_whole"]


def write_whole(path: Path, content: bytes | Callable[[IO[bytes]], object]) -> None:
    """Write *content*, or let it write, beside *path*, then rename; folders are made.

    An interruption or a full disk leaves what was there before; the latter, and whatever else keeps the file from being
    written, is an ``InputError``.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            if isinstance(content, bytes):
                stream.write(content)
            else:
                content(stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # the latter is what torch makes of a full disk
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
        raise InputError(str(path), f"cannot be written: {reason}; what was there before stays") from error


def file_digest(path: Path) -> str:
    """The sha256 of a file, whatever it is called and wherever it lies."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error


def read_tensors(path: Path, otherwise: str) -> Any:
    """What ``torch.save`` wrote to *path*, on the CPU; *otherwise* ends the error where the file is anything else."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from error
    with stream:
        try:
            return torch.load(stream, map_location="cpu", weights_only=True)
        # torch's own words would tell the user to load it again without the guard; of a truncated file it may say
        # that an argument was invalid
        except Exception as error:
            raise InputError(str(path), otherwise) from error
