"""What the passes and drains of one operation cost for each image, counted once (``docs/machine.md``, section 5)."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mimesim import __version__
from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Skipping
from mimesim.network import Network
from mimesim.schedule.blocks import StoredBlocks, ceil_div
from mimesim.schedule.cache import CountCache
from mimesim.schedule.counting import Counts, count, kept_outputs, lockstep_steps, weighted_macs
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.memory_map import ParameterBlock
from mimesim.schedule.operations import lower
from mimesim.schedule.packing import Counted, narrow, pack, unpack

__all__ = ["CostBook", "ImageCosts", "PassCosts", "fill_cycles", "load_cycles", "store_cycles"]

IntArray = NDArray[np.int64]

#: Counts that stay in memory: those of a few dozen images of a network of VGG16's depth.
_KEEP = 1000
#: Of a cache, the images whose counts stay in memory until every operation has asked for its own.
_READ = 8
#: Changes with what counts mean, or how they are packed.
_COUNTS = 1


@dataclass
class ImageCosts:
    """One operation, one image: pairs that are inside the tensor (*dense*) and those that are also set (*sparse*).

    *kept* are the outputs written by [channel tile, position tile], *inputs* and *output* the blocks in memory.
    *present* says which sources the image has; in the others nothing counts.
    """

    geometry: Geometry
    image: Image | None
    sparse: Counts
    pairs: NDArray[np.integer]
    kept: IntArray
    inputs: list[StoredBlocks]
    output: StoredBlocks
    output_set: int
    present: tuple[bool, ...]

    @property
    def masks(self) -> list[NDArray[np.bool_] | None]:
        """The mask of each source, None where every element counts; read again, for they are large."""
        return _masks(self.geometry, self.image, self.present)

    @cached_property
    def unweighted_macs(self) -> int:
        """Set pairs times the columns that read them: the MACs when no weight is zero."""
        operation = self.geometry.operation
        if operation.groups == 1:
            return int(self.sparse.total.sum()) * operation.shape[0]
        return int(weighted_macs(self.geometry, self.masks, None).sum())

    def macs(self, weights: NDArray[np.bool_] | None) -> int:
        """Return the MACs on set inputs and on the non-zero *weights* (all of them where None)."""
        if not self.geometry.operation.has_weights:
            return 0
        if weights is None:
            return self.unweighted_macs
        return int(weighted_macs(self.geometry, self.masks, weights).sum())


class CostBook:
    """Shapes by (network, hardware) and counts by (image, operation), each made once for whatever cases ask for it.

    Dense counts do not depend on the image and are made once per operation. With a *cache*, other books need not make
    them again: not of the same images, and on no machine that differs only in what counts do not depend on.
    """

    def __init__(self, cache: CountCache | None = None) -> None:
        self._cache = cache
        self._kept: OrderedDict[tuple[object, ...], ImageCosts] = OrderedDict()
        self._geometries: dict[tuple[Network, Hardware], list[Geometry]] = {}
        #: By geometry, those of the same network and machine, and a text that says which they are.
        self._together: dict[int, tuple[list[Geometry], str]] = {}
        self._read: OrderedDict[str, list[Counted]] = OrderedDict()

    def geometries(self, network: Network, hardware: Hardware) -> list[Geometry]:
        """Return the geometry of every operation of *network* on *hardware*, in network order."""
        key = (network, hardware)
        if key not in self._geometries:
            operations = lower(network, hardware.grid.positions)
            made = [Geometry(operation, hardware) for operation in operations]
            self._geometries[key] = made
            if self._cache is not None:
                self._together.update(dict.fromkeys(map(id, made), (made, _shapes(network, hardware))))
        return self._geometries[key]

    def costs(self, geometry: Geometry, image: Image, skipping: Skipping) -> ImageCosts:
        """Return the costs of *image* at the operation of *geometry*."""
        operation = geometry.operation
        present = tuple(image.runs(source.unit) for source in operation.sources)
        dense = skipping == "none" or not (operation.output_sparse or any(s.sparse for s in operation.sources))
        key: tuple[object, ...] = (
            (id(geometry), present) if dense else (id(geometry), id(image.trace), image.task, image.number)
        )
        if key not in self._kept:
            shown = None if dense else image
            found = self._found(geometry, shown, image)
            counted = _count(geometry, shown, present) if found is None else found
            self._kept[key] = _costs(geometry, shown, counted, present)
            while len(self._kept) > _KEEP:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _found(self, geometry: Geometry, shown: Image | None, image: Image) -> Counted | None:
        """Return what the cache holds; what it lacks is counted for the whole network, and kept there."""
        content: Callable[[str, int], str | None] | None = getattr(image.trace, "content", None)
        masks = "dense" if shown is None else content and content(image.task, image.number)
        if self._cache is None or masks is None or id(geometry) not in self._together:
            return None
        geometries, shapes = self._together[id(geometry)]
        runs = [tuple(image.runs(source.unit) for source in each.operation.sources) for each in geometries]
        text = json.dumps([_COUNTS, __version__, shapes, masks, runs])
        if text not in self._read:
            arrays = self._cache.load(text)
            known = None if arrays is None else unpack(arrays, geometries)
            if known is None:
                known = [_count(each, shown, there) for each, there in zip(geometries, runs, strict=True)]
                self._cache.store(text, pack(known))
            self._read[text] = known
            while len(self._read) > _READ:
                self._read.popitem(last=False)
        return self._read[text][geometries.index(geometry)]


def _masks(geometry: Geometry, image: Image | None, present: tuple[bool, ...]) -> list[NDArray[np.bool_] | None]:
    masks: list[NDArray[np.bool_] | None] = []
    for source, there in zip(geometry.operation.sources, present, strict=True):
        if not there:
            masks.append(np.zeros(source.shape, dtype=np.bool_))
        else:
            masks.append(image.mask(source.tensor) if image is not None and source.sparse else None)
    return masks


def _shapes(network: Network, hardware: Hardware) -> str:
    """Return a text on all but the masks that counts depend on."""
    block, grid = hardware.activation_block, hardware.grid
    machine = {
        "positions": grid.positions,
        "channels": grid.channels,
        "weight_bank_words": hardware.scratchpad.weight_bank_words,
        "patch": block.patch,
        "block_channels": block.channels,
        "word_bits": hardware.word_bits,
        "burst_words": hardware.burst_words,
    }
    nodes = hashlib.sha256(network.model_dump_json().encode()).hexdigest()
    return json.dumps([nodes, machine])


def _count(geometry: Geometry, image: Image | None, present: tuple[bool, ...]) -> Counted:
    operation, hardware = geometry.operation, geometry.hardware
    masks = _masks(geometry, image, present)
    output = image.mask(operation.output) if image is not None and operation.output_sparse else None
    sparse, pairs = count(geometry, masks)
    kept = kept_outputs(geometry, output)
    if output is not None:
        kept = kept + -(-kept_outputs(geometry, None) // hardware.word_bits)
    inputs = [
        StoredBlocks.of(grid, mask, hardware) if there else StoredBlocks.absent(grid)
        for grid, mask, there in zip(geometry.inputs, masks, present, strict=True)
    ]
    stored = StoredBlocks.of(geometry.output, output, hardware)
    output_set = int(np.prod(operation.output_shape)) if output is None else int(output.sum())
    return sparse, narrow(pairs), kept, inputs, stored, output_set


def _costs(geometry: Geometry, image: Image | None, counted: Counted, present: tuple[bool, ...]) -> ImageCosts:
    sparse, pairs, kept, inputs, output, output_set = counted
    return ImageCosts(geometry, image, sparse, pairs, kept, inputs, output, output_set, present)


@dataclass(frozen=True)
class PassCosts:
    """What the passes of a group of images cost, by [position tile, chunk].

    *steps*: cycles of the slowest row. *feed*: cycles of the activation network. *cycles*: the pass, swap included. All
    images have the same sources; chunks of others take no cycles.
    """

    images: list[ImageCosts]
    skipping: Skipping
    steps: IntArray
    feed: IntArray

    @classmethod
    def of(cls, geometry: Geometry, images: list[ImageCosts], skipping: Skipping) -> PassCosts:
        """Combine the counts of images that share passes."""
        steps, words = images[0].sparse.largest, images[0].sparse.total
        for other in images[1:]:
            steps, words = np.maximum(steps, other.sparse.largest), words + other.sparse.total
        if skipping in ("none", "gate"):
            present = images[0].present
            steps = np.broadcast_to(
                np.array([chunk.pairs * present[chunk.source] for chunk in geometry.chunks]), steps.shape
            )
        elif skipping == "lockstep":
            steps = lockstep_steps(geometry, [image.masks for image in images])
        return cls(images, skipping, steps, -(-words // geometry.hardware.noc.activation_words_per_cycle))

    @property
    def cycles(self) -> IntArray:
        """Cycles of each pass."""
        return np.maximum(self.steps, self.feed) + 1

    def rows(self, tile: int, k: int) -> list[int]:
        """Return the cycles of each row that holds a position, for one pass (``barrier: tile``)."""
        place = self.images[0].geometry.position_tiles[tile]
        if self.skipping != "per_position":
            return [int(self.steps[tile, k])] * (place.positions * len(self.images))
        return [
            pairs
            for image in self.images
            for pairs in image.pairs[k, place.y0 : place.y1, place.x0 : place.x1].ravel().tolist()
        ]


def load_cycles(hardware: Hardware, thresholds: int, norm: int, *, norm_in_envm: bool) -> int:
    """Return how long a drain job takes to load its words of *thresholds* and *norm*, but for what is rewritten."""
    noc, envm = hardware.noc, hardware.envm
    if not thresholds + norm:
        return 0
    network = ceil_div(thresholds + norm, noc.threshold_words_per_cycle)
    if envm is None or not norm_in_envm:
        return network + noc.latency_cycles
    array = ceil_div(norm, envm.words_per_cycle)
    return max(network, array) + noc.latency_cycles + envm.read_cycles(hardware.clock_mhz)


def store_cycles(geometry: Geometry, images: list[ImageCosts], tile: tuple[int, int]) -> int:
    """Return how long a drain job for (channel tile, position tile) puts out words."""
    noc = geometry.hardware.noc
    out = sum(int(image.kept[tile]) for image in images)
    return ceil_div(out, noc.output_words_per_cycle)


def fill_cycles(hardware: Hardware, block: ParameterBlock, mask: ParameterBlock | None) -> int:
    """Return the length of a fill, but for what is rewritten.

    From on-chip non-volatile memory its array may be slower than the network.
    """
    network, latency = ceil_div(block.filled, hardware.noc.weight_words_per_cycle), hardware.noc.latency_cycles
    if hardware.envm is None or not block.in_envm:
        return network + latency
    words = block.words + (0 if mask is None else mask.words)
    reading = max(network, ceil_div(words, hardware.envm.words_per_cycle))
    return reading + latency + hardware.envm.read_cycles(hardware.clock_mhz)
