"""Bits in ``.npz`` files: packing, the same bytes for the same bits, and reading that trusts nothing."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from mimesim.errors import InputError

__all__ = ["MissingMemberError", "check_members", "pack", "packed_shape", "read_packed", "unpack", "write_npz"]

#: What zipfile, zlib and numpy raise for bytes that are not what they should be.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)
#: The zip format's own epoch: a real time stamp would change the bytes from run to run.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class MissingMemberError(InputError):
    """The file has no such member."""


def pack(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pack *bits* (rows, n) into uint8 (rows, ceil(n / 8)), first bit lowest, the last byte padded with zeros."""
    return np.packbits(bits, axis=1, bitorder="little")


def unpack(packed: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """Return the *count* bits of each row of *packed* (rows, ceil(count / 8)) as bool (rows, count)."""
    return np.unpackbits(packed, axis=1, count=count, bitorder="little").view(np.bool_)


def packed_shape(rows: int, shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the shape of *rows* packed tensors of *shape* bits each."""
    return rows, -(-prod(shape) // 8)


def write_npz(path: Path, members: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
    """Write *members* in the given order as a compressed ``.npz`` whose bytes depend on nothing else."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in members:
            info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # zipfile would note the operating system here
            info.external_attr = 0o644 << 16
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            # Level 9 takes four times as long on pruned weights and saves 2 %; masks hardly compress at all.
            archive.writestr(info, buffer.getvalue(), compresslevel=6)


def check_members(path: Path, expected: Mapping[str, tuple[int, int]], *, complete: bool = True) -> None:
    """Check that the file at *path* holds uint8 arrays of the *expected* shapes, without reading their data.

    With *complete*, none may be missing. Raises :class:`InputError` naming the file, the member and what was found.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            for name in names:
                member = name.removesuffix(".npy")
                if member == name or member not in expected:
                    raise InputError(str(path), "no such tensor is expected here", key=name)
                if names.count(name) > 1:
                    raise InputError(str(path), "the file holds this member twice", key=member)
                with archive.open(name) as stream:
                    _check_header(stream, path, member, expected[member])
    except _BROKEN as error:
        raise _broken(path, error) from None
    missing = [name for name in expected if f"{name}.npy" not in names]
    if complete and missing:
        raise InputError(str(path), f"the file lacks this member; it has {len(names)}", key=missing[0])


def read_packed(path: Path, member: str, rows: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read *member* of the file at *path*: *rows* packed tensors of *shape* bits, as uint8 (rows, bytes).

    Raises :class:`InputError` where file, member, type, shape or padding bits are not as they should be; never reads
    more than that shape needs.
    """
    expected = packed_shape(rows, shape)
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{member}.npy" not in archive.namelist():
                raise MissingMemberError(str(path), "the file lacks this member", key=member)
            with archive.open(f"{member}.npy") as stream:
                _check_header(stream, path, member, expected)
                data = stream.read(prod(expected))
                # Reading on to the end makes zipfile compare the checksum.
                if len(data) != prod(expected) or stream.read(1):
                    raise InputError(
                        str(path), f"the data are not the {prod(expected)} bytes of the header", key=member
                    )
    except _BROKEN as error:
        raise _broken(path, error) from None
    packed = np.frombuffer(data, dtype=np.uint8).reshape(expected)
    used = prod(shape) % 8
    if used and np.any(packed[:, -1] >> used):
        raise InputError(str(path), f"the {8 - used} padding bits of the last byte must be zero", key=member)
    return packed


def _check_header(stream: IO[bytes], path: Path, member: str, expected: tuple[int, int]) -> None:
    version = np.lib.format.read_magic(stream)
    reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if reader is None:
        raise InputError(str(path), f"npy version {version} is not supported", key=member)
    shape, fortran, dtype = reader(stream)
    if dtype != np.uint8:
        raise InputError(str(path), f"holds {dtype}, expected packed bits (uint8)", key=member)
    if shape != expected:
        raise InputError(
            str(path), f"has shape {shape}, expected {expected} (images, bytes of packed bits)", key=member
        )
    if fortran and min(shape) > 1:
        raise InputError(str(path), "is stored in Fortran order, expected C order", key=member)


def _broken(path: Path, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(str(path), "the file is missing")
    return InputError(str(path), f"is not a readable .npz ({error}); is it truncated?")
