"""Write the results of a run: all of them, or nothing."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mimesim.errors import InputError
from mimesim.results.document import RUN_JSON, RunSettings, all_violations, is_run_document, render_run
from mimesim.results.rendered import TABLES, Rendered

if TYPE_CHECKING:
    from mimesim.simulation import CaseResult

__all__ = ["as_input_error", "check_destination", "write_files", "write_results"]


def check_destination(out: Path) -> None:
    """Raise :class:`InputError` if results cannot be written to *out*: asked for before a long run, not after it.

    *out* may be new, empty, or results of an earlier run. Nothing is created or changed.
    """
    with as_input_error(out):
        target = out.resolve()
        if target.is_dir():
            entries = [entry.name for entry in target.iterdir()]
            if entries and not _is_ours(target):
                rule = f"holds {min(entries)!r} and no {RUN_JSON} of mimesim's: choose an empty or a new folder"
                raise InputError(str(out), rule)
        elif target.exists():
            raise InputError(str(out), "exists and is not a folder")
        # The folder is put in place by renaming, so the one above it must let us.
        parent = _nearest(target.parent)
        if not parent.is_dir():
            raise InputError(str(out), f"{parent} is not a folder")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise InputError(str(out), f"{parent} is not writable")


def write_results(
    results: Sequence[CaseResult], workload: RunSettings, out: Path, measured: Mapping[str, object]
) -> Path:
    """Write the tables and ``run.json`` to folder *out* and return it; a folder of earlier results is replaced.

    Files of others that lie in such a folder stay in it. Whatever goes wrong, *out* holds the old results or the new
    ones, whole. Raises :class:`InputError` if *out* is not ours to write or the disk refuses.
    """
    return write_files(render_files(results, workload, measured), out)


def write_files(files: Mapping[str, str | bytes], out: Path) -> Path:
    """Write *files* by name, a ``run.json`` among them, to folder *out* as :func:`write_results` does."""
    check_destination(out)
    target = out.resolve()
    staging = _sibling(target, "tmp")
    made = _missing(target.parent)
    try:
        with as_input_error(out):
            target.parent.mkdir(parents=True, exist_ok=True)
            staging.mkdir()
            for name, text in files.items():
                _write(staging / name, text)
            _sync_folder(staging)
            _put_in_place(staging, target)
            _sync_folder(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in made:
            # Only empty ones go: after a success they hold the results.
            with suppress(OSError):
                folder.rmdir()
    return out


def render_files(
    results: Sequence[CaseResult], workload: RunSettings, measured: Mapping[str, object]
) -> dict[str, str]:
    """Return the text of every file by its name."""
    rendered = Rendered(results, workload)
    files = {f"{name}.csv": rendered.csv(name) for name in TABLES}
    violations = all_violations(results, workload)
    files[RUN_JSON] = render_run(results, workload, measured, violations, [*files, RUN_JSON])
    return files


def _is_ours(folder: Path) -> bool:
    """Tell whether *folder* holds results of mimesim's, or nothing but folders of such results."""
    try:
        return is_run_document((folder / RUN_JSON).read_bytes())
    except FileNotFoundError:
        entries = list(folder.iterdir())
        return bool(entries) and all(entry.is_dir() and _is_ours(entry) for entry in entries)
    except OSError:
        return False


def _put_in_place(staging: Path, target: Path) -> None:
    """Let *staging* take the name of *target*; what others had put there moves along."""
    if not target.exists():
        staging.replace(target)
        return
    old = _sibling(target, "old")
    written = _written_files(target)
    try:
        target.replace(old)
        staging.replace(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.replace(target)
        raise
    for entry in sorted(old.iterdir()):
        if entry.name not in written and not (target / entry.name).exists():
            entry.replace(target / entry.name)
    shutil.rmtree(old, ignore_errors=True)


def _written_files(folder: Path) -> set[str]:
    """Return the names that the ``run.json`` in *folder* calls its own."""
    try:
        named = json.loads((folder / RUN_JSON).read_bytes()).get("files", [])
    except OSError:
        return set()
    return {RUN_JSON, *(name for name in named if isinstance(name, str))}


def _write(path: Path, content: str | bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sibling(target: Path, ending: str) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.{ending}")


def _nearest(folder: Path) -> Path:
    """Return *folder*, or the closest folder above it that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _missing(folder: Path) -> list[Path]:
    """Return the folders that have to be made for *folder*, innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    return missing


@contextmanager
def as_input_error(out: Path) -> Iterator[None]:
    """Turn what the system says about the disk into an error that names the folder or file."""
    try:
        yield
    except OSError as error:
        raise InputError(str(out), f"cannot be written: {error.strerror or error}") from error
