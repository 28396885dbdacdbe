"""The network a simulator replays, read off the model that was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any, cast

from pydantic import ValidationError
from torch import nn

from mimesim.errors import InputError
from mimesim.network import Network, Node
from mimesim.training.tracing.model import TracedModel
from mimesim.training.tracing.side import SidePath
from mimesim.training.tracing.sites import Site

__all__ = ["heads_apart", "network_of"]

Shape = tuple[int, int, int]


def network_of(model: TracedModel, name: str, size: int, classes: int | None = None) -> Network:
    """The graph of *model* for square images of *size* pixels, batch norm folded.

    *classes* replaces the size of the model's own head, for a graph that several tasks share. Raises ``InputError``
    for a layer that the simulator does not have at this size: a dilated convolution, or an adaptive pool that does
    not cut its input into equal windows.
    """
    layers = model.layers
    # before anything runs: what PyTorch would warn of is refused
    convolutions = {s.name: _convolution(s, cast("nn.Conv2d", layers[s.name])) for s in model.sites if s.kind == "conv"}
    image = (model.channels, size, size)
    found = {site: _three(shape) for site, shape in model.output_shapes(size).items()} | {"image": image}
    nodes = [Node(name="image", kind="input", shape=image)]
    replaced: dict[str, str] = {}
    for site in model.sites:
        inputs = tuple(replaced.get(source, source) for source in site.inputs)
        shape, before = found[site.name], found[site.inputs[0]]
        window: dict[str, Any] = {}
        if site.kind == "conv":
            window = convolutions[site.name]
            reads = cast("nn.Conv2d", layers[site.name]).in_channels
            if reads != before[0]:
                rule = f"reads {reads} channels, but the layer before it has {before[0]}: it must read that whole"
                raise InputError("model", rule, key=site.name)
        elif site.pool is not None:
            window = _pool(site, before, shape)
            if site.kind == "avg_pool" and window["kernel"] == (1, 1) and shape == before:
                replaced[site.name] = inputs[0]
                continue
        elif site.kind == "linear":
            layer = layers[site.name]
            if layer.weight.shape[1] != prod(before):
                rule = f"reads {layer.weight.shape[1]} of the {prod(before)} values before it: only whole inputs"
                raise InputError("model", rule, key=site.name)
            if site is model.head_site and classes is not None:
                shape = (classes, 1, 1)
        fields = window | {"shape": shape, "activation": bool(site.activation)}
        layer_of = layers.get(site.name)
        with _simulable():
            if isinstance(layer_of, SidePath):
                before_it, fields["branches"] = layer_of.graph(site.name, inputs[0], shape)
                nodes += before_it
            nodes.append(Node(name=site.name, kind=site.kind, inputs=inputs, **fields))
    with _simulable():
        return Network(name=name, nodes=tuple(nodes))


def heads_apart(network: Network, classes: Mapping[str, int]) -> Network:
    """*network* with a head for each task, of as many *classes* and of the unit called like the task, in the place of
    its own: of several tasks on one picture, what stands before the heads can then run once."""
    *body, head = network.nodes
    fields = head.model_dump()
    heads = [
        Node.model_validate(fields | {"name": f"{head.name}.{task}", "shape": (count, 1, 1), "unit": task})
        for task, count in classes.items()
    ]
    return Network(name=network.name, nodes=(*body, *heads))


@contextmanager
def _simulable() -> Iterator[None]:
    """What a node or a network finds wrong with itself is the model's fault."""
    try:
        yield
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise InputError("model", f"cannot be simulated at this size: {reason}") from error


def _three(shape: tuple[int, ...]) -> Shape:
    channels, height, width = (*shape, 1, 1)[:3]
    return channels, height, width


def _pair(value: Any) -> tuple[int, int]:
    first, second = value if isinstance(value, tuple | list) else (value, value)
    return int(first), int(second)


def _convolution(site: Site, layer: nn.Conv2d) -> dict[str, Any]:
    padding: Any = layer.padding
    if isinstance(padding, str):
        same = padding == "same" and all(extent % 2 for extent in layer.kernel_size)
        if padding == "same" and not same:
            raise InputError("model", "same padding needs odd kernels", key=site.name, value=layer.kernel_size)
        padding = tuple(extent // 2 for extent in layer.kernel_size) if same else (0, 0)
    if _pair(layer.dilation) != (1, 1):
        raise InputError("model", "dilated convolutions are not simulated", key=site.name, value=layer.dilation)
    if layer.padding_mode != "zeros":
        raise InputError("model", "only padding with zeros is simulated", key=site.name, value=layer.padding_mode)
    return {
        "kernel": _pair(layer.kernel_size),
        "stride": _pair(layer.stride),
        "padding": _pair(padding),
        "groups": layer.groups,
    }


def _pool(site: Site, before: Shape, shape: Shape) -> dict[str, Any]:
    pool = site.pool
    if isinstance(pool, nn.MaxPool2d | nn.AvgPool2d):
        if isinstance(pool, nn.MaxPool2d) and _pair(pool.dilation) != (1, 1):
            raise InputError("model", "dilated pools are not simulated", key=site.name, value=pool.dilation)
        stride = pool.stride if pool.stride is not None else pool.kernel_size
        return {"kernel": _pair(pool.kernel_size), "stride": _pair(stride), "padding": _pair(pool.padding)}
    kernel = (before[1] // shape[1], before[2] // shape[2])
    if before[1] != kernel[0] * shape[1] or before[2] != kernel[1] * shape[2]:
        rule = f"makes {shape[1]} x {shape[2]} of {before[1]} x {before[2]} positions: its windows must be equal"
        raise InputError("model", rule, key=site.name)
    return {"kernel": kernel, "stride": kernel}
