"""The loop nest: which passes an operation runs for a batch, and in which order (``docs/machine.md``, section 4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mimesim.config.schedule import Schedule
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.operations import Operation, Source
from mimesim.schemes import SHARED, Scheme

__all__ = ["Accumulation", "Group", "accumulations", "chunk_runs", "count_passes", "group_images", "weights_owner"]


@dataclass(frozen=True, slots=True)
class Group:
    """Images of one parameter set that share a pass; *owners* names, by source, whose weights it uses.

    None stands for a source that the images do not have. Vector operations have no weights: all are SHARED. *view* is
    the images' view of the inputs' weights, if there are several.
    """

    owners: tuple[str | None, ...]
    images: tuple[Image, ...]
    view: str | None = None

    @property
    def owner(self) -> str:
        """Whose weights the inputs meet; the first source is always present."""
        return self.owners[0] or SHARED


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
    """Return the groups of each parameter set of those images that run the operation, sets by their first image."""
    operation = geometry.operation
    sets: dict[tuple[tuple[str | None, ...], str | None], list[Image]] = {}
    for image in images:
        if image.runs(operation.unit):
            task = image.runner(operation.unit)
            owners = tuple(
                weights_owner(scheme, operation, source, task) if image.runs(source.unit) else None
                for source in operation.sources
            )
            view = scheme.parameters(operation.node, task).view if operation.has_weights else None
            sets.setdefault((owners, view), []).append(image)
    size = geometry.images_per_pass
    return [
        [Group(owners, tuple(members[i : i + size]), view) for i in range(0, len(members), size)]
        for (owners, view), members in sets.items()
    ]


def count_passes(
    geometries: Sequence[Geometry], scheme: Scheme, schedule: Schedule, batches: Iterable[Sequence[Image]]
) -> int:
    """Return how many passes *batches* take, without walking them."""
    whole = schedule.batch_order == "layer_major"
    return sum(
        geometry.passes_with([owner is not None for owner in groups[0].owners]) * len(groups)
        for batch in batches
        for images in ([batch] if whole else [[image] for image in batch])
        for geometry in geometries
        for groups in group_images(geometry, scheme, images)
    )


def weights_owner(scheme: Scheme, operation: Operation, source: Source, task: str) -> str:
    """Return whose weights an image of *task* uses at a *source*; SHARED for an operation without weights."""
    node = operation.node
    if not node.has_weights:
        return SHARED
    if source.branch is not None:
        return scheme.branch(node, source.branch, task).weights_owner
    return scheme.parameters(node, task).weights_owner


def chunk_runs(geometry: Geometry, accumulation: Accumulation) -> Iterator[tuple[int, Group, bool]]:
    """Give each chunk that a group runs, in program order: its number, the group, whether it is the group's last."""
    chunks = geometry.chunks_of[accumulation.channel_tile]
    sources = [geometry.chunks[k].source for k in chunks]
    last = {
        id(group): max(k for k, source in zip(chunks, sources, strict=True) if group.owners[source] is not None)
        for group in accumulation.groups
    }
    for k, source in zip(chunks, sources, strict=True):
        for group in accumulation.groups:
            if group.owners[source] is not None:
                yield k, group, k == last[id(group)]


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
