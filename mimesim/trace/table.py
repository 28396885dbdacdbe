"""Tables of layer-wise sparsity, such as the paper's Tables II and III, from which traces can be drawn."""

from __future__ import annotations

import csv
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from mimesim.errors import InputError
from mimesim.network import Network

__all__ = ["SparsityTable", "TaskSparsity"]

_REQUIRED = ("table", "scheme", "task", "layer", "sparsity")
_OPTIONAL = ("test_accuracy", "classes")
_SHIPPED = Path("workloads", "tables", "mime_sparsity.csv")
_ORDINAL = re.compile(r"conv([1-9][0-9]{0,4})")


@dataclass(frozen=True)
class TaskSparsity:
    """One task's row of a table: the share of zeros, 0..1, in the output of each listed layer."""

    table: str
    scheme: str
    task: str
    sparsity: Mapping[str, float]
    test_accuracy: float | None = None
    classes: int | None = None

    def positions(self, network: Network) -> dict[int, float]:
        """Return the sparsity by position, counted from 1, among the layers with weights.

        Layers go by name where *network* has them all; otherwise ``convN`` is the N-th layer with weights, so that
        the paper's table also serves a network that calls its layers differently. Raises :class:`InputError` where
        neither works.
        """
        names = [node.name for node in network.weight_layers]
        if all(layer in names for layer in self.sparsity):
            return {names.index(layer) + 1: value for layer, value in self.sparsity.items()}
        found: dict[int, float] = {}
        for layer, value in self.sparsity.items():
            match = _ORDINAL.fullmatch(layer)
            if match is None:
                rule = f"is neither a layer with weights of network {network.name!r} nor of the form convN"
                raise InputError(f"sparsity table {self.table}", rule, key="layer", value=layer)
            found[int(match[1])] = value
        return found

    def at(self, network: Network, tensor: str) -> float:
        """Return the sparsity of *tensor*: that of the nearest listed layer, of two equally near ones the earlier.

        The tensor's position is that of the last layer with weights at or before it, so that a pool or an addition
        counts as the layer that it follows.
        """
        nodes = list(network.nodes)
        index = nodes.index(network.node(tensor))
        position = sum(node.has_weights for node in nodes[: index + 1])
        listed = self.positions(network)
        return listed[min(listed, key=lambda other: (abs(other - position), other))]


@dataclass(frozen=True)
class SparsityTable:
    """Layer-wise sparsities by scheme and task, read from a CSV.

    The columns are ``table, scheme, task, layer, sparsity`` and optionally ``test_accuracy`` (fraction) and
    ``classes``; sparsity is the share of zeros, 0..1. *sha256* is the file's.
    """

    source: str
    sha256: str
    rows: Mapping[tuple[str, str], TaskSparsity]

    @classmethod
    def shipped(cls) -> SparsityTable:
        """Return Tables II (mime) and III (conventional) of the paper: VGG16 on three child tasks."""
        package = Path(__file__).resolve().parents[1]
        # An installed package carries workloads/ inside; in a source tree it stands beside the package.
        inside = package / _SHIPPED
        return cls.load(inside if inside.is_file() else package.parent / _SHIPPED)

    @classmethod
    def load(cls, path: str | Path) -> SparsityTable:
        """Read a CSV file; raises :class:`InputError` naming the file, the line and the rule that it breaks."""
        path = Path(path)
        try:
            raw = path.read_bytes()
            lines = list(csv.reader(raw.decode("utf-8-sig").splitlines(), strict=True))
        except OSError as error:
            raise InputError(str(path), f"cannot be read ({error.strerror})") from None
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(str(path), f"is not a CSV file ({error})") from None
        header = [cell.strip() for cell in lines[0]] if lines else []
        missing = [column for column in _REQUIRED if column not in header]
        unknown = [column for column in header if column not in _REQUIRED + _OPTIONAL]
        if missing or unknown or len(set(header)) != len(header):
            odd = f"{missing[0]!r} is missing" if missing else f"found {', '.join(header)}"
            allowed = f"{', '.join(_REQUIRED)} and optionally {', '.join(_OPTIONAL)}"
            raise InputError(str(path), f"the columns are {allowed}; {odd}", key="line 1")
        rows: dict[tuple[str, str], TaskSparsity] = {}
        for number, cells in enumerate(lines[1:], start=2):
            if not cells:
                continue
            where = f"{path}: line {number}"
            if len(cells) != len(header):
                raise InputError(where, f"has {len(cells)} cells, expected {len(header)}")
            _add_row(rows, where, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        if not rows:
            raise InputError(str(path), "holds no rows")
        frozen = MappingProxyType(rows)
        return cls(source=path.name, sha256=hashlib.sha256(raw).hexdigest(), rows=frozen)

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes listed, in order."""
        return tuple(dict.fromkeys(scheme for scheme, _ in self.rows))

    def tasks(self, scheme: str) -> tuple[str, ...]:
        """Return the tasks listed for *scheme*, in order; raises :class:`InputError` where there are none."""
        if scheme not in self.schemes:
            rule = f"the table has no rows of this scheme; it has {', '.join(self.schemes)}"
            raise InputError(self.source, rule, key="scheme", value=scheme)
        return tuple(task for other, task in self.rows if other == scheme)

    def row(self, scheme: str, task: str) -> TaskSparsity:
        """Return the row of *scheme* and *task*; raises :class:`InputError` where there is none."""
        tasks = self.tasks(scheme)
        if task not in tasks:
            close = get_close_matches(task, tasks, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(tasks)}"
            rule = f"the table has no such task of scheme {scheme!r}; {hint}"
            raise InputError(self.source, rule, key="task", value=task)
        return self.rows[scheme, task]


def _add_row(rows: dict[tuple[str, str], TaskSparsity], where: str, cells: Mapping[str, str]) -> None:
    for column in _REQUIRED:
        if not cells[column]:
            raise InputError(where, "must not be empty", key=column)
    sparsity = _fraction(where, "sparsity", cells["sparsity"])
    accuracy = _fraction(where, "test_accuracy", text) if (text := cells.get("test_accuracy")) else None
    classes = None
    if text := cells.get("classes"):
        if not (text.isascii() and text.isdigit() and int(text) >= 1):
            raise InputError(where, "must be a whole number of at least 1", key="classes", value=text)
        classes = int(text)
    key = (cells["scheme"], cells["task"])
    known = rows.get(key)
    listed = dict(known.sparsity) if known else {}
    if cells["layer"] in listed:
        raise InputError(where, f"is listed twice for scheme {key[0]!r} and task {key[1]!r}", key=cells["layer"])
    listed[cells["layer"]] = sparsity
    row = TaskSparsity(cells["table"], *key, MappingProxyType(listed), accuracy, classes)
    if known and (known.table, known.test_accuracy, known.classes) != (row.table, row.test_accuracy, row.classes):
        raise InputError(where, "table, test_accuracy and classes must be the same in all rows of a task", key=key[1])
    rows[key] = row


def _fraction(where: str, key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InputError(where, "must be a number from 0 to 1", key=key, value=text)
    return value
