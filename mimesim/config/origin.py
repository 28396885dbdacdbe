"""Where the entries of a configuration were written, so that an error can point at the line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["KeyPath", "Origin", "dotted"]

#: The way to an entry: keys of mappings and indices of lists.
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Origin:
    """The file that a configuration came from, the folder its relative paths start in, and the place of each entry.

    *places* maps the way to an entry to ``file:line``, or to the command line option that set it. Two configurations
    are equal whatever their origins.
    """

    file: str = field(default="workload", compare=False)
    folder: Path = field(default=Path(), compare=False)
    places: Mapping[KeyPath, str] = field(default_factory=dict, compare=False)

    def where(self, path: KeyPath = ()) -> str:
        """Return the place of an entry; that of one inside it, or else around it, where its own is not known."""
        if path not in self.places:
            inside = (place for key, place in self.places.items() if key[: len(path)] == path)
            if path and (place := next(inside, None)):
                return place
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return self.file


def dotted(path: KeyPath) -> str | None:
    """Return the way to an entry as users write it, None for the whole file."""
    return ".".join(str(part) for part in path) or None
