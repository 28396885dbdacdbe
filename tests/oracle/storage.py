"""Blocks, their words and their addresses (section 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mimesim.config.hardware import Hardware
from mimesim.errors import InputError
from mimesim.network import Network

from .geometry import (
    Chunk,
    Operation,
    PositionTile,
    Source,
    block_extent,
    channel_tiles,
    chunks,
    columns_reading,
    position_tiles,
)
from .interface import OracleCase, OracleImage

__all__ = [
    "SHARED",
    "Block",
    "Storage",
    "ceil_div",
    "dead_blocks",
    "is_read",
    "owner_of",
    "runner",
    "uses_thresholds",
    "uses_unit",
]

SHARED = "shared"


def ceil_div(amount: int, unit: int) -> int:
    return -(-amount // unit)


def owner_of(case: OracleCase, operation: str, task: str, branch: str = "") -> str:
    if branch:
        return SHARED if (operation, branch) in case.shared_branches else task
    return SHARED if case.weights_shared and operation not in case.own_layers else task


def uses_unit(case: OracleCase, task: str, unit: str | None) -> bool:
    """Whether a task, or any of those of a request, uses a unit."""
    return any(unit is None or name not in case.units or unit in case.units[name] for name in task.split("+"))


def runner(case: OracleCase, task: str, unit: str | None) -> str:
    """Return the task of a request for which it runs a unit: the first that uses it."""
    return next(name for name in task.split("+") if uses_unit(case, name, unit))


def uses_thresholds(case: OracleCase, operation: Operation) -> bool:
    return case.thresholds is not None and operation.activation


@dataclass(frozen=True)
class Block:
    """A block: where it is, what it holds (words by tensor), what it takes up and what a transfer moves (bursts)."""

    kind: str  # weights | activations | thresholds, or envm: parameters that no cache holds
    key: tuple[object, ...]
    words: Mapping[str, int]
    bursts: int
    slot_bursts: int
    fill_words: int = 0  # weights only: dense words and norm, as the scratchpads hold them
    address: int = -1
    place: tuple[object, ...] = ()  # in eNVM, of what is rewritten: what the blocks of all tasks have in common


class Storage:
    """All blocks of a run, made once and given addresses in the order of the document."""

    def __init__(
        self,
        network: Network,
        operations: Sequence[Operation],
        images: Sequence[OracleImage],
        tasks: Sequence[str],
        hardware: Hardware,
        case: OracleCase,
    ) -> None:
        self.network = network
        self.images = images
        self.hardware = hardware
        self.case = case
        self.blocks: dict[tuple[object, ...], Block] = {}
        self.next_address = 0
        self._masks: dict[tuple[int, str], list[list[list[bool]]]] = {}
        for operation in operations:
            running = [task for task in tasks if uses_unit(case, task, operation.unit)]
            for branch in dict.fromkeys(source.branch for source in operation.sources):
                for owner in dict.fromkeys(owner_of(case, operation.name, task, branch) for task in running):
                    if not operation.vector:
                        self._place_weights(operation, owner, branch)
            for task in running if operation.name in case.masks else ():
                self._place_masks(operation, task)
            for task in running:
                if uses_thresholds(case, operation):
                    self._place_thresholds(operation, task)
            for task in running if operation.name in case.task_norm else ():
                self._place_norm(operation, task)
        self.envm_words = self._envm_words()
        if self.envm_words:
            assert hardware.envm is not None
            if self.envm_words * hardware.word_bits > hardware.envm.capacity_kib * 1024 * 8:
                raise InputError("envm", f"holds {hardware.envm.capacity_kib} KiB, the case {self.envm_words} words")
        touched = {source.tensor for op in operations for source in op.sources} | {op.output for op in operations}
        for node in network.nodes:
            if node.name in touched:
                for image in range(len(images)):
                    if self.has(image, node.name):
                        self._place_activations(node.name, node.shape, image)

    def has(self, image: int, tensor: str) -> bool:
        """Whether the image has this tensor: it is the network's input, or the image runs its operation."""
        return uses_unit(self.case, self.images[image].task, self.network.node(tensor).unit)

    def sources(self, image: int, operation: Operation) -> tuple[Source, ...]:
        """Return the sources that are present for an image."""
        return tuple(source for source in operation.sources if self.has(image, source.tensor))

    def weights(self, operation: Operation, owner: str, tile: int, chunk: int) -> Block:
        return self.blocks["weights", operation.name, owner, tile, chunk]

    def thresholds(self, operation: Operation, task: str, tile: int, position_tile: int) -> Block:
        if self.case.thresholds == "channel":
            return self.blocks["thresholds", operation.name, task, tile]
        return self.blocks["thresholds", operation.name, task, tile, position_tile]

    def mask(self, operation: Operation, task: str, tile: int, chunk: int) -> Block:
        return self.blocks["masks", operation.name, task, tile, chunk]

    def norm(self, operation: Operation, task: str, tile: int) -> Block:
        return self.blocks["norm", operation.name, task, tile]

    def activations(self, tensor: str, image: int, index: tuple[int, int, int]) -> Block:
        return self.blocks["activations", tensor, image, index]

    def compressed(self, tensor: str) -> bool:
        return self.case.skipping != "none" and self.network.is_sparse(tensor)

    def non_zero(self, image: int, tensor: str) -> list[list[list[bool]]]:
        """Which elements of a tensor count as non-zero, as nested lists [channel][row][column]."""
        known = self._masks.get((image, tensor))
        if known is None:
            if self.compressed(tensor):
                known = self.images[image].masks[tensor].tolist()
            else:
                known = np.ones(self.network.node(tensor).shape, dtype=bool).tolist()
            self._masks[image, tensor] = known
        return known

    def weight_is_zero(
        self, operation: Operation, source: Source, owner: str, column: int, channel: int, tap: tuple[int, int]
    ) -> bool:
        if self.case.weight_masks is None or source.branch:
            return False
        # A filter holds all inputs, channel after channel, but only the channels of its own group.
        within_group = source.offset + channel % (source.shape[0] // operation.groups)
        return not self.case.weight_masks[owner, operation.name][column, within_group, tap[0], tap[1]]

    def _place(self, block: Block, *, envm: bool = False) -> None:
        kind, place = block.kind, ()
        if envm:
            kind = "envm"
            assert self.hardware.envm is not None
            own = block.key[2] != SHARED
            if not (own and self.hardware.envm.switch == "rewrite"):
                self.blocks[block.key] = Block(kind, block.key, block.words, 0, 0, block.fill_words)
                return
            place = (*block.key[:2], *block.key[3:])
        placed = Block(
            kind, block.key, block.words, block.bursts, block.slot_bursts, block.fill_words, self.next_address, place
        )
        self.next_address += block.slot_bursts
        self.blocks[block.key] = placed

    def _envm_words(self) -> int:
        """Return the words that are there for good and, of each place, those of its largest block."""
        largest: dict[tuple[object, ...], int] = {}
        for block in self.blocks.values():
            if block.kind == "envm":
                place = block.place or block.key
                largest[place] = max(largest.get(place, 0), sum(block.words.values()))
        return sum(largest.values())

    def _place_weights(self, operation: Operation, owner: str, branch: str) -> None:
        for tile_index, tile in enumerate(channel_tiles(operation, self.hardware)):
            for chunk in chunks(operation, tile, self.hardware):
                if chunk.source.branch != branch:
                    continue
                dense, stored = self._count_weights(operation, owner, tile, chunk)
                folded = operation.name not in self.case.task_norm
                norm = len(tile) if chunk.index == 0 and folded else 0
                index_bits = 0 if branch else self.case.index_bits
                words = {"weights": dense, "index": ceil_div(dense * index_bits, self.hardware.word_bits), "norm": norm}
                if self.case.storage == "bitmap" and not branch:
                    words["weights"] = stored
                    words["index"] += ceil_div(dense, self.hardware.word_bits)
                bursts = ceil_div(sum(words.values()), self.hardware.burst_words)
                key = ("weights", operation.name, owner, tile_index, chunk.index)
                made = Block("weights", key, words, bursts, bursts, dense + norm)
                self._place(made, envm=(operation.name, branch) in self.case.envm)

    def _place_masks(self, operation: Operation, task: str) -> None:
        for tile_index, tile in enumerate(channel_tiles(operation, self.hardware)):
            for chunk in chunks(operation, tile, self.hardware):
                if chunk.source.branch:
                    continue
                columns = [len(columns_reading(operation, chunk.source, tile, channel)) for channel in chunk.channels]
                words = ceil_div(sum(columns) * len(chunk.taps), self.hardware.word_bits)
                bursts = ceil_div(words, self.hardware.burst_words)
                key = ("masks", operation.name, task, tile_index, chunk.index)
                made = Block("weights", key, {"index": words}, bursts, bursts)
                self._place(made, envm=(operation.name, "") in self.case.envm)

    def _count_weights(self, operation: Operation, owner: str, tile: tuple[int, ...], chunk: Chunk) -> tuple[int, int]:
        dense = non_zero = 0
        for channel in chunk.channels:
            for column in columns_reading(operation, chunk.source, tile, channel):
                for tap in chunk.taps:
                    dense += 1
                    if self.case.storage == "bitmap":
                        non_zero += not self.weight_is_zero(operation, chunk.source, owner, column, channel, tap)
        return dense, non_zero

    def _place_thresholds(self, operation: Operation, task: str) -> None:
        visited: list[PositionTile | None] = [*position_tiles(operation, self.hardware)]
        if self.case.thresholds == "channel":
            visited = [None]
        for tile_index, tile in enumerate(channel_tiles(operation, self.hardware)):
            for position_tile in visited:
                key: tuple[object, ...] = ("thresholds", operation.name, task, tile_index)
                count = len(tile)
                if position_tile is not None:
                    key = (*key, position_tile.index)
                    count *= len(position_tile.positions)
                bursts = ceil_div(count, self.hardware.burst_words)
                self._place(Block("thresholds", key, {"thresholds": count}, bursts, bursts))

    def _place_norm(self, operation: Operation, task: str) -> None:
        for tile_index, tile in enumerate(channel_tiles(operation, self.hardware)):
            words = 2 * len(tile)
            bursts = ceil_div(words, self.hardware.burst_words)
            made = Block("thresholds", ("norm", operation.name, task, tile_index), {"norm": words}, bursts, bursts)
            self._place(made, envm=(operation.name, "") in self.case.envm)

    def _place_activations(self, tensor: str, shape: tuple[int, int, int], image: int) -> None:
        extent = block_extent(shape, self.hardware)
        compressed = self.compressed(tensor)
        values = self.non_zero(image, tensor)
        slot = extent[0] * extent[1] * extent[2]
        if compressed:
            slot += ceil_div(slot, self.hardware.word_bits)
        held: dict[tuple[int, int, int], list[bool]] = {}
        for c in range(shape[0]):
            for y in range(shape[1]):
                for x in range(shape[2]):
                    index = (c // extent[0], y // extent[1], x // extent[2])
                    held.setdefault(index, []).append(values[c][y][x])
        for index in sorted(held):
            words = {"activations": sum(held[index])}
            if compressed:
                words["mask"] = ceil_div(len(held[index]), self.hardware.word_bits)
            bursts = ceil_div(sum(words.values()), self.hardware.burst_words)
            key = ("activations", tensor, image, index)
            self._place(Block("activations", key, words, bursts, ceil_div(slot, self.hardware.burst_words)))


def dead_blocks(
    storage: Storage, found: list[Operation], last: Operation, images: list[int]
) -> set[tuple[object, ...]]:
    """Return the keys of the blocks that no operation after *last* reads, of the tensors that it reads itself."""
    dead = {
        (source.tensor, image)
        for image in images
        for source in last.sources
        if not is_read(storage, found[found.index(last) + 1 :], source.tensor, image)
    }
    return {key for key in storage.blocks if key[0] == "activations" and key[1:3] in dead}


def is_read(storage: Storage, among: Sequence[Operation], tensor: str, image: int) -> bool:
    """Whether any operation that the image runs, *among* these, reads the tensor."""
    task = storage.images[image].task
    running = [operation for operation in among if uses_unit(storage.case, task, operation.unit)]
    return any(source.tensor == tensor for operation in running for source in operation.sources)
