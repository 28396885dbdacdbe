"""Request traces: a line per request of 64 bytes, ``0x<address> READ|WRITE <arrival clock>``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mimesim.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Requests", "read_requests"]

_FORM = "0x<address> READ|WRITE <arrival clock>, such as 0x1f40 READ 12"
#: Sixteen hexadecimal digits are 64 bits; eighteen decimal ones stay below 2^63.
_LINE = re.compile(rb"^[ \t]*0[xX]([0-9a-fA-F]{1,16})[ \t]+(READ|WRITE|read|write)[ \t]+([0-9]{1,18})[ \t\r]*$", re.M)
_IGNORED = re.compile(rb"^[ \t\r]*(?:#.*)?$", re.M)
#: Bytes that are parsed at a time, so that a long trace is never held as text.
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class Requests:
    """Requests in the order of their arrival: byte address, whether it is a write, clock of arrival."""

    address: NDArray[np.uint64]
    write: NDArray[np.bool_]
    arrival: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.address)


def read_requests(source: str) -> Requests:
    """Return the requests in the file *source*, or on stdin where it is ``-``.

    Empty lines and lines that begin with ``#`` are left out. Raises :class:`InputError` naming file, line, value and
    rule for the first line that is wrong, and where there is no request at all.
    """
    if source == "-":
        return _read(sys.stdin.buffer, "stdin")
    path = Path(source)
    if path.is_dir():
        raise InputError(source, "is a folder; a trace is a text file of requests")
    if not path.exists():
        raise InputError(source, "there is no such file; '-' reads stdin")
    with path.open("rb") as file:
        return _read(file, source)


def _read(file: BinaryIO, name: str) -> Requests:
    import numpy as np

    addresses, writes, arrivals = [], [], []
    line, last = 1, 0
    for text in _chunks(file):
        found = _LINE.findall(text)
        lines = text.count(b"\n") + (not text.endswith(b"\n"))
        if len(found) != lines and len(found) + len(_IGNORED.findall(text.removesuffix(b"\n"))) != lines:
            raise _first_error(text, name, line, last)
        if found:
            hexadecimal, kinds, clocks = zip(*found, strict=True)
            arrival = np.array([*map(int, clocks)], dtype=np.int64)
            if arrival[0] < last or np.any(arrival[1:] < arrival[:-1]):
                raise _first_error(text, name, line, last)
            addresses.append(np.array([int(digits, 16) for digits in hexadecimal], dtype=np.uint64))
            writes.append(np.array([kind[0] in b"Ww" for kind in kinds], dtype=np.bool_))
            arrivals.append(arrival)
            last = int(arrival[-1])
        line += lines
    if not arrivals:
        raise InputError(name, f"holds no request; a line reads {_FORM}")
    return Requests(np.concatenate(addresses), np.concatenate(writes), np.concatenate(arrivals))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in pieces that end where a line does."""
    rest = b""
    while piece := file.read(_CHUNK_BYTES):
        whole, newline, piece = piece.rpartition(b"\n")
        if newline:
            yield rest + whole + newline
            rest = piece
        else:
            rest += piece
    if rest:
        yield rest


def _first_error(text: bytes, name: str, line: int, last: int) -> InputError:
    """Return what is wrong with the first wrong line of *text*, whose first is *line* of the file."""
    for number, content in enumerate(text.split(b"\n"), line):
        if _IGNORED.fullmatch(content):
            continue
        found = _LINE.fullmatch(content)
        shown = content.decode("utf-8", "backslashreplace").strip()[:80]
        if not found:
            return InputError(f"{name}:{number}", f"must read {_FORM}", value=shown)
        arrival = int(found[3])
        if arrival < last:
            return InputError(f"{name}:{number}", f"arrives before the line above, at clock {last}", value=shown)
        last = arrival
    raise AssertionError("a trace was refused and has no wrong line")
