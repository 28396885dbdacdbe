"""Checkpoints: what a killed run continues from, and the weights of a finished one."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch

from mimesim.errors import InputError

__all__ = ["FORMAT", "fingerprint", "load_checkpoint", "save_checkpoint"]

FORMAT = 1


def fingerprint(*parts: object) -> str:
    """A short hash of whatever settings decide a result (JSON-serialisable)."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write beside *path*, then rename: an interruption or a full disk leaves the last good file in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as stream:
            torch.save(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        partial.unlink(missing_ok=True)
        raise InputError(
            str(path), f"the checkpoint could not be written ({error}); the last good one stays"
        ) from error


def load_checkpoint(path: Path, identity: str) -> dict[str, Any]:
    """Read a checkpoint of the run *identity*; a corrupt file or one of another run is an ``InputError``."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(str(path), f"is not a readable checkpoint ({reason}); delete it to start afresh") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(str(path), f"is not a checkpoint of format {FORMAT}; delete it to start afresh")
    if content.get("identity") != identity:
        raise InputError(
            str(path),
            "was made with other settings; delete it, or choose another name or runs folder",
            key="identity",
            value=content.get("identity"),
        )
    return content
