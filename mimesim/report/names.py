"""Names from traces and YAML, made harmless before anything shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import category

__all__ = ["ending", "readable", "shortened", "slug", "unique"]

#: What has no glyph of its own: control codes, marks that turn the direction of text, halves of a character.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_LONGEST = 200
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def readable(text: str) -> str:
    """Return *text* with every invisible character replaced by U+FFFD, cut after 200 characters.

    What is left may still look like markup or a formula: those who write HTML or CSV escape it.
    """
    plain = "".join("\N{REPLACEMENT CHARACTER}" if category(letter) in _INVISIBLE else letter for letter in text)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def shortened(text: str, most: int) -> str:
    """Return *text* in at most so many letters, without its middle if it is longer; tables have all of it."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[: most - 1 - half]}…{text[-half:]}"


def ending(text: str, most: int) -> str:
    """Return *text* in at most so many letters, without its beginning: what tells layers apart stands at their end."""
    return text if len(text) <= most else f"…{text[1 - most :]}"


def slug(text: str) -> str:
    """Return *text* as a part of a file name or of an id: letters, digits, dots, dashes; no way out of a folder."""
    return _UNSAFE.sub("-", text).strip(".-_")[:60].strip(".-_") or "x"


def unique(names: Iterable[str]) -> list[str]:
    """Return *names* in their order; one that stood before, whatever its case, has a number behind it."""
    found: list[str] = []
    taken: set[str] = set()
    for name in names:
        chosen, number = name, 1
        while chosen.lower() in taken:
            number += 1
            chosen = f"{name}-{number}"
        taken.add(chosen.lower())
        found.append(chosen)
    return found
