"""Networks that mimesim knows by name; a new one is a file here and a line in ``NETWORKS``."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.networks import tiny, vgg16

__all__ = ["NETWORKS", "build"]

#: Builders by name: each takes the image's side in pixels and the number of classes.
NETWORKS: dict[str, Callable[[int, int], Network]] = {
    "tiny": tiny.build,
    "vgg16": vgg16.build,
}


def build(name: str, size: int, classes: int = 10) -> Network:
    """Return network *name* for square images of *size* pixels a side and a head of *classes* outputs.

    Raises :class:`InputError` where the name is unknown or the network cannot have that size.
    """
    if name not in NETWORKS:
        close = get_close_matches(name, NETWORKS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(NETWORKS))}"
        raise InputError("network", f"no such network; {hint}", key="name", value=name)
    if classes < 1:
        raise InputError("network", "must be at least 1", key="classes", value=classes)
    return NETWORKS[name](size, classes)
