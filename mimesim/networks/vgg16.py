"""VGG16 (Simonyan and Zisserman, 2015, configuration D), the network of the paper."""

from __future__ import annotations

from mimesim.errors import InputError
from mimesim.network import Network, Node

__all__ = ["build"]

#: Output channels of the thirteen convolutions, and the convolutions that a pool follows.
CHANNELS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
POOLED = (2, 4, 7, 10, 13)
HIDDEN = 4096


def build(size: int, classes: int) -> Network:
    """Return VGG16 for images of 3 x *size* x *size*; *size* is a multiple of 32, which five halvings need.

    The layers are called ``conv1`` to ``conv13``, ``pool1`` to ``pool5``, the hidden linear layers ``conv14`` and
    ``conv15`` (the paper counts them on) and ``classifier``. ``conv14`` reads the 512 x size/32 x size/32 values of
    ``pool5`` directly: no pooling to 7 x 7 as torchvision does, whose weights fold into this exactly.
    """
    if size < 32 or size % 32:
        raise InputError("network vgg16", "must be a multiple of 32", key="size", value=size)
    nodes = [Node(name="image", kind="input", shape=(3, size, size))]
    for index, channels in enumerate(CHANNELS, start=1):
        nodes.append(
            Node(
                name=f"conv{index}",
                kind="conv",
                inputs=(nodes[-1].name,),
                shape=(channels, size, size),
                kernel=(3, 3),
                padding=(1, 1),
                activation=True,
            )
        )
        if index in POOLED:
            size //= 2
            pool = f"pool{POOLED.index(index) + 1}"
            previous = (nodes[-1].name,)
            shape = (channels, size, size)
            nodes.append(Node(name=pool, kind="max_pool", inputs=previous, shape=shape, kernel=(2, 2), stride=(2, 2)))
    for name in ("conv14", "conv15"):
        hidden = (HIDDEN, 1, 1)
        nodes.append(Node(name=name, kind="linear", inputs=(nodes[-1].name,), shape=hidden, activation=True))
    nodes.append(Node(name="classifier", kind="linear", inputs=(nodes[-1].name,), shape=(classes, 1, 1)))
    return Network(name="vgg16", nodes=tuple(nodes))
