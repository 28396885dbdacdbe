"""Networks that can be merged: plain chains of convolutions, linear layers and pools, as tracing finds them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

from torch import Tensor, nn

from mimesim.errors import InputError
from mimesim.network import Node, Shape
from mimesim.training.tracing.graph import network_of
from mimesim.training.tracing.model import TracedModel
from mimesim.training.tracing.sites import Site

__all__ = ["HEAD", "Chain", "Link", "chain_of", "common_chain"]

HEAD = "head"
"""What every task's last layer is called, whatever its module's name."""


@dataclass(frozen=True)
class Link:
    """One step of a chain: a layer with weights, with what follows it directly, or a pool.

    *node* is the step in the graph of the single network, None for a pool that changes nothing; *positions* are the
    pixels of each channel that a step reads.
    """

    name: str
    node: Node | None
    positions: int = 1
    bias: bool = False
    norm: tuple[float, float | None] | None = None
    """Epsilon and momentum of a batch norm."""
    activation: type[nn.Module] | None = None
    pool: Callable[[Tensor], Tensor] | None = None

    @property
    def width(self) -> int:
        """Channels or features of the single network's output."""
        return self.node.shape[0] if self.node else 0


@dataclass(frozen=True)
class Chain:
    """The *image* that a chain reads, and its *links*, the head last."""

    image: Shape
    links: tuple[Link, ...]

    @property
    def layers(self) -> tuple[Link, ...]:
        """The links with weights."""
        return tuple(link for link in self.links if link.pool is None)

    def link(self, name: str) -> Link:
        """The link of that *name*."""
        return next(link for link in self.links if link.name == name)


def chain_of(model: TracedModel, size: int) -> Chain:
    """The steps of *model* for images of *size* pixels; an ``InputError`` for what is no plain chain."""
    network = network_of(model, "network", size)
    nodes = {node.name: node for node in network.nodes}
    links: list[Link] = []
    before = "image"
    for site in model.sites:
        if site.inputs != (before,):
            raise InputError("model", "is no plain chain, and only chains can be merged", key=site.name)
        before = site.name
        node = nodes.get(site.name)
        if site.pool is not None:
            links.append(Link(site.name, node, pool=_pool(site)))
            continue
        if node is None or node.groups > 1:
            raise InputError("model", "has groups, and only dense layers can be merged", key=site.name)
        links.append(_layer(model, site, node, network.input_shape(node)))
    if any(link.name == HEAD for link in links[:-1]):
        raise InputError("model", f"has a layer {HEAD!r} that is not its last: give it another name")
    last = links[-1]
    if last.node is not None:
        links[-1] = replace(last, name=HEAD, node=last.node.model_copy(update={"name": HEAD}))
    return Chain(network.input.shape, tuple(links))


def common_chain(models: Mapping[str, TracedModel], size: int) -> Chain:
    """The chain of the networks of several tasks, which may differ in widths and classes alone."""
    chains = {task: chain_of(model, size) for task, model in models.items()}
    first, *others = chains.items()
    for task, chain in others:
        for mine, theirs in zip_longest(first[1].links, chain.links):
            if mine is None or theirs is None or _form(mine) != _form(theirs):
                rule = f"differs from that of {first[0]!r}: only widths may"
                raise InputError(f"network of task {task!r}", rule, key=(theirs or mine).name)
    return first[1]


def _form(link: Link) -> object:
    """All that must be the same in networks that are merged."""
    node = link.node and link.node.model_copy(update={"shape": (1, *link.node.shape[1:])})
    return node, replace(link, node=None, pool=None)


def _layer(model: TracedModel, site: Site, node: Node, reads: tuple[int, int, int]) -> Link:
    activation = model.activations.get(site.name)
    if activation is not None and type(activation) not in (nn.ReLU, nn.ReLU6):
        rule = f"has a {type(activation).__name__}; only networks with ReLU can be merged"
        raise InputError("model", rule, key=site.name)
    norm = model.norms.get(site.name)
    return Link(
        name=site.name,
        node=node,
        positions=reads[1] * reads[2] if site.kind == "linear" else 1,
        bias=model.layers[site.name].bias is not None,
        norm=(norm.eps, norm.momentum) if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d) else None,
        activation=type(activation) if activation is not None else None,
    )


def _pool(site: Site) -> Callable[[Tensor], Tensor]:
    return nn.AdaptiveAvgPool2d(1) if site.pool == "global" else copy.deepcopy(site.pool)
