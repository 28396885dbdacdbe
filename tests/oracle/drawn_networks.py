"""Hypothesis strategies for tiny networks of every kind of layer."""

from __future__ import annotations

from hypothesis import strategies as st

from mimesim.network import Network, Node

__all__ = ["networks", "pair"]


def pair(low: int, high: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def networks(draw: st.DrawFn, most: int = 3, channels: int = 20, size: int = 10) -> Network:
    """Draw a network of 1 to *most* drawn layers; a fused pool may come on top of each."""
    # Small tensors leave room for several images in a pass.
    side = st.one_of(st.integers(1, min(size, 4)), st.integers(1, size))
    shape = (draw(st.integers(1, channels)), draw(side), draw(side))
    nodes = [Node(name="image", kind="input", shape=shape)]
    for index in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(["conv", "conv", "conv", "depthwise", "pool", "add", "linear"]))
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
            nodes.append(_conv(draw, f"{kind}{index}", source, kind == "depthwise", channels))
        if nodes[-1].activation and min(nodes[-1].shape[1:]) >= 2 and draw(st.sampled_from([True, True, False])):
            nodes.append(_fusable(draw, f"half{index}", nodes[-1]))
    return Network(name="drawn", nodes=tuple(nodes))


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


def _conv(draw: st.DrawFn, name: str, source: Node, depthwise: bool, most: int) -> Node:
    channels, height, width = source.shape
    groups = channels if depthwise else draw(st.sampled_from([g for g in (1, 1, 2, 3) if channels % g == 0]))
    multiple = draw(st.integers(1, max(1, min(most // groups, 2 if depthwise else most))))
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
