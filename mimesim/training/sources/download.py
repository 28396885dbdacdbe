"""Fetching public sets: through torchvision, or a file by its address and checksum."""

from __future__ import annotations

import errno
import hashlib
import sys
import urllib.error
import urllib.request
import warnings
from contextlib import redirect_stdout, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mimesim.errors import InputError
from mimesim.training.sources.arrays import reason

__all__ = ["fetch", "only_a_subset", "torchvision_set"]

BLOCK = 1 << 20
STALLED_S = 60
UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


def only_a_subset(path: Path) -> InputError:
    """What to say to a user who wants the whole set where only the project's subset is."""
    rule = (
        "this file is only the project's subset; for all images put the public set beside it, or name another folder "
        "in MIMESIM_DATA, into which it is downloaded"
    )
    return InputError(str(path), rule, key="subset", value=False)


def torchvision_set(name: str, folder: Path, *, train: bool) -> Any:
    """A data set of torchvision's, which checks md5s and downloads what is missing in *folder*."""
    import torchvision  # type: ignore[import-untyped, unused-ignore]

    try:
        # its reports belong beside ours; how its files were pickled, years ago, is nothing a user can act upon
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(torchvision.datasets, name)(root=str(folder), train=train, download=True)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise _cannot_write(folder, error) from error
        rule = f"holds no whole {name}, and downloading it failed ({reason(error)}); put it there, or set MIMESIM_DATA"
        raise InputError(str(folder), rule) from error


def fetch(url: str, md5: str, path: Path) -> None:
    """Download *url* to *path*, which appears only when its md5 is right.

    What has arrived is kept beside it as ``.partial`` when the connection breaks, and the next call goes on from there
    if the server can. A full disk is not left full.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        _receive(url, partial)
        with partial.open("rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if found == md5:
            partial.replace(path)
            return
        partial.unlink()
    except (OSError, HTTPException) as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise _cannot_write(path.parent, error) from error
        rule = f"is missing, and {url} could not be fetched ({reason(error)}); try again, or put the file there"
        raise InputError(str(path), rule) from error
    raise InputError(url, f"arrived damaged: its md5 must be {md5}; try again", value=found)


def _cannot_write(folder: Path, error: OSError) -> InputError:
    rule = f"cannot be written to ({error.strerror}); make room or give leave, or name another folder in MIMESIM_DATA"
    return InputError(str(folder), rule)


def _receive(url: str, partial: Path) -> None:
    """Append to *partial* what it lacks of *url*."""
    start = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})  # noqa: S310 - ours
    try:
        source = urllib.request.urlopen(request, timeout=STALLED_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        error.close()
        if start and error.code == 416:  # there is nothing beyond: the file is whole, or its md5 will be wrong
            return
        raise
    with source:
        if source.status != 206:
            start = 0
        length = source.headers.get("Content-Length")
        total = start + int(length) if length else None
        console = Console(stderr=True)
        if not console.is_terminal:
            size = f" ({total / 1e6:.0f} MB)" if total else ""
            print(f"downloading {url}{size} to {partial.parent}", file=sys.stderr, flush=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        progress = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        with progress, partial.open("ab" if start else "wb") as target:
            bar = progress.add_task(partial.stem, total=total, completed=start)
            while block := source.read(BLOCK):
                target.write(block)
                start += len(block)
                progress.update(bar, completed=start)
        if total is not None and start < total:
            raise ConnectionError(f"the connection ended after {start} of {total} bytes")
