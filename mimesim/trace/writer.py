"""Write a trace from any framework's arrays."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.trace.manifest import MANIFEST, Manifest, TaskEntry, manifest_error, render_manifest
from mimesim.trace.npz import pack, write_npz

__all__ = ["TraceWriter"]


class TraceWriter:
    """Write a trace, whole or not at all.

    ::

        with TraceWriter("traces/mine", network=network, scheme="mime", parent="imagenet") as writer:
            writer.add_task("cifar10", dataset="cifar10", classes=10, masks=masks, image_ids=ids, labels=labels)

    The directory appears when the block ends without an error; until then a hidden sibling holds what was added. The
    same inputs make the same bytes (with the same zlib). An existing directory is refused, unless it is empty or, with
    *overwrite*, holds a trace and nothing else.

    *settings* is any JSON object that tells how the trace was made. Raises :class:`InputError` for whatever the caller
    supplied wrongly.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        network: Network,
        scheme: str,
        origin: Literal["recorded", "drawn"] = "recorded",
        parent: str | None = None,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        versions: Mapping[str, str] | None = None,
        scheme_options: Mapping[str, str | int | float | bool] | None = None,
        overwrite: bool = False,
    ) -> None:
        """Check that *directory* may be written, so that a long recording does not fail at its end."""
        self.directory = Path(directory)
        self.network = network
        self._target = self.directory.resolve()
        self._overwrite = overwrite
        self._staging: Path | None = None
        self._tasks: dict[str, TaskEntry] = {}
        self._files: dict[str, str] = {}
        self._head = {
            "scheme": scheme,
            "origin": origin,
            "parent": parent,
            "seed": seed,
            "settings": self._plain(settings, "settings"),
            "versions": self._plain(versions, "versions"),
            "scheme_options": self._plain(scheme_options, "scheme_options"),
        }
        self._check_target()

    def __enter__(self) -> Self:
        """Create the hidden sibling directory."""
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._staging = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}.tmp")
        self._staging.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put the trace in place, or leave nothing after an error."""
        staging = self._open()
        try:
            if kind is None:
                manifest = self._manifest()
                (staging / MANIFEST).write_bytes(render_manifest(manifest))
                self._check_target()
                self._move(staging)
        finally:
            self._staging = None
            shutil.rmtree(staging, ignore_errors=True)

    def add_task(
        self,
        name: str,
        *,
        dataset: str,
        classes: int,
        masks: Mapping[str, ArrayLike],
        image_ids: Iterable[int],
        labels: Iterable[int],
        predictions: Iterable[int] | None = None,
        test_accuracy: float | None = None,
        test_images: int | None = None,
        weight_masks: Mapping[str, ArrayLike] | None = None,
        weights_from: str | None = None,
        units: Iterable[str] | None = None,
    ) -> None:
        """Add the masks of one task's images.

        *masks* maps every sparse tensor (``network.recorded``) to bool (images, C, H, W), or (images, features) for a
        vector: *value != 0* after threshold or ReLU, quantisation and pooling. Entries are taken one at a time, so that
        a lazy mapping keeps memory small. *weight_masks* maps layers to bool arrays of ``network.weight_shape``:
        what a pruned network keeps; *weights_from* names an earlier task whose weight masks this one shares. *labels*
        are one per image, or none at all where nobody knows them. *units* are those of the network that the images run,
        None for all; *masks* then has the tensors of these units, and of no others.

        Raises :class:`InputError` for a missing or unknown tensor, a wrong shape or type, or a bad label.
        """
        staging = self._open()
        where = f"task {name!r}"
        if name.lower() in {task.lower() for task in self._tasks}:
            raise InputError(where, "was added already (names that differ in case only are one name)")
        if weight_masks is not None and weights_from is not None:
            raise InputError(where, "give weight_masks or weights_from, not both")
        used = None if units is None else tuple(units)
        tensors = self.network.recorded_by(used)
        _check_names(where, "tensor", masks, tensors, complete=True)
        ids = _indices(where, "image_ids", image_ids)
        weights_file = f"{name}.weights.npz" if weight_masks is not None else None
        if weights_from is not None:
            if weights_from not in self._tasks or self._tasks[weights_from].weights_file is None:
                raise InputError(where, "no earlier task has weight masks", key="weights_from", value=weights_from)
            weights_file = self._tasks[weights_from].weights_file
        try:
            entry = TaskEntry(
                dataset=dataset,
                classes=classes,
                file=f"{name}.npz",
                images=len(ids),
                image_ids=ids,
                labels=_indices(where, "labels", labels),
                predictions=None if predictions is None else _indices(where, "predictions", predictions),
                test_accuracy=None if test_accuracy is None else float(test_accuracy),
                test_images=None if test_images is None else int(test_images),
                weights_file=weights_file,
                units=used,
            )
        except ValidationError as error:
            raise manifest_error(where, error) from None
        if {entry.file, weights_file} & (self._files.keys() - {weights_file if weights_from else None}):
            raise InputError(where, "its file would replace another task's: choose another name")
        members = {entry.file: self._packed_masks(where, masks, tensors, entry.images)}
        if weight_masks is not None:
            layers = [node.name for node in self.network.weight_layers]
            _check_names(where, "layer with weights", weight_masks, layers, complete=False)
            members[f"{name}.weights.npz"] = self._packed_weights(where, weight_masks)
        self._write(staging, members)
        self._tasks[name] = entry

    def _packed_masks(
        self, where: str, masks: Mapping[str, ArrayLike], tensors: Iterable[str], images: int
    ) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        for name in sorted(tensors):
            shape = self.network.node(name).shape
            bits = _bits(where, name, masks[name])
            shapes = [(images, *shape)] + [(images, shape[0])] * (shape[1:] == (1, 1))
            if bits.shape not in shapes:
                raise InputError(where, f"has shape {bits.shape}, expected (images, C, H, W) = {shapes[0]}", key=name)
            yield name, pack(bits.reshape(images, -1))

    def _packed_weights(
        self, where: str, weight_masks: Mapping[str, ArrayLike]
    ) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        for name in sorted(weight_masks):
            shape = self.network.weight_shape(name)
            bits = _bits(where, name, weight_masks[name])
            flat = (shape[0], prod(shape[1:]))
            if bits.shape != shape and not (self.network.node(name).kind == "linear" and bits.shape == flat):
                raise InputError(where, f"weight mask has shape {bits.shape}, expected {shape}", key=name)
            yield name, pack(bits.reshape(1, -1))

    def _write(self, staging: Path, files: Mapping[str, Iterable[tuple[str, NDArray[np.uint8]]]]) -> None:
        """Write all *files* or none, so that a caller may correct an error and add the task again."""
        hashes = {}
        try:
            for name, members in files.items():
                write_npz(staging / name, members)
                with (staging / name).open("rb") as stream:
                    hashes[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        except BaseException:
            for name in files:
                (staging / name).unlink(missing_ok=True)
            raise
        self._files |= hashes

    def _manifest(self) -> Manifest:
        try:
            files = dict(sorted(self._files.items()))
            return Manifest.model_validate({"network": self.network, "tasks": self._tasks, "files": files} | self._head)
        except ValidationError as error:
            raise manifest_error(str(self.directory / MANIFEST), error) from None

    def _plain(self, values: Mapping[str, Any] | None, key: str) -> Any:
        """Return a JSON copy with sorted keys, so that equal settings make equal bytes."""
        try:
            return json.loads(json.dumps(dict(values or {}), sort_keys=True, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InputError(str(self.directory), f"must be a JSON object ({error})", key=key) from None

    def _open(self) -> Path:
        if self._staging is None:
            raise RuntimeError("use TraceWriter in a with statement")
        return self._staging

    def _check_target(self) -> None:
        where = str(self.directory)
        if not self._target.exists():
            return
        if not self._target.is_dir():
            raise InputError(where, "exists and is not a directory")
        entries = sorted(self._target.iterdir())
        if not entries:
            return
        # Whatever else the folder holds is someone's work, and replacing the trace would delete it.
        foreign = [e.name for e in entries if e.is_dir() or (e.name != MANIFEST and e.suffix != ".npz")]
        if foreign or not (self._target / MANIFEST).exists():
            what = f"it holds {foreign[0]!r}" if foreign else f"it has no {MANIFEST}"
            raise InputError(where, f"is not empty and not just a trace ({what}): choose another directory")
        if not self._overwrite:
            raise InputError(where, "holds a trace already: choose another directory, or overwrite it")

    def _move(self, staging: Path) -> None:
        old = self._target.with_name(f".{self._target.name}.{secrets.token_hex(4)}.old")
        replaces = self._target.exists()
        if replaces:
            self._target.replace(old)
        try:
            staging.replace(self._target)
        except OSError:
            if replaces:
                old.replace(self._target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _check_names(where: str, what: str, given: Iterable[str], known: Iterable[str], *, complete: bool) -> None:
    given, known = set(given), list(known)
    unknown = sorted(given - set(known))
    if unknown:
        raise InputError(where, f"the network has no such {what}; it has {', '.join(known)}", key=unknown[0])
    missing = [name for name in known if name not in given]
    if complete and missing:
        raise InputError(where, f"the mask of this {what} is missing", key=missing[0])


def _bits(where: str, name: str, array: ArrayLike) -> NDArray[np.bool_]:
    bits = np.asarray(array)
    # Converting here would take any activation for a mask, and -0.0 or NaN with it.
    if bits.dtype != np.bool_:
        raise InputError(where, f"holds {bits.dtype}, expected bool (value != 0)", key=name)
    return bits


def _indices(where: str, key: str, values: Iterable[int]) -> tuple[int, ...]:
    array = np.asarray(values.tolist() if hasattr(values, "tolist") else list(values))
    if array.size == 0:
        return ()
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(where, "must be a list of whole numbers", key=key)
    return tuple(int(value) for value in array)
