"""From the nodes of a network to the operations that the machine runs (``docs/machine.md``, section 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mimesim.network import Branch, Network, Node

__all__ = ["Operation", "Source", "lower"]


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor that an operation reads, and the window through which it reads it.

    *offset* counts the channels of the inputs before it, *branch* is None for an input, *unit* is the
    tensor's.
    """

    tensor: str
    shape: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    sparse: bool
    offset: int = 0
    branch: Branch | None = None
    unit: str | None = None

    @property
    def taps(self) -> int:
        """Elements of one channel that the window covers."""
        return self.kernel[0] * self.kernel[1]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row ``layer`` of the results: a node with the max-pool that is done in place while it drains, if any.

    *sources* are its inputs, then its branches.

    *shape* is the (C, H, W) of the node itself, *output_shape* that of the tensor written, *pool* the side of the fused
    pooling window (1: none). *groups* counts channel groups: all channels for pools and additions.
    """

    node: Node
    sources: tuple[Source, ...]
    groups: int
    pool: int
    output: str
    output_shape: tuple[int, int, int]
    output_sparse: bool

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def kind(self) -> str:
        """The node's kind."""
        return self.node.kind

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (C, H, W) before pooling."""
        return self.node.shape

    @property
    def unit(self) -> str | None:
        """The part of the network that it belongs to."""
        return self.node.unit

    @property
    def has_weights(self) -> bool:
        """Whether the operation multiplies."""
        return self.node.has_weights


def lower(network: Network, positions: tuple[int, int]) -> tuple[Operation, ...]:
    """Return the operations of *network* for a grid that holds a patch of *positions* (rows, columns) at once."""
    operations = []
    fused: set[str] = set()
    for node in network.layers:
        if node.name in fused:
            continue
        pool = _fusable_pool(network, node, positions)
        output = node if pool is None else pool
        if pool is not None:
            fused.add(pool.name)
        operations.append(
            Operation(
                node=node,
                sources=(*_inputs(network, node), *(_branch(network, branch) for branch in node.branches)),
                groups=node.groups if node.has_weights else node.shape[0],
                pool=1 if pool is None else pool.kernel[0],
                output=output.name,
                output_shape=output.shape,
                output_sparse=network.is_sparse(output.name),
            )
        )
    return tuple(operations)


def _inputs(network: Network, node: Node) -> Iterator[Source]:
    offset = 0
    for tensor in node.inputs:
        read = network.node(tensor)
        yield Source(
            tensor=tensor,
            shape=read.shape,
            kernel=read.shape[1:] if node.kind == "linear" else node.kernel,
            stride=node.stride,
            padding=node.padding,
            sparse=network.is_sparse(tensor),
            offset=offset,
            unit=read.unit,
        )
        offset += read.shape[0]


def _branch(network: Network, branch: Branch) -> Source:
    read = network.node(branch.input)
    return Source(
        tensor=branch.input,
        shape=read.shape,
        kernel=branch.kernel,
        stride=branch.stride,
        padding=branch.padding,
        sparse=network.is_sparse(branch.input),
        branch=branch,
        unit=read.unit,
    )


def _fusable_pool(network: Network, node: Node, positions: tuple[int, int]) -> Node | None:
    """Return the max-pool that the drain of *node* can do in place, tile by tile."""
    consumers = network.consumers(node.name)
    if not node.activation or len(consumers) != 1 or consumers[0].kind != "max_pool":
        return None
    pool = consumers[0]
    side = pool.kernel[0]
    _, height, width = node.shape
    in_place = (
        pool.unit == node.unit
        and pool.kernel == pool.stride == (side, side)
        and side in (2, 4)
        and pool.padding == (0, 0)
        and positions[0] % side == 0
        and positions[1] % side == 0
        and pool.shape[1:] == (height // side, width // side)
    )
    return pool if in_place else None
