"""The network a simulator replays, read off the model that was trained."""

from __future__ import annotations

from torch import nn

from mimesim.errors import InputError
from mimesim.network import Network, Node
from mimesim.training.models import Layer, Vgg

__all__ = ["network_of"]


def network_of(model: Vgg, name: str, size: int, classes: int | None = None) -> Network:
    """The graph of *model* for square images of *size* pixels, batch norm folded.

    *classes* replaces the size of the model's own head, for a graph that several tasks share. The size must be one at
    which the adaptive pool before the first hidden layer does nothing, since the graph has no such node.
    """
    nodes = [Node(name="image", kind="input", shape=(model.shape.channels, size, size))]
    shapes = model.output_shapes(size)
    last_map = (model.shape.channels, size, size)
    for node_name, shape in shapes.items():
        module, inputs = model.nodes[node_name], (nodes[-1].name,)
        if len(shape) == 3:
            channels, height, width = shape
            last_map = (channels, height, width)
            if isinstance(module, nn.MaxPool2d):
                pool = Node(
                    name=node_name, kind="max_pool", inputs=inputs, shape=last_map, kernel=(2, 2), stride=(2, 2)
                )
                nodes.append(pool)
                continue
            conv = Node(
                name=node_name, kind="conv", inputs=inputs, shape=last_map, kernel=(3, 3), padding=(1, 1),
                activation=True,
            )  # fmt: skip
            nodes.append(conv)
            continue
        hidden = isinstance(module, Layer)
        features = shape[0] if hidden or classes is None else classes
        nodes.append(Node(name=node_name, kind="linear", inputs=inputs, shape=(features, 1, 1), activation=hidden))
    if last_map[1] != model.shape.positions:
        rule = f"the hidden layers read {model.shape.positions} positions a side, but pooling leaves {last_map[1]}"
        raise InputError("recording", rule, key="size_px", value=size)
    return Network(name=name, nodes=tuple(nodes))
