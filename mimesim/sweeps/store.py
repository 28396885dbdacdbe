"""What came of a replay, kept under its hash: one file each, whole or not there, for every sweep that asks again."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any, NamedTuple

from mimesim.engine import ENGINES
from mimesim.results.csv_file import Cell
from mimesim.results.writer import as_input_error
from mimesim.sweeps.columns import VALUES
from mimesim.sweeps.points import Job

__all__ = ["Kept", "Store"]

_FORMAT = "mimesim-point"


class Kept(NamedTuple):
    """The cells that a replay led to, and the *engine* that did it: empty if its file is older than this note."""

    values: dict[str, Cell]
    engine: str = ""


class Store:
    """A folder of finished replays. Several sweeps may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, job: Job) -> Kept | None:
        """Return what *job* has led to; None if it was not replayed yet, or its file is damaged."""
        try:
            document: Any = json.loads(self._path(job.key).read_bytes())
            values: dict[str, Cell] = document["values"]
            engine = document.get("engine", "")
            mine = (
                engine in ("", *ENGINES)
                and document["format"] == _FORMAT
                and document["key"] == job.key
                and values.keys() == set(VALUES)
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return Kept(values, engine) if mine else None

    def put(self, job: Job, kept: Kept) -> None:
        """Keep what *job* has led to; raises :class:`InputError` if the disk refuses.

        It is kept by the system, which a kill does not reach. Nobody waits for the disk, which takes longer than all
        else that is done for a point here: of a file that a power cut cost, nothing but its replay is lost.
        """
        path = self._path(job.key)
        document = {"format": _FORMAT, "key": job.key, "configuration": job.configuration, **kept._asdict()}
        staging = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp")
        with as_input_error(self.folder):
            if not path.parent.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
            try:
                staging.write_bytes(json.dumps(document, allow_nan=False).encode())
                staging.replace(path)
            except BaseException:
                staging.unlink(missing_ok=True)
                raise

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
