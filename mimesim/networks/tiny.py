"""A network of one of each: small enough for a test or an example to run in a blink."""

from __future__ import annotations

from mimesim.errors import InputError
from mimesim.network import Network, Node

__all__ = ["build"]


def build(size: int, classes: int) -> Network:
    """Return the tiny network for images of 3 x *size* x *size*; *size* is even and at least 4.

    Two convolutions, a max-pool that can be fused with the second, a depthwise separable block with a residual
    addition, a global average pool and a linear head.
    """
    if size < 4 or size % 2:
        raise InputError("network tiny", "must be even and at least 4", key="size", value=size)
    full, half = (size, size), (size // 2, size // 2)
    same = {"kernel": (3, 3), "padding": (1, 1), "activation": True}
    specs: list[dict[str, object]] = [
        {"name": "image", "kind": "input", "shape": (3, *full)},
        {"name": "conv1", "kind": "conv", "inputs": ("image",), "shape": (16, *full), **same},
        {"name": "conv2", "kind": "conv", "inputs": ("conv1",), "shape": (32, *full), **same},
        {"name": "pool", "kind": "max_pool", "inputs": ("conv2",), "shape": (32, *half)} | _window(2, 2),
        {"name": "depthwise", "kind": "conv", "inputs": ("pool",), "shape": (32, *half), "groups": 32, **same},
        {"name": "pointwise", "kind": "conv", "inputs": ("depthwise",), "shape": (32, *half)},
        {"name": "add", "kind": "add", "inputs": ("pool", "pointwise"), "shape": (32, *half), "activation": True},
        {"name": "average", "kind": "avg_pool", "inputs": ("add",), "shape": (32, 1, 1)} | _window(*half),
        {"name": "head", "kind": "linear", "inputs": ("average",), "shape": (classes, 1, 1)},
    ]
    return Network(name="tiny", nodes=tuple(Node.model_validate(spec) for spec in specs))


def _window(height: int, width: int) -> dict[str, object]:
    return {"kernel": (height, width), "stride": (height, width)}
