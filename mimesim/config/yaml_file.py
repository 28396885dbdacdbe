"""Read YAML safely: plain data only, no key twice, and the line of every entry."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from mimesim.config.origin import KeyPath
from mimesim.errors import InputError

__all__ = ["parse_value", "read_yaml"]

# libyaml is about eight times faster; both build plain data only.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: A workload is a page or two; more is some other file.
_LARGEST_BYTES = 2**20


class _DuplicateKeyError(Exception):
    def __init__(self, key: str, line: int, first: int) -> None:
        super().__init__(key)
        self.key, self.line, self.first = key, line, first


# Which of the two it derives from is known only once yaml is loaded.
class _Loader(_Base):  # type: ignore[misc]
    """A safe loader that refuses a key that stands twice: YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build one mapping."""
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                line = key.start_mark.line + 1
                if key.value in seen:
                    raise _DuplicateKeyError(key.value, line, seen[key.value])
                seen[key.value] = line
        built: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return built


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """Return the mapping in the file *path*, and the place (``file:line``) of every entry in it.

    Raises :class:`InputError` where the file cannot be read, is not YAML, repeats a key or holds no mapping.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise InputError(str(path), f"is larger than {_LARGEST_BYTES} bytes: it is no configuration")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise InputError(str(path), f"is not UTF-8 text ({error.reason})") from None
    data, places = _parsed(text, str(path))
    return deepcopy(data), places.copy()


@lru_cache(maxsize=8)
def _parsed(text: str, where: str) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """Return what *text* says: points of a sweep lay their settings over the same few files again and again."""
    data, node = _load(text, where)
    if not isinstance(data, dict):
        what = "nothing" if data is None else f"a {type(data).__name__}"
        raise InputError(where, f"must hold a mapping (key: value), not {what}")
    places: dict[KeyPath, str] = {}
    for key_path, line in _lines(node, ()):
        places.setdefault(key_path, f"{where}:{line}")
    return data, places


def parse_value(text: str, where: str) -> Any:
    """Return the value of one line of YAML, such as ``4``, ``none`` or ``[4, 4]``; raises :class:`InputError`."""
    try:
        return _load(text, where)[0]
    except InputError as error:
        raise InputError(where, error.rule, key=error.key) from None


def _load(text: str, where: str) -> tuple[Any, yaml.Node | None]:
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    except _DuplicateKeyError as error:
        rule = f"stands twice (first in line {error.first})"
        raise InputError(f"{where}:{error.line}", rule, key=error.key) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        place = where if mark is None else f"{where}:{mark.line + 1}"
        raise InputError(place, f"is not valid YAML ({problem})") from None
    # PyYAML lets through what the constructors of dates and numbers raise, and refuses no depth.
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(where, f"is not valid YAML ({' '.join(str(error).split())})") from None
    finally:
        if loader is not None:
            loader.dispose()


def _lines(node: yaml.Node | None, path: KeyPath, above: tuple[int, ...] = ()) -> Iterator[tuple[KeyPath, int]]:
    """Walk a tree of nodes; *above* stops at an alias to something around it."""
    if node is None or id(node) in above or len(above) > 20:
        return
    above = (*above, id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield (*path, key.value), key.start_mark.line + 1
                yield from _lines(value, (*path, key.value), above)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from _lines(value, (*path, index), above)
