"""Settings from the command line, laid over what a file says before it is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mimesim.config.origin import KeyPath, dotted
from mimesim.config.yaml_file import parse_value
from mimesim.errors import InputError

__all__ = ["Override", "apply", "forget", "lay_over"]


@dataclass(frozen=True)
class Override:
    """Set the entry at *path* to *value*; *label* is the option as the user wrote it."""

    path: tuple[str, ...]
    value: Any
    label: str

    @classmethod
    def parse(cls, text: str) -> Override:
        """Read ``hardware.dram.channels=2``; raises :class:`InputError` where it is not of this form."""
        label = f"--set {text}"
        key, equals, value = text.partition("=")
        path = tuple(part.strip() for part in key.split("."))
        if not equals or not all(path):
            raise InputError(label, "must have the form key=value, such as hardware.dram.channels=2")
        return cls(path, parse_value(value, label), label)

    @classmethod
    def given(cls, key: str, value: object) -> Override:
        """Set the entry of the dotted *key*, such as ``hardware.dram.channels``, to *value*; raises as :meth:`parse`.

        A scalar of NumPy stands for the number in it.
        """
        path = tuple(part.strip() for part in key.split("."))
        if not all(path):
            raise InputError("overrides", "must be a dotted key, such as hardware.dram.channels", key=key)
        plain = value.item() if hasattr(value, "item") else value
        return cls(path, plain, "overrides")


def apply(data: dict[str, Any], override: Override) -> KeyPath:
    """Change *data* in place and return the way to the changed entry.

    A part of the path is a key of a mapping, or in a list the number (from 0) or the ``name`` of an entry. Keys that
    are not there are made, for the model to accept or refuse. Raises :class:`InputError` where the way is blocked.
    """
    here: Any = data
    path: KeyPath = ()
    for part in override.path[:-1]:
        key = _key(here, part, path, override)
        path = (*path, key)
        if isinstance(here, dict) and here.get(key) is None:
            here[key] = {}
        here = here[key]
    key = _key(here, override.path[-1], path, override)
    here[key] = override.value
    return (*path, key)


def lay_over(data: dict[str, Any], places: dict[KeyPath, str], override: Override) -> None:
    """Apply *override* to *data*; *places* then names the option where the entry came from, in place of a line."""
    changed = apply(data, override)
    forget(places, changed)
    places[changed] = override.label


def forget(places: dict[KeyPath, str], path: KeyPath) -> None:
    """Drop the places of the entry at *path* and of all within it."""
    for key in [key for key in places if key[: len(path)] == path]:
        del places[key]


def _key(here: Any, part: str, path: KeyPath, override: Override) -> str | int:
    if isinstance(here, dict):
        return part
    if not isinstance(here, list):
        raise InputError(override.label, "is a single value: it has no entries", key=dotted(path))
    if part.isascii() and part.isdigit():
        if int(part) < len(here):
            return int(part)
    else:
        for index, entry in enumerate(here):
            if isinstance(entry, dict) and entry.get("name") == part:
                return index
    raise InputError(override.label, f"the list has {len(here)} entries, counted from 0", key=dotted((*path, part)))
