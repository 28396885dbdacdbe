"""Hypothesis strategies for tiny networks of every kind of layer."""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st

from mimesim.network import Branch, Network, Node

__all__ = ["UNITS", "networks", "pair"]

#: Parts of a network that a task may use.
UNITS = ("u1", "u2")


def pair(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def networks(draw: st.DrawFn, most: int = 3, channels: int = 20, size: int = 10) -> Network:
    """Draw a network of 1 to *most* drawn layers; a fused pool may come on top of each."""
    if draw(st.integers(0, 4)) == 0:
        return draw(merged_networks(min(channels, 6), min(size, 5)))
    # Small tensors leave room for several images in a pass.
    side = st.one_of(st.integers(1, min(size, 4)), st.integers(1, size))
    shape = (draw(st.integers(1, channels)), draw(side), draw(side))
    nodes = [Node(name="image", kind="input", shape=shape)]
    for index in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(["conv", "conv", "conv", "join", "join", "depthwise", "pool", "add", "linear"]))
        # Mostly a chain; a tensor with a second consumer cannot be pooled on its way out.
        source = draw(st.sampled_from([nodes[-1], nodes[-1], nodes[-1], *nodes[-2:-1]]))
        if kind == "add":
            # The second operand has to have the same shape: make it with a convolution that keeps it, or find it.
            alike = [node for node in nodes if node.shape == source.shape and node.name != source.name]
            if not alike:
                nodes.append(_same_conv(draw, f"same{index}", source))
                alike = [nodes[-1]]
            inputs = (source.name, draw(st.sampled_from(alike)).name)
            active = draw(st.booleans())
            nodes.append(Node(name=f"add{index}", kind="add", inputs=inputs, shape=source.shape, activation=active))
        elif kind == "linear":
            features, active = draw(st.integers(1, channels)), draw(st.booleans())
            shape = (features, 1, 1)
            nodes.append(Node(name=f"fc{index}", kind="linear", inputs=(source.name,), shape=shape, activation=active))
        elif kind == "pool":
            nodes.append(_pool(draw, f"pool{index}", source))
        else:
            if kind == "join":
                source = draw(st.sampled_from(nodes))
            groups = {"depthwise": [source.shape[0]], "join": [1]}.get(kind, [1, 1, 2, 3])
            if kind == "join" and not _alike(nodes, source):
                nodes.append(_same_conv(draw, f"same{index}", source))
            nodes.append(_conv(draw, f"{kind}{index}", source, groups, channels))
            if kind == "join":
                nodes[-1] = _joined(draw, nodes, source)
        if nodes[-1].has_weights and nodes[-1].groups == 1 and draw(st.integers(0, 3)) == 0:
            nodes[-1] = _branched(draw, nodes)
        if nodes[-1].activation and min(nodes[-1].shape[1:]) >= 2 and draw(st.sampled_from([True, True, False])):
            nodes.append(_fusable(draw, f"half{index}", nodes[-1]))
    if draw(st.booleans()):
        nodes = _with_units(draw, nodes)
    return Network(name="drawn", nodes=tuple(nodes))


@st.composite
def merged_networks(draw: st.DrawFn, channels: int, size: int) -> Network:
    """Draw layers of parallel parts that read each other: one for everybody and one a unit, or the units' alone."""
    image = Node(name="image", kind="input", shape=(draw(st.integers(1, channels)), *draw(pair(1, size))))
    parts = draw(st.sampled_from([(None, *UNITS), UNITS]))
    nodes, before = [image], dict.fromkeys(parts, image.name)
    for index in range(draw(st.integers(1, 2))):
        side = draw(st.sampled_from([1, 3]))
        made = []
        for unit in parts:
            first = before[unit if None not in parts else None]
            others = [name for name in dict.fromkeys(before.values()) if name != first and draw(st.booleans())]
            node = _conv_like(draw, f"l{index}.{unit or 'all'}", image.shape, side, channels)
            made.append(node.model_copy(update={"inputs": (first, *others), "unit": unit}))
        before = {node.unit: node.name for node in made}
        nodes += made
    return Network(name="merged", nodes=tuple(nodes))


def _conv_like(draw: st.DrawFn, name: str, shape: tuple[int, int, int], side: int, channels: int) -> Node:
    return Node(
        name=name,
        kind="conv",
        inputs=("image",),
        shape=(draw(st.integers(1, channels)), *shape[1:]),
        kernel=(side, side),
        padding=(side // 2, side // 2),
        activation=draw(st.booleans()),
    )


def _with_units(draw: st.DrawFn, nodes: list[Node]) -> list[Node]:
    """Give nodes units so that whoever runs one has its first input."""
    found = [nodes[0]]
    for node in nodes[1:]:
        unit = next(other.unit for other in found if other.name == node.inputs[0])
        drawn = unit if unit is not None else draw(st.sampled_from([None, *UNITS]))
        found.append(node.model_copy(update={"unit": drawn}))
    return found


def _alike(nodes: list[Node], source: Node) -> list[Node]:
    return [node for node in nodes if node.shape[1:] == source.shape[1:] and node.name != source.name]


def _joined(draw: st.DrawFn, nodes: list[Node], source: Node) -> Node:
    """Return the last node with more inputs beside *source*."""
    names = [node.name for node in _alike(nodes[:-1], source)]
    more = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
    return nodes[-1].model_copy(update={"inputs": (source.name, *more)})


def _branched(draw: st.DrawFn, nodes: list[Node]) -> Node:
    """Return the last node with branches, on whatever tensors a window makes fit."""
    *earlier, node = nodes
    windows = [
        (source.name, kernel, stride, padding)
        for source in earlier
        for kernel, stride, padding in product((1, 2, 3), (1, 2), (0, 1))
        if all(
            (extent + 2 * padding - kernel) // stride + 1 == output and extent + 2 * padding >= kernel
            for extent, output in zip(source.shape[1:], node.shape[1:], strict=True)
        )
    ]
    if not windows:
        return node
    drawn = draw(st.lists(st.sampled_from(windows), min_size=1, max_size=2))
    branches = tuple(
        Branch(name=f"b{i}", input=name, kernel=(kernel, kernel), stride=(stride, stride), padding=(padding, padding))
        for i, (name, kernel, stride, padding) in enumerate(drawn)
    )
    return node.model_copy(update={"branches": branches})


def _same_conv(draw: st.DrawFn, name: str, source: Node) -> Node:
    side = draw(st.sampled_from([1, 3]))
    return Node(
        name=name,
        kind="conv",
        inputs=(source.name,),
        shape=source.shape,
        kernel=(side, side),
        padding=(side // 2, side // 2),
        activation=draw(st.booleans()),
    )


def _conv(draw: st.DrawFn, name: str, source: Node, some_groups: list[int], most: int) -> Node:
    channels, height, width = source.shape
    groups = draw(st.sampled_from([g for g in some_groups if channels % g == 0]))
    multiple = draw(st.integers(1, max(1, min(most // groups, 2 if groups > 3 else most))))
    stride = draw(pair(1, 2))
    padding = draw(pair(0, 2))
    kernel = tuple(
        draw(st.integers(1, min(3, extent + 2 * pad))) for extent, pad in zip((height, width), padding, strict=True)
    )
    rows, columns = (
        (extent + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1 for axis, extent in enumerate((height, width))
    )
    return Node(
        name=name,
        kind="conv",
        inputs=(source.name,),
        shape=(groups * multiple, rows, columns),
        kernel=(kernel[0], kernel[1]),
        stride=stride,
        padding=padding,
        groups=groups,
        activation=draw(st.booleans()),
    )


def _pool(draw: st.DrawFn, name: str, source: Node) -> Node:
    kernel, stride, padding, shape = [], [], [], [source.shape[0]]
    for extent in source.shape[1:]:
        kernel.append(draw(st.integers(1, min(3, extent))))
        stride.append(draw(st.integers(1, 3)))
        padding.append(draw(st.integers(0, kernel[-1] // 2)))
        span = extent + 2 * padding[-1] - kernel[-1]
        size = span // stride[-1] + 1
        ceiled = -(-span // stride[-1]) + 1
        # A last window may hang over the edge, but has to begin inside the input or its leading padding.
        if draw(st.booleans()) and (ceiled - 1) * stride[-1] < extent + padding[-1]:
            size = ceiled
        shape.append(size)
    return Node(
        name=name,
        kind=draw(st.sampled_from(["max_pool", "avg_pool"])),
        inputs=(source.name,),
        shape=(shape[0], shape[1], shape[2]),
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        padding=(padding[0], padding[1]),
    )


def _fusable(draw: st.DrawFn, name: str, source: Node) -> Node:
    factor = draw(st.sampled_from([2, 4] if min(source.shape[1:]) >= 4 else [2]))
    side = (factor, factor)
    shape = (source.shape[0], source.shape[1] // factor, source.shape[2] // factor)
    return Node(name=name, kind="max_pool", inputs=(source.name,), shape=shape, kernel=side, stride=side)
