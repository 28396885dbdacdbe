"""Operations, tiles, chunks and image groups (sections 1 and 2), by plain loops over elements."""

from __future__ import annotations

from dataclasses import dataclass

from mimesim.config.hardware import Hardware
from mimesim.errors import InputError
from mimesim.network import Network, Node

__all__ = [
    "Chunk",
    "Operation",
    "PositionTile",
    "Source",
    "block_extent",
    "channel_tiles",
    "chunks",
    "columns_reading",
    "completed_blocks",
    "image_groups",
    "largest_portion",
    "operations",
    "portions",
    "position_tiles",
]


@dataclass(frozen=True)
class Source:
    """A tensor that an operation reads through a window: an input (*offset*: the channels before it), or a branch."""

    tensor: str
    shape: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    offset: int = 0
    branch: str = ""


@dataclass(frozen=True)
class Operation:
    """One node with its sources; *shape* is its own output, before the pooling by *fused* x *fused*."""

    name: str
    sources: tuple[Source, ...]
    shape: tuple[int, int, int]
    groups: int
    vector: bool
    activation: bool
    fused: int
    output: str
    output_shape: tuple[int, int, int]
    unit: str | None = None


@dataclass(frozen=True)
class PositionTile:
    """A patch of output positions; *index* is its place in the visiting order."""

    index: int
    positions: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Chunk:
    """A part of the reduction: some channels of one source, each with the same taps."""

    index: int
    source: Source
    channels: tuple[int, ...]
    taps: tuple[tuple[int, int], ...]


def operations(network: Network, hardware: Hardware) -> list[Operation]:
    fused_pools = {}
    for pool in network.nodes:
        factor = _fusion(network, pool, hardware)
        if factor:
            fused_pools[pool.inputs[0]] = (pool, factor)
    found = []
    for node in network.nodes:
        if node.kind == "input" or any(node is pool for pool, _ in fused_pools.values()):
            continue
        output, factor = fused_pools.get(node.name, (node, 1))
        sources, offset = [], 0
        for name in node.inputs:
            sources.append(_source(network, node, name, offset))
            offset += network.node(name).shape[0]
        for branch in node.branches:
            shape = network.node(branch.input).shape
            sources.append(
                Source(branch.input, shape, branch.kernel, branch.stride, branch.padding, branch=branch.name)
            )
        vector = node.kind not in ("conv", "linear")
        found.append(
            Operation(
                name=node.name,
                sources=tuple(sources),
                shape=node.shape,
                groups=node.shape[0] if vector else node.groups,
                vector=vector,
                activation=node.activation,
                fused=factor,
                output=output.name,
                output_shape=output.shape,
                unit=node.unit,
            )
        )
    return found


def _source(network: Network, node: Node, name: str, offset: int) -> Source:
    shape = network.node(name).shape
    if node.kind == "linear":
        return Source(name, shape, (shape[1], shape[2]), (1, 1), (0, 0), offset)
    if node.kind == "add":
        return Source(name, shape, (1, 1), (1, 1), (0, 0))
    return Source(name, shape, node.kernel, node.stride, node.padding, offset)


def _fusion(network: Network, pool: Node, hardware: Hardware) -> int:
    """Return the factor by which *pool* is fused into its producer, 0 where it is not."""
    if pool.kind != "max_pool":
        return 0
    producer = network.node(pool.inputs[0])
    if not producer.activation or producer.unit != pool.unit:
        return 0
    if [node.name for node in network.consumers(producer.name)] != [pool.name]:
        return 0
    for factor in (2, 4):
        if pool.kernel != (factor, factor) or pool.stride != (factor, factor) or pool.padding != (0, 0):
            continue
        divides = all(side % factor == 0 for side in hardware.grid.positions)
        floored = (producer.shape[1] // factor, producer.shape[2] // factor)
        if divides and pool.shape[1:] == floored:
            return factor
    return 0


def block_extent(shape: tuple[int, int, int], hardware: Hardware) -> tuple[int, int, int]:
    """Return (channels, height, width) of an activation block before it is clipped at the edges."""
    patch_rows, patch_columns = hardware.activation_block.patch
    height, width = min(patch_rows, shape[1]), min(patch_columns, shape[2])
    depth = hardware.activation_block.channels * max(1, patch_rows * patch_columns // (height * width))
    return min(depth, shape[0]), height, width


def position_tiles(operation: Operation, hardware: Hardware) -> list[PositionTile]:
    _, rows, columns = operation.shape
    tile_rows, tile_columns = _tile_extent(operation, hardware)
    _, block_rows, block_columns = block_extent(operation.output_shape, hardware)
    keyed = []
    for y in range(0, rows, tile_rows):
        for x in range(0, columns, tile_columns):
            # Where pooling drops the last rows a tile may have no output of its own: its place is clipped.
            out_y = min(y // operation.fused, operation.output_shape[1] - 1)
            out_x = min(x // operation.fused, operation.output_shape[2] - 1)
            key = (out_y // block_rows, out_x // block_columns, y // tile_rows, x // tile_columns)
            patch = [(y + i, x + j) for i in range(tile_rows) for j in range(tile_columns)]
            keyed.append((key, tuple(p for p in patch if p[0] < rows and p[1] < columns)))
    return [PositionTile(index, patch) for index, (_, patch) in enumerate(sorted(keyed))]


def _tile_extent(operation: Operation, hardware: Hardware) -> tuple[int, int]:
    return (
        min(hardware.grid.positions[0], operation.shape[1]),
        min(hardware.grid.positions[1], operation.shape[2]),
    )


def channel_tiles(operation: Operation, hardware: Hardware) -> list[tuple[int, ...]]:
    tiles: list[list[int]] = []
    for channel in range(operation.shape[0]):
        if channel % hardware.grid.channels == 0:
            tiles.append([])
        tiles[-1].append(channel)
    return [tuple(tile) for tile in tiles]


def reads(operation: Operation, source: Source, output_channel: int, input_channel: int) -> bool:
    """Whether output channel reads input channel: both are in the same group."""
    outputs, inputs = operation.shape[0] // operation.groups, source.shape[0] // operation.groups
    return output_channel // outputs == input_channel // inputs


def columns_reading(operation: Operation, source: Source, tile: tuple[int, ...], channel: int) -> tuple[int, ...]:
    return tuple(column for column in tile if reads(operation, source, column, channel))


def chunks(operation: Operation, tile: tuple[int, ...], hardware: Hardware) -> list[Chunk]:
    bank = hardware.scratchpad.weight_bank_words
    pieces: list[tuple[Source, list[int], list[tuple[int, int]]]] = []
    for source in operation.sources:
        taps = [(ky, kx) for ky in range(source.kernel[0]) for kx in range(source.kernel[1])]
        visible = [c for c in range(source.shape[0]) if columns_reading(operation, source, tile, c)]
        if len(taps) > bank:
            pieces += [(source, [c], taps[i : i + bank]) for c in visible for i in range(0, len(taps), bank)]
            continue
        depth = bank // len(taps)
        if depth >= hardware.activation_block.channels:
            depth -= depth % hardware.activation_block.channels
        pieces += [(source, visible[i : i + depth], taps) for i in range(0, len(visible), depth)]
    return [Chunk(index, source, tuple(channels), tuple(taps)) for index, (source, channels, taps) in enumerate(pieces)]


def image_groups(operation: Operation, images: list[int], hardware: Hardware) -> list[tuple[int, ...]]:
    """Cut the images of one set into groups that share a pass."""
    tile_rows, tile_columns = _tile_extent(operation, hardware)
    together = max(1, hardware.grid.rows // (tile_rows * tile_columns))
    return [tuple(images[i : i + together]) for i in range(0, len(images), together)]


def largest_portion(hardware: Hardware, tiles_per_pe: int) -> int:
    """Return how many groups fit into a scratchpad: add one until it is full."""
    pad = hardware.scratchpad

    def words(groups: int) -> int:
        partial_sums = groups * tiles_per_pe * pad.psum_banks * pad.psum_words
        return 2 * pad.weight_bank_words + pad.activation_fifo_words + partial_sums + groups

    if words(1) > hardware.spad_words:
        raise InputError("scratchpad", f"holds {hardware.spad_words} words, one group needs {words(1)}")
    groups = 1
    while words(groups + 1) <= hardware.spad_words:
        groups += 1
    return groups


def portions(groups: list[tuple[int, ...]], largest: int) -> list[list[tuple[int, ...]]]:
    return [groups[i : i + largest] for i in range(0, len(groups), largest)]


def completed_blocks(operation: Operation, hardware: Hardware) -> dict[tuple[int, int], list[tuple[int, int, int]]]:
    """Return, by (channel tile, position tile), the output blocks whose last tile this is, in index order."""
    extent = block_extent(operation.output_shape, hardware)
    tile_at = {p: tile.index for tile in position_tiles(operation, hardware) for p in tile.positions}
    last: dict[tuple[int, int, int], tuple[int, int]] = {}
    for tile_index, tile in enumerate(channel_tiles(operation, hardware)):
        for channel in tile:
            for y in range(operation.output_shape[1]):
                for x in range(operation.output_shape[2]):
                    block = (channel // extent[0], y // extent[1], x // extent[2])
                    at = tile_at[y * operation.fused, x * operation.fused]
                    before = last.get(block, (0, 0))
                    last[block] = (max(before[0], tile_index), max(before[1], at))
    ended: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for block in sorted(last):
        ended.setdefault(last[block], []).append(block)
    return ended
