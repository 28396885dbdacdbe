"""Every request as a row of a CSV file, written while the stream is served."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mimesim.errors import InputError
from mimesim.results.writer import as_input_error
from mimesim.serving.costs import BatchCost
from mimesim.serving.request import Request

__all__ = ["COLUMNS", "RequestLog", "request_file"]

#: What tells the streams in the file apart.
_STREAM = ("load", "rate_per_s", "mix", "policy", "case")
COLUMNS = (
    *_STREAM,
    *("request", "task", "image", "status", "arrival_ms", "start_ms", "end_ms", "latency_ms", "batch", "batch_images"),
)


class RequestLog:
    """Writes the requests of one stream, an :class:`Observer` of the server: served ones when their batch ends."""

    def __init__(self, file: TextIO, stream: Mapping[str, object], clock_mhz: float) -> None:
        self._file = file
        self._rows = csv.writer(file, lineterminator="\n")
        self._stream = [stream[column] for column in _STREAM]
        self._cycles_per_ms = clock_mhz * 1000
        self._batch = 0

    def arrived(self, request: Request, accepted: bool, waiting: int) -> None:
        """Write a request that was refused."""
        if not accepted:
            row = (*self._stream, request.number, request.task, request.image, "rejected", self._ms(request.arrival))
            self._write([[*row, *[None] * (len(COLUMNS) - len(row))]])

    def started(self, batch: Sequence[Request], cycle: int, waiting: int) -> None:
        """Write nothing: the end is not known."""

    def ended(self, batch: Sequence[Request], start: int, end: int, cost: BatchCost) -> None:
        """Write the requests of a batch in the order in which the machine had them."""
        rows: list[list[object]] = []
        for request in batch:
            times = (self._ms(request.arrival), self._ms(start), self._ms(end), self._ms(end - request.arrival))
            row = (request.number, request.task, request.image, "served", *times, self._batch, len(batch))
            rows.append([*self._stream, *row])
        self._write(rows)
        self._batch += 1

    def _write(self, rows: list[list[object]]) -> None:
        with as_input_error(Path(self._file.name)):
            self._rows.writerows(rows)

    def _ms(self, cycles: int) -> float:
        return cycles / self._cycles_per_ms


@contextmanager
def request_file(path: Path | None) -> Iterator[TextIO | None]:
    """Open *path* for the rows of all streams and write the header; an earlier file of requests is replaced.

    However the block ends, what was written up to then is in the file. Raises :class:`InputError` if *path* is the file
    of something else, or the disk refuses.
    """
    if path is None:
        yield None
        return
    header = ",".join(COLUMNS) + "\n"
    with as_input_error(path):
        if path.is_file():
            with path.open(encoding="utf-8", errors="replace", newline="") as there:
                if there.read(len(header)) != header:
                    raise InputError(str(path), "exists and is no file of requests of mimesim's: choose another name")
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8", newline="")
    try:
        with as_input_error(path):
            file.write(header)
        yield file
    finally:
        with as_input_error(path):
            file.close()
