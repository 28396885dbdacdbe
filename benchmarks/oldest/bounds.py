"""The lower bounds of ``setup.cfg``, as pins for pip; nothing but Python is needed to read them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from mimesim.doctor import requirements

__all__ = ["HELD", "ROOT", "extras", "oldest_python", "pins"]

ROOT = Path(__file__).resolve().parents[2]
#: Packages that others bring along and whose newest release an old one does not bear, each with the reason.
HELD = Path(__file__).with_name("held.txt")


def oldest_python() -> str:
    """Return the oldest Python that is supported, as in 3.11."""
    python, _ = requirements()
    return _lowest(python)


def extras() -> list[str]:
    """Return the names of all extras."""
    _, groups = requirements()
    return [name for name in groups if name != "core"]


def pins() -> dict[str, str]:
    """Return the oldest version of each package that ``setup.cfg`` or, to build it, ``pyproject.toml`` names.

    Raises :class:`ValueError` if two extras have different bounds for one package: one of them could not be tried.
    """
    _, groups = requirements()
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    found: dict[str, str] = {}
    for name, specifier in [
        *(pair for group in groups.values() for pair in group.items()),
        *((name, f">={bound}") for name, bound in (line.split(">=") for line in build)),
    ]:
        if found.setdefault(name, _lowest(specifier)) != _lowest(specifier):
            raise ValueError(f"{name}: {found[name]} in one extra, {_lowest(specifier)} in another")
    return found


def _lowest(specifier: str) -> str:
    return specifier.partition(",")[0].removeprefix(">=")
