"""A network as a graph: nodes, the tensors they output, and what each of them costs."""

from __future__ import annotations

from functools import cached_property
from math import prod
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = ["Kind", "Name", "Network", "Node", "Shape"]

#: Names become members of an ``.npz``, cells of a CSV and parts of file names, so they are kept plain.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=100)]
#: The bound keeps a manifest written by others from asking for absurd amounts of memory.
Extent = Annotated[int, Field(ge=1, le=65536)]
Offset = Annotated[int, Field(ge=0, le=65536)]
Shape = tuple[Extent, Extent, Extent]
Kind = Literal["input", "conv", "linear", "max_pool", "avg_pool", "add"]

_DEFAULT_WINDOW = {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0), "groups": 1}


class Node(BaseModel):
    """One layer, or the network's input; its name is also the name of the tensor it outputs.

    *shape* is the output's (C, H, W); a linear node has (features, 1, 1) and reads its whole input. *kernel*, *stride*
    and *padding* are (height, width) in elements. *activation* says that the output passes through a ReLU or a
    threshold, so that its mask is sparse. Batch norm is folded and has no node; neither have flatten and dropout.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    kind: Kind
    inputs: tuple[Name, ...] = ()
    shape: Shape
    kernel: tuple[Extent, Extent] = (1, 1)
    stride: tuple[Extent, Extent] = (1, 1)
    padding: tuple[Offset, Offset] = (0, 0)
    groups: Extent = 1
    activation: bool = False

    @property
    def has_weights(self) -> bool:
        """Whether the node multiplies: a convolution or a linear layer."""
        return self.kind in ("conv", "linear")

    @property
    def is_pool(self) -> bool:
        """Whether the node reduces windows of its input without weights."""
        return self.kind in ("max_pool", "avg_pool")

    @model_validator(mode="after")
    def _check(self) -> Node:
        wanted = {"input": "no input", "add": "two inputs or more"}.get(self.kind, "exactly one input")
        count = len(self.inputs)
        if not {"input": count == 0, "add": count >= 2}.get(self.kind, count == 1):
            raise ValueError(f"node {self.name!r}: a node of kind {self.kind} has {wanted}, not {count}")
        if len(set(self.inputs)) != count:
            raise ValueError(f"node {self.name!r}: reads the same tensor twice")
        windowed = ("kernel", "stride", "padding", "groups") if self.kind == "conv" else ("kernel", "stride", "padding")
        allowed = windowed if self.kind == "conv" or self.is_pool else ()
        for field, default in _DEFAULT_WINDOW.items():
            if field not in allowed and getattr(self, field) != default:
                raise ValueError(f"node {self.name!r}: a node of kind {self.kind} has no {field}")
        if self.activation and not (self.has_weights or self.kind == "add"):
            raise ValueError(f"node {self.name!r}: only conv, linear and add nodes have an activation")
        if self.kind == "linear" and self.shape[1:] != (1, 1):
            raise ValueError(f"node {self.name!r}: the shape of a linear node is (features, 1, 1), not {self.shape}")
        return self


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
            for source in node.inputs:
                if source not in seen:
                    raise ValueError(f"node {node.name!r}: reads {source!r}, which no earlier node outputs")
            if node.inputs:
                _check_shape(node, [seen[source].shape for source in node.inputs])
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

    def is_sparse(self, name: str) -> bool:
        """Whether the tensor has an activation, or is pooled from one that has; raises :class:`KeyError`."""
        return self.node(name).name in self._sparse

    def consumers(self, name: str) -> tuple[Node, ...]:
        """Return the nodes that read tensor *name*, in order."""
        return tuple(node for node in self.nodes if name in node.inputs)

    def input_shape(self, node: Node | str) -> tuple[int, int, int]:
        """Return (C, H, W) of the first tensor that *node* reads; raises :class:`ValueError` for the input node."""
        node = self._resolve(node)
        if not node.inputs:
            raise ValueError(f"node {node.name!r} reads nothing")
        return self.node(node.inputs[0]).shape

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

    def weight_words(self, node: Node | str) -> int:
        """Return the number of weights of *node*, 0 where it has none; biases are not counted."""
        node = self._resolve(node)
        return prod(self.weight_shape(node)) if node.has_weights else 0

    def macs_dense(self, node: Node | str) -> int:
        """Return the multiplications of *node* for one image if every input were non-zero.

        Taps that fall into the padding are no MACs. Nodes without weights have none.
        """
        node = self._resolve(node)
        if not node.has_weights:
            return 0
        if node.kind == "linear":
            return self.weight_words(node)
        _, height, width = self.input_shape(node)
        taps = prod(
            _taps_in_bounds(extent, node.shape[axis + 1], node.kernel[axis], node.stride[axis], node.padding[axis])
            for axis, extent in enumerate((height, width))
        )
        out_channels, in_channels, _, _ = self.weight_shape(node)
        return out_channels * in_channels * taps


def _check_shape(node: Node, inputs: list[Shape]) -> None:
    """Raise :class:`ValueError` unless *node*'s shape follows from those of the tensors it reads."""
    first = inputs[0]
    if node.kind == "add":
        if any(shape != node.shape for shape in inputs):
            raise ValueError(
                f"node {node.name!r}: adds tensors of shapes {inputs} into {node.shape}: all must be equal"
            )
        return
    if node.kind == "linear":
        return
    if node.kind == "conv":
        if first[0] % node.groups or node.shape[0] % node.groups:
            raise ValueError(
                f"node {node.name!r}: {first[0]} input and {node.shape[0]} output channels"
                f" are not both divisible by groups = {node.groups}"
            )
    elif node.shape[0] != first[0]:
        raise ValueError(f"node {node.name!r}: a pool keeps the {first[0]} channels of its input, not {node.shape[0]}")
    for axis, label in enumerate(("height", "width")):
        expected = _extents(first[axis + 1], node.kernel[axis], node.stride[axis], node.padding[axis], node.is_pool)
        if node.is_pool and 2 * node.padding[axis] > node.kernel[axis]:
            raise ValueError(f"node {node.name!r}: the padding of a pool is at most half its kernel")
        if node.shape[axis + 1] not in expected:
            raise ValueError(
                f"node {node.name!r}: output {label} {node.shape[axis + 1]} does not follow from input"
                f" {first[axis + 1]}, kernel {node.kernel[axis]}, stride {node.stride[axis]},"
                f" padding {node.padding[axis]}: expected {' or '.join(map(str, sorted(expected)))}"
            )


def _extents(extent: int, kernel: int, stride: int, padding: int, pool: bool) -> set[int]:
    """Return the possible output extents along one axis: floor, and for a pool also PyTorch's ``ceil_mode``."""
    span = extent + 2 * padding - kernel
    if span < 0:
        return {0}
    sizes = {span // stride + 1}
    if pool:
        ceiled = -(-span // stride) + 1
        # PyTorch drops a last window that would start beyond the input and its leading padding.
        sizes.add(ceiled - 1 if (ceiled - 1) * stride >= extent + padding else ceiled)
    return sizes


def _taps_in_bounds(extent: int, outputs: int, kernel: int, stride: int, padding: int) -> int:
    """Return how many (output position, tap) pairs along one axis read an element of the input, not its padding."""
    count = 0
    for tap in range(kernel):
        first = max(0, -(-(padding - tap) // stride))
        last = min(outputs - 1, (extent - 1 + padding - tap) // stride)
        count += max(0, last - first + 1)
    return count
