"""The loop nest: which passes an operation runs for a batch, and in which order (``docs/machine.md``, section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mimesim.config.schedule import Schedule
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schemes import SHARED, Scheme

__all__ = ["Accumulation", "Group", "accumulations", "group_images"]


@dataclass(frozen=True, slots=True)
class Group:
    """Images of one parameter set that share a pass; *owner* names the set's weights."""

    owner: str
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Accumulation:
    """One use of a bank of partial sums: all chunks of some position tiles of a channel tile, for some groups.

    *scope* counts the iterations of the loop outside the position loop: within one, weights may be worth pinning.
    """

    channel_tile: int
    position_tiles: range
    groups: tuple[Group, ...]
    scope: int


def group_images(geometry: Geometry, scheme: Scheme, images: Sequence[Image]) -> list[list[Group]]:
    """Return the groups of each parameter set, sets ordered by their first image."""
    node = geometry.operation.node
    sets: dict[str, list[Image]] = {}
    for image in images:
        owner = scheme.parameters(node, image.task).weights_owner if node.has_weights else SHARED
        sets.setdefault(owner, []).append(image)
    size = geometry.images_per_pass
    return [
        [Group(owner, tuple(members[i : i + size])) for i in range(0, len(members), size)]
        for owner, members in sets.items()
    ]


def accumulations(geometry: Geometry, schedule: Schedule, sets: list[list[Group]]) -> Iterator[Accumulation]:
    """Walk the outer loops of an operation, in program order; raises :class:`InputError` if one image is too much."""
    slots = geometry.slots(schedule)
    steps = geometry.position_steps(schedule)
    tiles = range(len(geometry.channel_tiles))
    # Sets inside the position loop accumulate together; outside, each set runs on its own.
    streams = [[group for groups in sets for group in groups]] if schedule.set_order == "inner" else sets
    scope = 0
    if schedule.tile_order == "channel_outer":
        for tile in tiles:
            for stream in streams:
                for step in steps:
                    for start in range(0, len(stream), slots):
                        yield Accumulation(tile, step, tuple(stream[start : start + slots]), scope)
            scope += 1
        return
    for stream in streams:
        for step in steps:
            for tile in tiles:
                for start in range(0, len(stream), slots):
                    yield Accumulation(tile, step, tuple(stream[start : start + slots]), scope)
