"""The nodes of a network: what one layer reads, how, and what it puts out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = ["Branch", "Kind", "Name", "Node", "Shape", "check_extents", "check_shape"]

#: Names become members of an ``.npz``, cells of a CSV and parts of file names, so they are kept plain.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]+$", max_length=100)]
#: The bound keeps a manifest written by others from asking for absurd amounts of memory.
Extent = Annotated[int, Field(ge=1, le=65536)]
Offset = Annotated[int, Field(ge=0, le=65536)]
Shape = tuple[Extent, Extent, Extent]
Kind = Literal["input", "conv", "linear", "max_pool", "avg_pool", "add"]

#: Inputs of a node, at least and at most.
_INPUTS = {
    "input": (0, 0, "no input"),
    "add": (2, 1000, "two inputs or more"),
    "conv": (1, 1000, "one input or more"),
    "linear": (1, 1000, "one input or more"),
}
_DEFAULT_WINDOW = {"kernel": (1, 1), "stride": (1, 1), "padding": (0, 0), "groups": 1}


class Branch(BaseModel):
    """Another window through which a conv or linear node reads a tensor, and adds what it finds to the same sums.

    Side paths of few weights are of this kind: a residual adapter is a 1 x 1 branch on the layer's own input, a
    low-rank update a 1 x 1 branch on the few channels of its first factor. *name* tells a node's branches apart; a
    branch has weights of its own, (C_out, C_in, height, width), and no norm.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    input: Name
    kernel: tuple[Extent, Extent] = (1, 1)
    stride: tuple[Extent, Extent] = (1, 1)
    padding: tuple[Offset, Offset] = (0, 0)


class Node(BaseModel):
    """One layer, or the network's input; its name is also the name of the tensor it outputs.

    *shape* is the output's (C, H, W); a linear node has (features, 1, 1) and reads its whole input. *kernel*, *stride*
    and *padding* are (height, width) in elements. *activation* says that the output passes through a ReLU or a
    threshold, so that its mask is sparse. Batch norm is folded and has no node; neither have flatten and dropout.

    A conv or linear node with several *inputs* reads them as one tensor, channel after channel. *branches* are read
    beside them. *unit* names the part of the network that the node belongs to: only images of tasks that use the unit
    run the node, and others that read its output go without; None: every image runs it.
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
    branches: tuple[Branch, ...] = ()
    unit: Name | None = None

    @property
    def has_weights(self) -> bool:
        """Whether the node multiplies: a convolution or a linear layer."""
        return self.kind in ("conv", "linear")

    @property
    def reads(self) -> tuple[str, ...]:
        """The tensors that the node reads, each once: its inputs and those of its branches."""
        return tuple(dict.fromkeys((*self.inputs, *(branch.input for branch in self.branches))))

    @property
    def is_pool(self) -> bool:
        """Whether the node reduces windows of its input without weights."""
        return self.kind in ("max_pool", "avg_pool")

    @model_validator(mode="after")
    def _check(self) -> Node:
        count = len(self.inputs)
        least, most, wanted = _INPUTS.get(self.kind, (1, 1, "exactly one input"))
        if not least <= count <= most:
            raise ValueError(f"node {self.name!r}: a node of kind {self.kind} has {wanted}, not {count}")
        if len(set(self.inputs)) != count:
            raise ValueError(f"node {self.name!r}: reads the same tensor twice")
        windowed = ("kernel", "stride", "padding", "groups") if self.kind == "conv" else ("kernel", "stride", "padding")
        allowed = windowed if self.kind == "conv" or self.is_pool else ()
        for field, default in _DEFAULT_WINDOW.items():
            if field not in allowed and getattr(self, field) != default:
                raise ValueError(f"node {self.name!r}: a node of kind {self.kind} has no {field}")
        if self.kind == "input" and self.unit is not None:
            raise ValueError(f"node {self.name!r}: the input belongs to no unit")
        if self.branches and not self.has_weights:
            raise ValueError(f"node {self.name!r}: a node of kind {self.kind} has no branches")
        if len({branch.name for branch in self.branches}) != len(self.branches):
            raise ValueError(f"node {self.name!r}: two branches have the same name")
        if self.groups > 1 and (count > 1 or self.branches):
            raise ValueError(f"node {self.name!r}: groups go with one input and no branches")
        if self.activation and not (self.has_weights or self.kind == "add"):
            raise ValueError(f"node {self.name!r}: only conv, linear and add nodes have an activation")
        if self.kind == "linear" and self.shape[1:] != (1, 1):
            raise ValueError(f"node {self.name!r}: the shape of a linear node is (features, 1, 1), not {self.shape}")
        return self


def check_shape(node: Node, inputs: list[Shape]) -> None:
    """Raise :class:`ValueError` unless *node*'s shape follows from those of the tensors it reads."""
    first = inputs[0]
    if node.kind == "add":
        if any(shape != node.shape for shape in inputs):
            raise ValueError(
                f"node {node.name!r}: adds tensors of shapes {inputs} into {node.shape}: all must be equal"
            )
        return
    if any(shape[1:] != first[1:] for shape in inputs):
        raise ValueError(
            f"node {node.name!r}: reads tensors of shapes {inputs} as one: heights and widths must be equal"
        )
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
    if node.is_pool and any(2 * node.padding[axis] > node.kernel[axis] for axis in range(2)):
        raise ValueError(f"node {node.name!r}: the padding of a pool is at most half its kernel")
    check_extents(node, node, first)


def check_extents(node: Node, window: Node | Branch, shape: Shape, where: str = "") -> None:
    """Raise :class:`ValueError` unless the output of *node* is as large as its *window* makes it of a *shape*."""
    prefix = f"node {node.name!r}{', ' + where if where else ''}"
    for axis, label in enumerate(("height", "width")):
        size, kernel = shape[axis + 1], window.kernel[axis]
        expected = _extents(size, kernel, window.stride[axis], window.padding[axis], node.is_pool)
        if node.shape[axis + 1] not in expected:
            raise ValueError(
                f"{prefix}: output {label} {node.shape[axis + 1]} does not follow from input"
                f" {size}, kernel {kernel}, stride {window.stride[axis]},"
                f" padding {window.padding[axis]}: expected {' or '.join(map(str, sorted(expected)))}"
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
