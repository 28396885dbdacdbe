"""What a trace says about itself: the schema of ``manifest.json``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, ValidationError, model_validator

from mimesim.errors import InputError
from mimesim.network import Name, Network

__all__ = ["FORMAT_VERSION", "MANIFEST", "Manifest", "TaskEntry", "parse_manifest", "render_manifest"]

#: Raised by one whenever an older reader would misread a newer trace.
FORMAT_VERSION = 1
MANIFEST = "manifest.json"

#: A file inside the trace's own directory: no separators, no leading dot, so no way out of it.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*\.npz$", max_length=120)]
TaskName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=100)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Index = Annotated[int, Field(ge=0)]

#: A list of plain values that json.dumps put on lines of their own. JSON strings hold no raw newline.
_ITEM = r'(?:"(?:[^"\\\n]|\\.)*"|[-+.eE\d]+)'
_FLAT_LIST = re.compile(rf"\[\n\s+({_ITEM}(?:,\n\s+{_ITEM})*)\n\s+\]")


class TaskEntry(BaseModel):
    """One task's images.

    *file* holds its masks. *image_ids* are positions in *dataset*'s test set; *labels* and *predictions* are class
    indices, one per image; there are no labels at all where nobody knows them, as in a drawn trace. *test_accuracy* is
    a fraction of the *test_images* of the whole test set. *weights_file*, which tasks may share, holds the masks of
    pruned weights. *units* are the units of the network that the task's images run, None for all of them; the masks of
    the others' tensors are not recorded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Annotated[str, StringConstraints(min_length=1)]
    classes: Annotated[int, Field(ge=1)]
    file: FileName
    images: Annotated[int, Field(ge=1)]
    image_ids: tuple[Index, ...]
    labels: tuple[Index, ...]
    predictions: tuple[Index, ...] | None = None
    test_accuracy: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    test_images: Annotated[int, Field(ge=1)] | None = None
    weights_file: FileName | None = None
    units: tuple[Name, ...] | None = None

    @model_validator(mode="after")
    def _check(self) -> TaskEntry:
        for field in ("image_ids", "labels", "predictions"):
            values = getattr(self, field)
            if values is not None and len(values) != self.images:
                if field == "labels" and not values:
                    continue
                raise ValueError(f"{field} has {len(values)} entries for {self.images} images")
        if len(set(self.image_ids)) != self.images:
            raise ValueError("image_ids names an image twice")
        for field in ("labels", "predictions"):
            for value in getattr(self, field) or ():
                if value >= self.classes:
                    raise ValueError(f"{field} holds {value}, but there are {self.classes} classes (counted from 0)")
        return self


class Manifest(BaseModel):
    """Everything about a trace but its bits.

    *origin* is ``recorded`` (from a network that ran) or ``drawn`` (from given sparsities). *parent* is the task whose
    weights the others share, if any. *settings* say how the trace was made; *files* maps every file to its sha256.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    network: Network
    scheme: Name
    origin: Literal["recorded", "drawn"]
    parent: str | None = None
    tasks: Annotated[dict[TaskName, TaskEntry], Field(min_length=1)]
    seed: Index = 0
    settings: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}
    scheme_options: dict[str, str | int | float | bool] = {}
    files: dict[FileName, Sha256]

    @model_validator(mode="after")
    def _check(self) -> Manifest:
        mask_files = [task.file for task in self.tasks.values()]
        if len({name.lower() for name in mask_files}) != len(mask_files):
            raise ValueError("two tasks share a mask file (names that differ in case only are one name)")
        weight_files = {task.weights_file for task in self.tasks.values() if task.weights_file is not None}
        if weight_files & set(mask_files):
            raise ValueError("a weights_file is also a task's file")
        if self.files.keys() != weight_files | set(mask_files):
            odd = sorted(self.files.keys() ^ (weight_files | set(mask_files)))
            raise ValueError(f"files lists other names than the tasks use: {', '.join(odd)}")
        known = {node.unit for node in self.network.nodes}
        for name, task in self.tasks.items():
            if unknown := sorted(set(task.units or ()) - known):
                raise ValueError(f"task {name!r} uses unit {unknown[0]!r}, which no node of the network belongs to")
        return self


def parse_manifest(raw: bytes, path: Path) -> Manifest:
    """Check the bytes of a manifest read from *path*; raises :class:`InputError` that names the offending key."""
    where = str(path)
    try:
        data = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(where, f"is not valid JSON ({error}); is the file truncated?") from None
    if not isinstance(data, dict):
        raise InputError(where, "must hold a JSON object")
    version = data.get("format_version")
    # Before the schema: a newer format's unknown keys would hide the actual reason.
    if version != FORMAT_VERSION or isinstance(version, bool):
        rule = f"this mimesim reads version {FORMAT_VERSION} of the trace format"
        raise InputError(where, rule, key="format_version", value="missing" if version is None else version)
    try:
        return Manifest.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise manifest_error(where, error) from None


def manifest_error(where: str, error: ValidationError) -> InputError:
    """Turn the first of pydantic's complaints into an :class:`InputError`."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or None
    shown = first["input"] if isinstance(first["input"], str | int | float) else None
    return InputError(where, first["msg"].removeprefix("Value error, "), key=key, value=shown)


def render_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of ``manifest.json``, the same on every run; a node leaves out what is at its default."""
    data = manifest.model_dump(mode="json")
    data["network"] = manifest.network.model_dump(mode="json", exclude_defaults=True)
    text = json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False)
    return (_FLAT_LIST.sub(_one_line, text) + "\n").encode()


def _one_line(match: re.Match[str]) -> str:
    return "[" + ", ".join(line.strip() for line in match[1].split(",\n")) + "]"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
