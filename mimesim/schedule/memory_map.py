"""Where everything lies in DRAM: regions of blocks, addressed in bursts (``docs/machine.md``, section 3)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mimesim.network import Branch
from mimesim.schedule.blocks import StoredBlocks, bursts_of, ceil_div
from mimesim.schedule.counting import columns_per_pair
from mimesim.schedule.geometry import Geometry
from mimesim.schemes import LayerParameters, Storage

__all__ = [
    "ENVM",
    "ActivationRegion",
    "Allocator",
    "ParameterBlock",
    "mask_blocks",
    "norm_blocks",
    "threshold_blocks",
    "weight_blocks",
]


#: Addresses from here on are those of blocks in on-chip non-volatile memory.
ENVM = 1 << 48


class ParameterBlock(NamedTuple):
    """A block of weights, thresholds or norm: its address and size in bursts, and the useful words in it.

    *values* counts what it is a block of, *index* the words of bitmap, mask or index, *norm* folded batch norm;
    *filled* is what reaches the scratchpads once it is uncompressed. A block that comes and goes in non-volatile memory
    has a *place* there, which the blocks of several tasks share, and a *home* in DRAM, the address it is fetched from.
    """

    address: int
    bursts: int
    values: int
    index: int  # type: ignore[assignment] # nobody asks a block for the place of a number in it
    norm: int
    filled: int
    home: int = -1
    place: Hashable = None

    @property
    def in_envm(self) -> bool:
        """Whether it lies in on-chip non-volatile memory, where no cache asks for it."""
        return self.address >= ENVM

    @property
    def words(self) -> int:
        """All words stored."""
        return self.values + self.index + self.norm


@dataclass(slots=True)
class ActivationRegion:
    """The blocks of one tensor of one image: block *i* lies at address + i x slot.

    *bursts* and *useful* hold the bursts and the useful words of each block.
    The controller appends the addresses of what it fetches to *fetched*.
    """

    address: int
    slot: int
    stored: StoredBlocks
    image: int
    bursts: list[int]
    useful: NDArray[np.int64]
    fetched: list[int]

    @classmethod
    def of(cls, address: int, stored: StoredBlocks, image: int) -> ActivationRegion:
        """Place the blocks of image number *image* of the replay at *address*."""
        useful = stored.values + stored.bitmap
        return cls(address, stored.slot_bursts, stored, image, stored.bursts.tolist(), useful, [])

    def runs(self, blocks: Iterable[int]) -> list[tuple[int, int]]:
        """Return (address, bursts) of the given blocks."""
        return [(self.address + self.slot * i, self.bursts[i]) for i in blocks]

    @property
    def end(self) -> int:
        """The first burst after the region."""
        return self.address + self.slot * len(self.bursts)

    def words(self, address: int) -> tuple[int, int]:
        """Return the words of values and of bitmap in the block at *address*."""
        block = (address - self.address) // self.slot
        return int(self.stored.values[block]), int(self.stored.bitmap[block])

    def take_fetched(self) -> tuple[int, int, int, int]:
        """Return words of values, of bitmap, of norm (none) and bursts fetched since this was last asked."""
        blocks = (np.array(self.fetched, dtype=np.int64) - self.address) // self.slot
        self.fetched = []
        stored = self.stored
        return int(stored.values[blocks].sum()), int(stored.bitmap[blocks].sum()), 0, int(stored.bursts[blocks].sum())


@dataclass(slots=True)
class Allocator:
    """Hands out consecutive regions; *top* is the first free burst."""

    top: int = 0

    def take(self, bursts: int) -> int:
        """Reserve *bursts* and return the address of the first."""
        address = self.top
        self.top += bursts
        return address


def weight_blocks(
    geometry: Geometry,
    parameters: LayerParameters,
    weights: NDArray[np.bool_] | None,
    allocator: Allocator,
    branch: Branch | None = None,
) -> dict[tuple[int, int], ParameterBlock]:
    """Place one owner's weights of an operation's inputs, or of a *branch*; keyed by (channel tile, chunk).

    *weights* marks the non-zero weights of a pruned layer.
    """
    hardware, burst_words = geometry.hardware, geometry.hardware.burst_words
    blocks = {}
    for tile, (first, last) in enumerate(geometry.channel_tiles):
        for k in geometry.chunks_of[tile]:
            chunk = geometry.chunks[k]
            if geometry.operation.sources[chunk.source].branch != branch:
                continue
            dense = geometry.weights_in(tile, chunk)
            norm = last - first if k == geometry.chunks_of[tile][0] and parameters.norm == "folded" else 0
            values, index = _stored(geometry, tile, k, dense, parameters.storage, weights)
            if branch is None and parameters.index_bits:
                index += ceil_div(dense * parameters.index_bits, hardware.word_bits)
            bursts = ceil_div(values + index + norm, burst_words)
            blocks[tile, k] = ParameterBlock(allocator.take(bursts), bursts, values, index, norm, dense + norm)
    return blocks


def _stored(
    geometry: Geometry, tile: int, k: int, dense: int, storage: Storage, weights: NDArray[np.bool_] | None
) -> tuple[int, int]:
    if storage == "dense":
        return dense, 0
    values = dense if weights is None else int(columns_per_pair(geometry, tile, geometry.chunks[k], weights).sum())
    return values, ceil_div(dense, geometry.hardware.word_bits)


def mask_blocks(geometry: Geometry, allocator: Allocator) -> dict[tuple[int, int], ParameterBlock]:
    """Place one view's masks of the weights of an operation's inputs; keyed by (channel tile, chunk)."""
    hardware = geometry.hardware
    blocks = {}
    for tile, chunks in enumerate(geometry.chunks_of):
        for k in chunks:
            chunk = geometry.chunks[k]
            if geometry.operation.sources[chunk.source].branch is None:
                words = ceil_div(geometry.weights_in(tile, chunk), hardware.word_bits)
                bursts = bursts_of(words, hardware)
                blocks[tile, k] = ParameterBlock(allocator.take(bursts), bursts, 0, words, 0, 0)
    return blocks


def norm_blocks(geometry: Geometry, allocator: Allocator) -> dict[int, ParameterBlock]:
    """Place one task's scales and shifts of an operation; keyed by channel tile."""
    blocks = {}
    for tile, (first, last) in enumerate(geometry.channel_tiles):
        words = 2 * (last - first)
        bursts = bursts_of(words, geometry.hardware)
        blocks[tile] = ParameterBlock(allocator.take(bursts), bursts, words, 0, 0, words)
    return blocks


def threshold_blocks(
    geometry: Geometry, parameters: LayerParameters, allocator: Allocator
) -> dict[tuple[int, int], ParameterBlock]:
    """Place one task's thresholds of an operation; keyed by (channel tile, position tile).

    With one threshold per channel, all position tiles of a channel tile name the same block.
    """
    blocks: dict[tuple[int, int], ParameterBlock] = {}
    for tile, (first, last) in enumerate(geometry.channel_tiles):
        block: ParameterBlock | None = None
        for number, place in enumerate(geometry.position_tiles):
            if block is None or parameters.thresholds == "neuron":
                words = (last - first) * (place.positions if parameters.thresholds == "neuron" else 1)
                bursts = bursts_of(words, geometry.hardware)
                block = ParameterBlock(allocator.take(bursts), bursts, words, 0, 0, words)
            blocks[tile, number] = block
    return blocks
