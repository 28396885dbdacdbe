"""Ways to share a network that are trained by themselves, not as children of one parent: ``system`` in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mimesim.config.explain import check, suggest
from mimesim.config.origin import Origin
from mimesim.errors import InputError
from mimesim.training.dvn.config import DvnConfig
from mimesim.training.dvn.run import train_dvn
from mimesim.training.dvn.smoke import smoke_dvn
from mimesim.training.pam.config import PamConfig
from mimesim.training.pam.run import train_pam
from mimesim.training.pam.smoke import smoke_pam

__all__ = ["SYSTEMS", "train_system"]


def _pam(data: Mapping[str, Any], origin: Origin, quick: bool) -> Path:
    config = check(PamConfig, data, origin)
    return train_pam(smoke_pam(config) if quick else config)


def _dvn(data: Mapping[str, Any], origin: Origin, quick: bool) -> Path:
    config = check(DvnConfig, data, origin)
    return train_dvn(smoke_dvn(config) if quick else config)


SYSTEMS: dict[str, Callable[[Mapping[str, Any], Origin, bool], Path]] = {"dvn": _dvn, "pam": _pam}
"""By name: what trains a configuration of the system, or its short version, and returns the folder of its results."""


def train_system(data: Mapping[str, Any], origin: Origin, quick: bool) -> Path:
    """Train what *data* says, the content of a file at *origin*; an unknown system is an ``InputError``."""
    name = data.get("system")
    if not isinstance(name, str) or name not in SYSTEMS:
        raise InputError(origin.where(("system",)), f"is not known; {suggest(name, SYSTEMS)}", key="system", value=name)
    return SYSTEMS[name](data, origin, quick)
