"""A network as a graph: nodes, the tensors they output, and what each of them costs."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from math import prod
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mimesim.node import Branch, Kind, Name, Node, Shape, check_extents, check_shape

__all__ = ["Branch", "Kind", "Name", "Network", "Node", "Shape"]


class Network(BaseModel):
    """Nodes in topological order, the single input first; shapes and references are checked on construction.

    Methods take a node or its name. Raises :class:`pydantic.ValidationError` with the offending node in the text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    nodes: Annotated[tuple[Node, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _check(self) -> Network:
        if [n.kind == "input" for n in self.nodes] != [i == 0 for i in range(len(self.nodes))]:
            raise ValueError("exactly one node is of kind input, and it is the first")
        seen: dict[str, Node] = {}
        for node in self.nodes:
            # Tensor names become file members, and some file systems do not tell cases apart.
            if node.name.lower() in {name.lower() for name in seen}:
                raise ValueError(f"node {node.name!r}: the name is taken (names that differ in case only are one name)")
            for source in node.reads:
                if source not in seen:
                    raise ValueError(f"node {node.name!r}: reads {source!r}, which no earlier node outputs")
            if node.inputs:
                check_shape(node, [seen[source].shape for source in node.inputs])
            for branch in node.branches:
                check_extents(node, branch, seen[branch.input].shape, f"branch {branch.name!r}")
            seen[node.name] = node
        return self

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def _sparse(self) -> frozenset[str]:
        sparse: set[str] = set()
        for node in self.nodes:
            if node.activation or (node.is_pool and node.inputs[0] in sparse):
                sparse.add(node.name)
        return frozenset(sparse)

    def node(self, name: str) -> Node:
        """Return the node called *name*; raises :class:`KeyError` where there is none."""
        return self._by_name[name]

    def _resolve(self, node: Node | str) -> Node:
        return self._by_name[node] if isinstance(node, str) else node

    @cached_property
    def input(self) -> Node:
        """The node of kind ``input``: the image."""
        return self.nodes[0]

    @cached_property
    def layers(self) -> tuple[Node, ...]:
        """All nodes but the input, in order."""
        return self.nodes[1:]

    @cached_property
    def weight_layers(self) -> tuple[Node, ...]:
        """The nodes that multiply, in order."""
        return tuple(node for node in self.nodes if node.has_weights)

    @cached_property
    def recorded(self) -> tuple[str, ...]:
        """Names of the sparse tensors, in order: those whose masks a trace holds."""
        return tuple(node.name for node in self.nodes if node.name in self._sparse)

    def recorded_by(self, units: Collection[str] | None) -> tuple[str, ...]:
        """Return those of :attr:`recorded` that images of a task with these *units* have, None for all."""
        return tuple(name for name in self.recorded if units is None or self.node(name).unit in (None, *units))

    def is_sparse(self, name: str) -> bool:
        """Whether the tensor has an activation, or is pooled from one that has; raises :class:`KeyError`."""
        return self.node(name).name in self._sparse

    def consumers(self, name: str) -> tuple[Node, ...]:
        """Return the nodes that read tensor *name*, in order."""
        return tuple(node for node in self.nodes if name in node.reads)

    def input_shape(self, node: Node | str) -> tuple[int, int, int]:
        """Return (C, H, W) of what *node* reads; raises :class:`ValueError` for the input node.

        Several inputs of a node with weights count as one tensor; of an addition all are of one shape.
        """
        node = self._resolve(node)
        if not node.inputs:
            raise ValueError(f"node {node.name!r} reads nothing")
        channels, height, width = self.node(node.inputs[0]).shape
        if node.has_weights:
            channels = sum(self.node(name).shape[0] for name in node.inputs)
        return channels, height, width

    def weight_shape(self, node: Node | str) -> tuple[int, int, int, int]:
        """Return (C_out, C_in / groups, kernel height, kernel width); raises :class:`ValueError` without weights.

        A linear node is a convolution whose kernel is its whole input: (features, C, H, W).
        """
        node = self._resolve(node)
        channels, height, width = self.input_shape(node)
        if node.kind == "linear":
            return node.shape[0], channels, height, width
        if node.kind == "conv":
            return node.shape[0], channels // node.groups, *node.kernel
        raise ValueError(f"node {node.name!r} of kind {node.kind} has no weights")

    def branch_shape(self, node: Node | str, branch: Branch) -> tuple[int, int, int, int]:
        """Return (C_out, C_in, height, width) of the weights of a *branch* of *node*."""
        return self._resolve(node).shape[0], self.node(branch.input).shape[0], *branch.kernel

    def weight_words(self, node: Node | str) -> int:
        """Return the number of weights of *node*, 0 where it has none; branches and biases are not counted."""
        node = self._resolve(node)
        return prod(self.weight_shape(node)) if node.has_weights else 0

    def branch_words(self, node: Node | str) -> int:
        """Return the number of weights of all branches of *node*."""
        node = self._resolve(node)
        return sum(prod(self.branch_shape(node, branch)) for branch in node.branches)

    def macs_dense(self, node: Node | str) -> int:
        """Return the multiplications of *node*, branches included, for one image if every input were non-zero.

        Taps that fall into the padding are no MACs. Nodes without weights have none.
        """
        node = self._resolve(node)
        if not node.has_weights:
            return 0
        macs = 0 if node.kind == "conv" else self.weight_words(node)
        if node.kind == "conv":
            out_channels, in_channels, _, _ = self.weight_shape(node)
            macs = out_channels * in_channels * self._taps(node, node, self.input_shape(node))
        for branch in node.branches:
            out_channels, in_channels, _, _ = self.branch_shape(node, branch)
            macs += out_channels * in_channels * self._taps(node, branch, self.node(branch.input).shape)
        return macs

    def _taps(self, node: Node, window: Node | Branch, shape: Shape) -> int:
        """Return the (position, tap) pairs of a window of *node* over a tensor of *shape* that lie inside it."""
        return prod(
            _taps_in_bounds(shape[i + 1], node.shape[i + 1], window.kernel[i], window.stride[i], window.padding[i])
            for i in range(2)
        )


def _taps_in_bounds(extent: int, outputs: int, kernel: int, stride: int, padding: int) -> int:
    """Return how many (output position, tap) pairs along one axis read an element of the input, not its padding."""
    count = 0
    for tap in range(kernel):
        first = max(0, -(-(padding - tap) // stride))
        last = min(outputs - 1, (extent - 1 + padding - tap) // stride)
        count += max(0, last - first + 1)
    return count
