"""A fault: a change to one file of the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Fault"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fault:
    """Put *after* in place of *before*, which *path* (below the root) holds once at *offset* characters.

    *name* is what it is called in the results, *place* the function that it is in.
    """

    name: str
    path: str
    offset: int
    before: str
    after: str
    place: str = ""

    @property
    def line(self) -> int:
        """The line that changes, counted from 1."""
        return (ROOT / self.path).read_text(encoding="utf-8").count("\n", 0, self.offset) + 1

    def apply(self, tree: Path) -> None:
        """Change the copy of the project in folder *tree*."""
        source = (ROOT / self.path).read_text(encoding="utf-8")
        end = self.offset + len(self.before)
        assert source[self.offset : end] == self.before, f"{self.path} has changed: {self.before!r} is not there"
        (tree / self.path).write_text(source[: self.offset] + self.after + source[end:], encoding="utf-8")

    def restore(self, tree: Path) -> None:
        """Take the change back."""
        (tree / self.path).write_bytes((ROOT / self.path).read_bytes())
