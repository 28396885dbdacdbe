"""A folder of counts that processes and runs share: written whole, read with doubt, bounded in size."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["CountCache", "cache_folder"]

Array = NDArray[np.generic]

#: Of counts that are kept in it, not of anything that must not be lost.
_LIMIT_BYTES = 2**30
#: Files written between two looks at the size of the whole.
_INTERVAL = 64
_OFF = {"off", "no", "none", "0", ""}


def cache_folder(chosen: str | None = None) -> Path | None:
    """Return the folder of the cache: *chosen*, or what ``MIMESIM_CACHE`` says, or the system's own; None for ``off``.

    The system's own is ``$XDG_CACHE_HOME/mimesim`` (``~/.cache/mimesim``), ``~/Library/Caches/mimesim`` on macOS and
    ``%LOCALAPPDATA%\\mimesim`` on Windows.
    """
    said = os.environ.get("MIMESIM_CACHE") if chosen is None else chosen
    if said is not None:
        return None if said.lower() in _OFF else Path(said)
    variable, below = ("XDG_CACHE_HOME", ".cache")
    if sys.platform == "darwin":
        variable, below = "", "Library/Caches"
    elif sys.platform == "win32":
        variable, below = "LOCALAPPDATA", "AppData/Local"
    base = os.environ.get(variable, "")
    try:
        return (Path(base) if Path(base).is_absolute() else Path.home() / below) / "mimesim"
    except RuntimeError:
        # Nobody's home.
        return None


class CountCache:
    """Arrays of numbers by a text that says all that they depend on.

    A file is a ``.npz`` under the hash of its text, and holds the text, too. One that is damaged, or of another text,
    counts as missing; a folder that cannot be written keeps nothing. Beyond *limit* bytes what was not used for the
    longest time goes.
    """

    def __init__(self, folder: Path, limit: int = _LIMIT_BYTES) -> None:
        self._folder = folder / "counts"
        self._limit = limit
        self._written = 0

    def load(self, text: str) -> dict[str, Array] | None:
        """Return the arrays stored under *text*, None where there are none."""
        path = self._path(text)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, NotImplementedError):
            return None
        if found.pop("text", np.zeros(0, np.uint8)).tobytes() != text.encode():
            return None
        with suppress(OSError):
            os.utime(path)
        return found

    def store(self, text: str, arrays: Mapping[str, Array]) -> None:
        """Keep *arrays* under *text*, if the disk lets us."""
        path = self._path(text)
        staging = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.npz")
        with suppress(OSError):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                np.savez(staging, allow_pickle=False, text=np.frombuffer(text.encode(), np.uint8), **arrays)
                staging.replace(path)
            finally:
                staging.unlink(missing_ok=True)
            if self._written % _INTERVAL == 0:
                self._shrink()
            self._written += 1

    def _path(self, text: str) -> Path:
        name = hashlib.sha256(text.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.npz"

    def _shrink(self) -> None:
        """Delete the oldest files until the rest is three quarters of the limit, if all were more than it."""
        files = []
        for path in self._folder.glob("*/*.npz"):
            # Others delete, too.
            with suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        if total <= self._limit:
            return
        for _, size, path in sorted(files):
            with suppress(OSError):
                path.unlink()
            total -= size
            if total <= 0.75 * self._limit:
                break
