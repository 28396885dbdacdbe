"""The nodes of the simulated network in a model, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mimesim.network import Kind

__all__ = ["Naming", "Site", "by_path", "numbered"]


@dataclass(frozen=True)
class Site:
    """One node of the network in the model: the modules that make it, and the fx node whose value it writes."""

    name: str
    kind: Kind
    output: str
    inputs: tuple[str, ...]
    weights: str | None = None
    norm: str | None = None
    activation: str | None = None
    pool: Any = None
    """For a pool: its module, or ``"global"`` for a mean over all positions."""


Naming = Callable[[Sequence[Site]], dict[str, str]]
"""From sites, named by the path of their module, to other names of some of them."""


def by_path(_sites: Sequence[Site]) -> dict[str, str]:
    """Nodes are called as their modules are."""
    return {}


def numbered(sites: Sequence[Site]) -> dict[str, str]:
    """As the MIME paper counts: every layer with weights is ``conv1``, ``conv2`` ... but the last, ``classifier``."""
    names: dict[str, str] = {}
    layers = [site.name for site in sites if site.weights]
    names |= {name: f"conv{number}" for number, name in enumerate(layers[:-1], 1)}
    names[layers[-1]] = "classifier"
    pools = [site.name for site in sites if site.kind == "max_pool"]
    return names | {name: f"pool{number}" for number, name in enumerate(pools, 1)}
