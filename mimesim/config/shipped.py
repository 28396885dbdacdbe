"""What comes with mimesim: the folder of workloads, and the DRAM standards and memory technologies in it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from mimesim.config.explain import check
from mimesim.config.origin import KeyPath, Origin
from mimesim.config.standard import Standard
from mimesim.config.technology import Technology
from mimesim.config.yaml_file import read_yaml

__all__ = [
    "YAML_SUFFIXES",
    "read_standard",
    "read_technology",
    "shipped_folder",
    "shipped_standards",
    "shipped_technologies",
    "standard_path",
    "technology_path",
]

YAML_SUFFIXES = (".yaml", ".yml")


@cache
def shipped_folder() -> Path:
    """Return the folder of the workloads that come with mimesim."""
    package = Path(__file__).resolve().parents[1]
    # An installed package carries workloads/ and traces/ inside; in a source tree they stand beside the package.
    inside = package / "workloads"
    return inside if inside.is_dir() else package.parent / "workloads"


def shipped_standards() -> list[str]:
    """Return the names of the standards that come with mimesim."""
    return list(_names("dram"))


def shipped_technologies() -> list[str]:
    """Return the names of the technologies of on-chip memory that come with mimesim."""
    return list(_names("envm"))


def standard_path(source: str, folder: Path = Path()) -> Path | None:
    """Return the file of the standard *source*: a path in *folder*, or a shipped name; None where no name is close.

    Names are found in either case, and without their speed where there is only one: DDR4 is enough.
    """
    return _path("dram", source, folder)


def technology_path(source: str, folder: Path = Path()) -> Path | None:
    """Return the file of the technology *source*: a path in *folder*, or a shipped name; None where there is none."""
    return _path("envm", source, folder)


def read_standard(path: Path) -> dict[str, Any]:
    """Return the standard in the file *path*, checked, as plain data that nobody may change.

    Raises :class:`InputError` naming file and line, key, value and rule for the first thing that is wrong.
    """
    return (_read_shipped if path.parent == shipped_folder() / "dram" else _read)(path, Standard)


def read_technology(path: Path) -> dict[str, Any]:
    """Return the technology in the file *path*, as :func:`read_standard` does a standard."""
    return (_read_shipped if path.parent == shipped_folder() / "envm" else _read)(path, Technology)


@cache
def _names(kind: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (shipped_folder() / kind).glob("*.yaml")))


def _path(kind: str, source: str, folder: Path) -> Path | None:
    path = folder / source
    if path.suffix in YAML_SUFFIXES:
        return path
    names = _names(kind)
    by_key = {name.lower(): name for name in names}
    short = [name for name in names if name.lower().startswith(f"{source.lower()}-")]
    if len(short) == 1:
        by_key.setdefault(source.lower(), short[0])
    found = by_key.get(source.lower())
    return None if found is None else shipped_folder() / kind / f"{found}.yaml"


def _read(path: Path, model: type[Standard] | type[Technology]) -> dict[str, Any]:
    data, places = read_yaml(path)
    locations: dict[KeyPath, str] = places
    return check(model, data, Origin(str(path), path.parent, locations)).model_dump()


_read_shipped = cache(_read)
