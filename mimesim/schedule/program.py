"""The program of a case: every phase's passes, fills, lookups and drains, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule, Skipping
from mimesim.ledger import SHARED_IMAGE, PhaseRecord
from mimesim.network import Network
from mimesim.schedule.costs import CostBook, ImageCosts, PassCosts, drain_cycles, fill_cycles
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Accumulation, Group, accumulations, chunk_runs, group_images
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock
from mimesim.schedule.part_cycles import part_cycles
from mimesim.schedule.placement import Placement
from mimesim.schemes import Scheme

__all__ = ["CasePlan", "DrainJob", "Fill", "Phase", "ThresholdUse", "plan_case"]

#: (region, numbers of blocks) that a pass looks up.
Lookups = list[tuple[ActivationRegion, list[int]]]


@dataclass(slots=True)
class Fill:
    """A copy of one weight block of *owner* into the scratchpads; *cycles* on the NoC, *image* it is booked under.

    *view* is whose zeros it has, if they differ, and *mask*, booked under *mask_image*, the block that says which.
    """

    block: ParameterBlock
    cycles: int
    image: int
    owner: str
    view: str | None = None
    mask: ParameterBlock | None = None
    mask_image: int = SHARED_IMAGE


@dataclass(slots=True)
class ThresholdUse:
    """A block of *task* that a drain job needs, of thresholds or of norm, and the image it is booked under."""

    block: ParameterBlock
    image: int
    task: str
    tensor: Literal["thresholds", "norm"] = "thresholds"


@dataclass(slots=True)
class DrainJob:
    """Compare, mask, pool and write out one position tile of one group, once pass *after* of the phase is done.

    *thresholds* are the blocks it loads, those of norm last, *writes* the runs (address, bursts) of the activation
    blocks it completes and writes to DRAM, *outputs* those, as (region, numbers of blocks), that go into a cache if
    there is room. Of *cycles*, the first *load_cycles* read thresholds, the last *store_cycles* write into a cache.
    """

    after: int
    cycles: int
    thresholds: list[ThresholdUse]
    writes: list[tuple[int, int]]
    outputs: list[tuple[ActivationRegion, list[int]]] = field(default_factory=list)
    load_cycles: int = 0
    store_cycles: int = 0


@dataclass(slots=True)
class Phase:
    """One operation for the images of one phase; the lists that are not said otherwise hold one entry per pass.

    *position*: which operation of the network. *cycles*: length of the pass. *fill*: number of the fill it uses, -1 for
    none. *lookups*: (region, numbers of blocks) pairs. *accumulation*: its index in the phase when the pass is the
    first of one, else -1. *group*: whose pass it is. *scope*: see :class:`Accumulation`. *mapped_pes*: PEs that hold an
    output. *rows* and *feed_cycles*: cycles of each row and of the activation network, where rows may drift (``barrier:
    tile``); the network's also where banks may collide. *jobs_of*, per accumulation: drain jobs up to its end. *dead*:
    what no later phase reads.
    """

    record: PhaseRecord
    position: int
    mapped_pes: list[int] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    fill: list[int] = field(default_factory=list)
    lookups: list[Lookups] = field(default_factory=list)
    accumulation: list[int] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    scope: list[int] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    feed_cycles: list[int] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    jobs: list[DrainJob] = field(default_factory=list)
    jobs_of: list[int] = field(default_factory=list)
    dead: list[ActivationRegion] = field(default_factory=list)


@dataclass
class CasePlan:
    """What one case replays: its batches, and where everything lies; *tasks* are those whose parameters are stored."""

    network: Network
    scheme: Scheme
    skipping: Skipping
    hardware: Hardware
    schedule: Schedule
    batches: list[list[Image]]
    geometries: list[Geometry]
    book: CostBook
    placement: Placement
    tasks: tuple[str, ...]

    def writes_back(self, position: int, image: Image) -> bool:
        """Return whether what *image* puts out at operation *position* may stay in a cache."""
        return self.hardware.caches.write_policy == "write_back" and self.placement.is_read(position, image.task)

    def phases(self) -> Iterator[Phase]:
        """Build the phases one after the other, in program order; none where no image runs the operation."""
        first = True
        for number, batch in enumerate(self.batches):
            self.placement.begin_batch(number)
            runs = [batch] if self.schedule.batch_order == "layer_major" else [[image] for image in batch]
            for images in runs:
                for position, geometry in enumerate(self.geometries):
                    running = [image for image in images if image.runs(geometry.operation.unit)]
                    if running:
                        yield _Builder(self, number, batch, running, position).build(first=first)
                        first = False


def plan_case(
    network: Network,
    scheme: Scheme,
    skipping: Skipping,
    hardware: Hardware,
    schedule: Schedule,
    batches: list[list[Image]],
    tasks: Sequence[str],
    book: CostBook,
) -> CasePlan:
    """Plan a case; raises :class:`InputError` where the machine is too small for it."""
    geometries = book.geometries(network, hardware)
    placement = Placement(network, geometries, scheme, skipping, batches, tasks, book)
    for geometry in geometries:
        geometry.slots(schedule)
    return CasePlan(network, scheme, skipping, hardware, schedule, batches, geometries, book, placement, tuple(tasks))


class _Builder:
    """Fills the lists of one phase: operation *position* for *images* of batch *number*, all of which run it."""

    def __init__(
        self, plan: CasePlan, number: int, batch: Sequence[Image], images: Sequence[Image], position: int
    ) -> None:
        self.plan = plan
        self.geometry = plan.geometries[position]
        self.position = position
        operation = self.geometry.operation
        self.images = images
        self.weighted = operation.has_weights
        self.cached = {image.index for image in images if plan.writes_back(position, image)}
        self.sets = group_images(self.geometry, plan.scheme, images)
        self.costs: dict[int, ImageCosts] = {
            image.index: plan.book.costs(self.geometry, image, plan.skipping) for image in images
        }
        record = PhaseRecord(number, operation.name, operation.kind, tuple(image.index for image in images))
        self.phase = Phase(record, position)
        self.inputs = {image.index: plan.placement.inputs(position, image) for image in images}
        owners = {pair for groups in self.sets for group in groups for pair in enumerate(group.owners)}
        self.users = {
            (source, owner): plan.placement.weights_booked_under(position, owner, batch, source)
            for source, owner in owners
            if owner is not None
        }
        views = {group.view for groups in self.sets for group in groups if group.view is not None}
        self.mask_users = {view: plan.placement.masks_booked_under(position, view, batch) for view in views}
        self.threshold_users = {
            image.index: plan.placement.thresholds_booked_under(image, batch, operation.unit) for image in images
        }
        if plan.hardware.caches.write_policy == "write_back":
            self.phase.dead = [region for image in images for region in plan.placement.read_last(position, image)]
        self._prepare_groups()

    def _prepare_groups(self) -> None:
        """Work out cycles and lookups of each group by [position tile][chunk]."""
        plan, geometry = self.plan, self.geometry
        self.number_of: dict[int, int] = {}
        self.group_cycles: list[list[list[int]]] = []
        self.group_costs: list[PassCosts] = []
        self.group_lookups: list[list[list[Lookups]]] = []
        self.drifts = plan.schedule.barrier == "tile"
        self.feeds = self.drifts or plan.hardware.caches.banks is not None
        windows = geometry.windows
        for groups in self.sets:
            for group in groups:
                self.number_of[id(group)] = len(self.phase.groups)
                self.phase.groups.append(group)
                costs = PassCosts.of(geometry, [self.costs[image.index] for image in group.images], plan.skipping)
                self.group_costs.append(costs)
                self.group_cycles.append(costs.cycles.tolist())
                regions = [self.inputs[image.index] for image in group.images]
                self.group_lookups.append(
                    [
                        [
                            [(there, touched) for inputs in regions if (there := inputs[chunk.source]) is not None]
                            for chunk, touched in zip(geometry.chunks, by_chunk, strict=True)
                        ]
                        for by_chunk in windows
                    ]
                )

    def build(self, *, first: bool) -> Phase:
        """Walk the loop nest; *first*: no phase ran before."""
        for index, accumulation in enumerate(accumulations(self.geometry, self.plan.schedule, self.sets)):
            self._accumulate(index, accumulation)
        record = self.phase.record
        record.passes = len(self.phase.cycles)
        record.parts = part_cycles(self.plan.hardware, self.geometry, self.phase, self.group_costs, first=first)
        return self.phase

    def _accumulate(self, index: int, accumulation: Accumulation) -> None:
        phase, tile = self.phase, accumulation.channel_tile
        first, last = self.geometry.channel_tiles[tile]
        places = [(place, self.geometry.position_tiles[place].positions) for place in accumulation.position_tiles]
        begin = len(phase.cycles)
        for k, group, ends in chunk_runs(self.geometry, accumulation):
            number = self.number_of[id(group)]
            fill = self._fill(group, tile, k) if self.weighted else -1
            cycles, lookups, costs = self.group_cycles[number], self.group_lookups[number], self.group_costs[number]
            for place, positions in places:
                phase.cycles.append(cycles[place][k])
                phase.lookups.append(lookups[place][k])
                phase.fill.append(fill)
                phase.group.append(number)
                phase.mapped_pes.append((last - first) * positions * len(group.images))
                if self.feeds:
                    phase.feed_cycles.append(int(costs.feed[place, k]) + 1)
                if self.drifts:
                    phase.rows.append(costs.rows(place, k))
                if ends:
                    phase.jobs.append(self._drain(group, tile, place))
        count = len(phase.cycles) - begin
        phase.accumulation += [index] + [-1] * (count - 1)
        phase.scope += [accumulation.scope] * count
        phase.jobs_of.append(len(phase.jobs))

    def _fill(self, group: Group, tile: int, k: int) -> int:
        """Return the number of the fill that a pass uses: the latest one, if it is of the same block."""
        phase, source = self.phase, self.geometry.chunks[k].source
        owner = group.owners[source]
        assert owner is not None  # noqa: S101 - chunks of absent sources are left out
        block = self.plan.placement.weights[self.position, owner][tile, k]
        view = group.view if self.geometry.operation.sources[source].branch is None else None
        if not phase.fills or phase.fills[-1].block is not block or phase.fills[-1].view != view:
            fill = Fill(block, 0, self.users[source, owner], owner, view)
            if (masks := self.plan.placement.masks.get((self.position, view or ""))) is not None:
                fill.mask, fill.mask_image = masks[tile, k], self.mask_users[view or ""]
            fill.cycles = fill_cycles(self.plan.hardware, block, fill.mask)
            phase.fills.append(fill)
        return len(phase.fills) - 1

    def _drain(self, group: Group, tile: int, place: int) -> DrainJob:
        """Return the drain job that follows the latest pass."""
        placement, hardware = self.plan.placement, self.plan.hardware
        costs = [self.costs[image.index] for image in group.images]
        uses: dict[int, ThresholdUse] = {}
        words = 0
        tasks = [(image, image.runner(self.geometry.operation.unit)) for image in group.images]
        for image, task in tasks:
            if (blocks := placement.thresholds.get((self.position, task))) is not None:
                block = blocks[tile, place]
                words += block.values
                use = ThresholdUse(block, self.threshold_users[image.index], task)
                uses.setdefault(block.address, use)
        for image, task in tasks:
            if (norms := placement.norms.get((self.position, task))) is not None:
                block = norms[tile]
                words += block.values
                use = ThresholdUse(block, self.threshold_users[image.index], task, "norm")
                uses.setdefault(block.address, use)
        cycles = drain_cycles(self.geometry, costs, words, (tile, place))
        job = DrainJob(len(self.phase.cycles) - 1, cycles, list(uses.values()), [])
        job.load_cycles = -(-words // hardware.noc.threshold_words_per_cycle)
        if any(image.index in self.cached for image in group.images):
            latency = hardware.noc.latency_cycles if words else 0
            job.store_cycles = cycles - job.load_cycles - latency - hardware.compare_cycles
        completed = self.geometry.completed.get((tile, place), ())
        for image in group.images if completed else ():
            region = placement.output(self.position, image)
            if image.index in self.cached:
                job.outputs.append((region, list(completed)))
            else:
                job.writes += region.runs(completed)
        return job
