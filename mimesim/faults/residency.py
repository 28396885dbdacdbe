"""Which copies of parameter blocks a case makes, and which sums use each of them.

The caches of the machine are driven through the passes of the program, in program order, as its controller does
(``docs/machine.md``, section 6.1). What hits depends on the order alone, so nothing is timed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from mimesim.faults.upsets import Ints
from mimesim.machine.cache import Cache, make_caches, no_victims
from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Accumulation, Group, accumulations, chunk_runs, group_images
from mimesim.schedule.memory_map import ActivationRegion
from mimesim.schedule.program import CasePlan, Phase

__all__ = ["BatchCopies", "Copies", "walk"]


@dataclass(frozen=True)
class Copies:
    """Copies of one kind that one operation uses in one batch.

    Per copy: *addresses* of its block, *blocks* its number within one owner's, *fresh* whether it is made in this
    batch (else it is what an earlier one left), *last* whether no later copy of this block follows in the batch.
    Copy *i* is used by uses starts[i] to starts[i + 1]; a use is a position tile (*tiles*) of a group of images
    (*groups*, rows of *members*: places in the batch, -1 where there is none).
    """

    addresses: Ints
    blocks: Ints
    fresh: npt.NDArray[np.bool_]
    last: npt.NDArray[np.bool_]
    starts: Ints
    groups: Ints
    tiles: Ints
    members: Ints

    def __len__(self) -> int:
        """Copies."""
        return len(self.addresses)


@dataclass(frozen=True)
class BatchCopies:
    """The copies of one batch by operation: weights in the cache and in the scratchpads, thresholds in the cache."""

    weights: dict[int, Copies]
    fills: dict[int, Copies]
    thresholds: dict[int, Copies]


class _Collector:
    """Gathers the copies of one operation and kind."""

    def __init__(self) -> None:
        self._addresses: list[int] = []
        self._blocks: list[int] = []
        self._fresh: list[bool] = []
        self._uses: list[tuple[int, int, int]] = []
        self._groups: dict[tuple[int, ...], int] = {}
        #: The copy of each block that is in use, by address.
        self.current: dict[int, int] = {}

    def copy(self, address: int, block: int, made: bool) -> int:
        """Return the copy that is used from now on: a new one if it was just *made* or is from an earlier batch."""
        if made or address not in self.current:
            self.current[address] = len(self._addresses)
            self._addresses.append(address)
            self._blocks.append(block)
            self._fresh.append(made)
        return self.current[address]

    def use(self, copy: int, images: tuple[int, ...], tile: int) -> None:
        """Let *images* of the batch use *copy* at a position tile."""
        self._uses.append((copy, self._groups.setdefault(images, len(self._groups)), tile))

    def copies(self) -> Copies:
        """Return what was gathered."""
        uses = np.array(self._uses, np.int64).reshape(-1, 3)
        uses = uses[np.argsort(uses[:, 0], kind="stable")]
        count = len(self._addresses)
        width = max(map(len, self._groups))
        last = np.zeros(count, np.bool_)
        last[list(self.current.values())] = True
        return Copies(
            np.array(self._addresses, np.int64),
            np.array(self._blocks, np.int64),
            np.array(self._fresh, np.bool_),
            last,
            np.searchsorted(uses[:, 0], np.arange(count + 1)),
            uses[:, 1],
            uses[:, 2],
            np.array([[*images, *[-1] * (width - len(images))] for images in self._groups], np.int64),
        )


def walk(plan: CasePlan) -> Iterator[BatchCopies]:
    """Give the copies of each batch of *plan*, in order; the caches start empty."""
    walker = _Walker(plan)
    for number, phases in groupby(plan.phases(), key=lambda phase: phase.record.batch):
        yield walker.batch(plan.batches[number], list(phases))


class _Walker:
    """The caches of a case, and where its blocks lie."""

    def __init__(self, plan: CasePlan) -> None:
        self._plan = plan
        hardware = plan.hardware
        self._caches = make_caches(hardware.caches, hardware.word_bits)
        self._burst_words = hardware.burst_words
        #: Activations matter only where they push parameters out.
        self._unified = hardware.caches.organisation == "unified"
        self._phases = 0
        self._dead: list[ActivationRegion] = []
        placement = plan.placement
        self._weights = {
            block.address: (position, key)
            for (position, _), blocks in placement.weights.items()
            for key, block in blocks.items()
        }

    def batch(self, batch: Sequence[Image], phases: Sequence[Phase]) -> BatchCopies:
        """Walk the passes of one batch."""
        self._places = {image.index: place for place, image in enumerate(batch)}
        self._found: tuple[dict[int, _Collector], ...] = ({}, {}, {})
        for phase in phases:
            self._phase(phase, [image for image in batch if image.index in phase.record.images])
            self._phases += 1
        cached, fills, thresholds = (
            {position: one.copies() for position, one in found.items() if one.current} for found in self._found
        )
        return BatchCopies(cached, fills, thresholds)

    def _phase(self, phase: Phase, images: Sequence[Image]) -> None:
        plan, geometry = self._plan, self._plan.geometries[phase.position]
        weighted = geometry.operation.has_weights
        numbers = {key: number for number, key in enumerate(_weight_keys(geometry))} if weighted else {}
        cached, fills, thresholds = (found.setdefault(phase.position, _Collector()) for found in self._found)
        sets = group_images(geometry, plan.scheme, images)
        order = _passes(geometry, accumulations(geometry, plan.schedule, sets))
        current, scope, copies, job = -1, -1, (0, 0), 0
        for place, (group, tile, channel_tile, last) in enumerate(order):
            if phase.scope[place] != scope:
                scope = phase.scope[place]
                for cache in self._caches:
                    cache.enter((self._phases << 32) + scope, self._phases)
            users = tuple(self._places[image.index] for image in group.images)
            if weighted:
                if phase.fill[place] != current:
                    current = phase.fill[place]
                    block = phase.fills[current].block
                    # What no cache holds is read anew for each fill.
                    hit = not block.in_envm and self._look_up(
                        self._caches[WEIGHTS], block.address, block.bursts, WEIGHTS
                    )
                    number = numbers[self._weights[block.address][1]]
                    mask = phase.fills[current].mask
                    if mask is not None and not mask.in_envm:
                        self._look_up(self._caches[WEIGHTS], mask.address, mask.bursts, WEIGHTS)
                    # Every fill is a copy of its own, in each PE.
                    copies = cached.copy(block.address, number, not hit), fills.copy(block.address, number, True)
                cached.use(copies[0], users, tile)
                fills.use(copies[1], users, tile)
            if self._unified:
                if place == 0:
                    self._drop_dead()
                for region, touched in phase.lookups[place]:
                    addresses, words = self._lines(region, touched)
                    self._caches[ACTIVATIONS].lookup_all(addresses, words, ACTIVATIONS, 0, no_victims())
            if last:
                self._thresholds(thresholds, phase.position, group, channel_tile, tile)
                for region, completed in phase.jobs[job].outputs if self._unified else ():
                    addresses, words = self._lines(region, completed)
                    self._caches[ACTIVATIONS].allocate(addresses, words, 0, no_victims())
                job += 1
            for cache in self._caches:
                cache.forget()
        self._dead = phase.dead

    def _lines(self, region: ActivationRegion, blocks: Sequence[int]) -> tuple[list[int], int]:
        """Return the addresses of *blocks*, and the words that each takes in a cache."""
        return [region.address + region.slot * block for block in blocks], region.slot * self._burst_words

    def _drop_dead(self) -> None:
        cache = self._caches[ACTIVATIONS]
        # The weights that came before may have pushed out, dirty, some of what would be dropped now.
        cache.forget()
        for region in self._dead:
            cache.drop(region.address, region.end)

    def _thresholds(self, found: _Collector, position: int, group: Group, channel_tile: int, tile: int) -> None:
        """Look up the threshold blocks of a drain job: each distinct one once, in the order of the images."""
        placement, geometry = self._plan.placement, self._plan.geometries[position]
        users: dict[str, list[int]] = {}
        for image in group.images:
            task = image.runner(geometry.operation.unit)
            if (position, task) in placement.thresholds:
                users.setdefault(task, []).append(self._places[image.index])
        for task, places in users.items():
            block = placement.thresholds[position, task][channel_tile, tile]
            per_channel = placement.parameters(position, task).thresholds == "channel"
            number = channel_tile if per_channel else channel_tile * len(geometry.position_tiles) + tile
            hit = self._look_up(self._caches[THRESHOLDS], block.address, block.bursts, THRESHOLDS)
            found.use(found.copy(block.address, number, not hit), tuple(places), tile)
        for task in dict.fromkeys(image.runner(geometry.operation.unit) for image in group.images):
            if norms := placement.norms.get((position, task)):
                # Nobody asks about these, but in a cache they take their room.
                block = norms[channel_tile]
                if not block.in_envm:
                    self._look_up(self._caches[THRESHOLDS], block.address, block.bursts, THRESHOLDS)

    def _look_up(self, cache: Cache, address: int, bursts: int, kind: int) -> bool:
        return cache.lookup(address, bursts * self._burst_words, kind, 0, no_victims())


def _weight_keys(geometry: Geometry) -> list[tuple[int, int]]:
    return [(tile, k) for tile in range(len(geometry.channel_tiles)) for k in geometry.chunks_of[tile]]


def _passes(geometry: Geometry, walked: Iterator[Accumulation]) -> Iterator[tuple[Group, int, int, bool]]:
    """Give (group, position tile, channel tile, whether it is the last chunk) of each pass, in program order."""
    for accumulation in walked:
        for _, group, last in chunk_runs(geometry, accumulation):
            for tile in accumulation.position_tiles:
                yield group, tile, accumulation.channel_tile, last
