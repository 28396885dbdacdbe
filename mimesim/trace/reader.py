"""Read a trace: the masks of some images of one (network, scheme), task by task."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.trace.manifest import MANIFEST, Manifest, TaskEntry, parse_manifest
from mimesim.trace.npz import MissingMemberError, check_members, packed_shape, read_packed, unpack

__all__ = ["Trace"]

#: Packed masks that stay in memory, in bytes: one task of VGG16 at 64 pixels is 138 kB an image.
_KEEP_BYTES = 64 * 2**20


class Trace:
    """Masks on disk, checked when loaded and read when asked for.

    ::

        trace = Trace.load("traces/vgg16-mime")
        bits = trace.mask("cifar10", 0, "conv1")  # bool (64, 32, 32)

    A mask bit says that the value is non-zero. Tensors that are never sparse, such as the image, read as all ones.
    """

    def __init__(self, directory: Path, manifest: Manifest, digest: str) -> None:
        """Use :meth:`load`."""
        self.directory = directory
        self.manifest = manifest
        self._digest = digest
        self._kept: OrderedDict[tuple[str, str], NDArray[np.uint8]] = OrderedDict()

    @classmethod
    def load(cls, directory: str | Path, *, verify: bool = True) -> Trace:
        """Check the trace in *directory* and return it.

        The manifest is always checked in full, and every file must be there. With *verify*, so are the sha256 and the
        members of every file. Raises :class:`InputError` naming the file and the rule that it breaks.
        """
        directory = Path(directory)
        path = directory / MANIFEST
        if not directory.is_dir():
            rule = "is a file" if directory.exists() else "there is no such directory"
            raise InputError(str(directory), f"{rule}; a trace is a directory with a {MANIFEST}")
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raise InputError(str(directory), f"holds no {MANIFEST}: it is not a trace") from None
        except OSError as error:
            raise InputError(str(path), f"cannot be read ({error.strerror})") from None
        trace = cls(directory, parse_manifest(raw, path), hashlib.sha256(raw).hexdigest())
        for name, expected in trace.manifest.files.items():
            if not (directory / name).is_file():
                raise InputError(str(directory / name), f"the file is missing, but {MANIFEST} lists it")
            if verify:
                _check_hash(directory / name, expected)
        if verify:
            for task in trace.tasks:
                trace._check_task(trace.manifest.tasks[task])
        return trace

    @property
    def network(self) -> Network:
        """The network whose activations these are."""
        return self.manifest.network

    @property
    def scheme(self) -> str:
        """How the tasks share parameters."""
        return self.manifest.scheme

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks' names, in the order in which they were added."""
        return tuple(self.manifest.tasks)

    def entry(self, task: str) -> TaskEntry:
        """Return what the manifest says about *task*; raises :class:`InputError` where there is no such task."""
        if task not in self.manifest.tasks:
            raise InputError(str(self.directory), _unknown("task", task, self.tasks), key=task)
        return self.manifest.tasks[task]

    def packed(self, task: str, tensor: str) -> NDArray[np.uint8]:
        """Return the stored bits of a sparse *tensor*: read-only uint8 (images, ceil(C*H*W / 8)), lowest bit first."""
        entry = self.entry(task)
        recorded = self.network.recorded_by(entry.units)
        if tensor not in recorded:
            raise InputError(str(self.directory), _unknown("sparse tensor", tensor, recorded), key=tensor)
        key = (task, tensor)
        if key not in self._kept:
            shape = self.network.node(tensor).shape
            self._kept[key] = read_packed(self.directory / entry.file, tensor, entry.images, shape)
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(array.nbytes for array in self._kept.values()) > _KEEP_BYTES:
            self._kept.popitem(last=False)
        return self._kept[key]

    def masks(self, task: str, tensor: str) -> NDArray[np.bool_]:
        """Return the masks of all images of *task* at *tensor*: bool (images, C, H, W), a fresh array.

        Raises :class:`InputError` where task or tensor is unknown or the file is not as the manifest says.
        """
        return self._unpacked(task, tensor, slice(None))

    def mask(self, task: str, image_index: int, tensor: str) -> NDArray[np.bool_]:
        """Return the mask of one image, counted from 0, of *task* at *tensor*: bool (C, H, W), a fresh array."""
        images = self.entry(task).images
        if not 0 <= image_index < images:
            raise InputError(str(self.directory), f"task {task!r} has {images} images", key="image", value=image_index)
        mask: NDArray[np.bool_] = self._unpacked(task, tensor, slice(image_index, image_index + 1))[0]
        return mask

    def weight_mask(self, task: str, layer: str) -> NDArray[np.bool_] | None:
        """Return which weights of *layer* the pruned network of *task* keeps, or None where none was pruned.

        The shape is :meth:`Network.weight_shape`'s: bool (C_out, C_in / groups, kernel height, kernel width).
        """
        entry = self.entry(task)
        layers = [node.name for node in self.network.weight_layers]
        if layer not in layers:
            raise InputError(str(self.directory), _unknown("layer with weights", layer, layers), key=layer)
        if entry.weights_file is None:
            return None
        path = self.directory / entry.weights_file
        shape = self.network.weight_shape(layer)
        try:
            packed = read_packed(path, layer, 1, shape)
        except MissingMemberError:
            return None
        return unpack(packed, prod(shape)).reshape(shape)

    def units(self, task: str) -> tuple[str, ...] | None:
        """Return the units of the network that the images of *task* run, None for all of them."""
        return self.entry(task).units

    def renamed(self, names: Mapping[str, str]) -> Trace:
        """Return the same trace with other tasks: *names* maps what each is to be called to what it is called here.

        Raises :class:`InputError` where there is no such task.
        """
        tasks = {name: self.entry(task) for name, task in names.items()}
        return Trace(self.directory, self.manifest.model_copy(update={"tasks": tasks}), self._digest)

    def digest(self) -> str:
        """Return the sha256 of the manifest, which lists that of every file: it identifies the whole trace."""
        return self._digest

    def content(self, task: str, image_index: int) -> str:
        """Return a text that no other masks have: the sha256 of the file that holds them, and the image's number."""
        return f"{self.manifest.files[self.entry(task).file]}/{image_index}"

    def _unpacked(self, task: str, tensor: str, images: slice) -> NDArray[np.bool_]:
        entry = self.entry(task)
        names = [node.name for node in self.network.nodes]
        if tensor not in names:
            raise InputError(str(self.directory), _unknown("tensor", tensor, names), key=tensor)
        shape = self.network.node(tensor).shape
        if not self.network.is_sparse(tensor):
            return np.ones((len(range(entry.images)[images]), *shape), dtype=np.bool_)
        return unpack(self.packed(task, tensor)[images], prod(shape)).reshape(-1, *shape)

    def _check_task(self, entry: TaskEntry) -> None:
        network = self.network
        recorded = network.recorded_by(entry.units)
        tensors = {name: packed_shape(entry.images, network.node(name).shape) for name in recorded}
        check_members(self.directory / entry.file, tensors)
        if entry.weights_file is not None:
            layers = {node.name: packed_shape(1, network.weight_shape(node)) for node in network.weight_layers}
            check_members(self.directory / entry.weights_file, layers, complete=False)


def _check_hash(path: Path, expected: str) -> None:
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != expected:
        rule = f"has sha256 {found[:12]}…, but {MANIFEST} says {expected[:12]}…: the file was changed or is truncated"
        raise InputError(str(path), rule)


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = get_close_matches(name, known, n=1)
    return f"the trace has no such {what}; " + (
        f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known)}"
    )
