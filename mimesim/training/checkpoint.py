"""Checkpoints: what a killed run continues from, the weights of a finished one, and what was measured of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mimesim.errors import InputError
from mimesim.training.files import read_tensors, write_whole

__all__ = [
    "FORMAT",
    "check_origin",
    "fingerprint",
    "load_checkpoint",
    "load_metrics",
    "read_checkpoint",
    "save_checkpoint",
    "save_metrics",
    "state_digest",
]

FORMAT = 1


def fingerprint(*parts: object) -> str:
    """A short hash of whatever settings decide a result (JSON-serialisable)."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def state_digest(state: Mapping[str, Tensor]) -> str:
    """A short hash of names and values of *state*."""
    found = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write *content*, whole or not at all."""
    write_whole(path, partial(torch.save, content))


def load_checkpoint(path: Path, identity: str, parent: str = "") -> dict[str, Any]:
    """Read a checkpoint of the run *identity*, from the parent of digest *parent*; a corrupt file or one of another
    run is an ``InputError``."""
    content = read_checkpoint(path, "; delete it to start afresh")
    check_origin(path, content, identity, parent)
    return content


def read_checkpoint(path: Path, remedy: str = "") -> dict[str, Any]:
    """Read a checkpoint of whatever run; *remedy* ends the ``InputError`` of a file that is none."""
    content = read_tensors(path, f"is not a readable checkpoint{remedy}")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(str(path), f"is not a checkpoint of format {FORMAT}{remedy}")
    return content


def save_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write *metrics* as JSON, whole or not at all."""
    write_whole(path, (json.dumps(metrics, indent=1) + "\n").encode())


def load_metrics(path: Path, stage: str) -> dict[str, Any]:
    """Read what *stage* wrote; anything else is an ``InputError``."""
    try:
        metrics = json.loads(path.read_bytes())
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except ValueError:
        reason = "is damaged"
    else:
        if isinstance(metrics, dict) and metrics.get("stage") == stage:
            return metrics
        reason = f"holds no metrics of {stage}"
    raise InputError(str(path), f"{reason}; delete its folder to run this stage again")


def check_origin(path: Path, content: Mapping[str, Any], identity: str, parent: str) -> None:
    """Refuse *content*, read from *path*, if it says that it came of other settings or another parent."""
    if content.get("identity", identity) != identity:
        rule = "was made with other settings; delete it, or choose another name or runs folder"
        raise InputError(str(path), rule, key="identity", value=content.get("identity"))
    if content.get("parent", parent) != parent:
        rule = "was made from another parent than the one that is there now; delete its folder to run it again"
        raise InputError(str(path), rule, key="parent", value=content["parent"])
