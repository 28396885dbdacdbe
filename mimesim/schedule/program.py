"""The program of a case: every phase's passes, fills, lookups and drains, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule, Skipping
from mimesim.ledger import SHARED_IMAGE, PhaseRecord
from mimesim.network import Network
from mimesim.schedule.costs import CostBook, drain_cycles, fill_cycles
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Accumulation, Group, accumulations, chunk_runs
from mimesim.schedule.memory_map import ActivationRegion, ParameterBlock
from mimesim.schedule.part_cycles import drifting, part_cycles
from mimesim.schedule.phase_inputs import PhaseInputs
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

    def phase_inputs(self) -> Iterator[PhaseInputs]:
        """Give what the phases work on, one after the other, in program order; none where no image runs the operation."""
        first = True
        for number, batch in enumerate(self.batches):
            self.placement.begin_batch(number)
            runs = [batch] if self.schedule.batch_order == "layer_major" else [[image] for image in batch]
            for images in runs:
                for position, geometry in enumerate(self.geometries):
                    running = [image for image in images if image.runs(geometry.operation.unit)]
                    if running:
                        yield PhaseInputs(self, number, batch, running, position, first=first)
                        first = False

    def phases(self) -> Iterator[Phase]:
        """Build the phases one after the other, in program order."""
        for inputs in self.phase_inputs():
            yield _Builder(inputs).build()


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
    """Fills the lists of one phase."""

    def __init__(self, inputs: PhaseInputs) -> None:
        self.plan, self.geometry, self.position = inputs.plan, inputs.geometry, inputs.position
        self.inputs = inputs
        self.phase = Phase(inputs.record, inputs.position)
        self.regions = {image.index: self.plan.placement.inputs(self.position, image) for image in inputs.images}
        if self.plan.hardware.caches.write_policy == "write_back":
            self.phase.dead = [
                region for image in inputs.images for region in self.plan.placement.read_last(self.position, image)
            ]
        self._prepare_groups()

    def _prepare_groups(self) -> None:
        """Work out cycles and lookups of each group by [position tile][chunk]."""
        plan, geometry = self.plan, self.geometry
        self.phase.groups = self.inputs.groups
        self.number_of = {id(group): number for number, group in enumerate(self.phase.groups)}
        self.group_cycles = [costs.cycles.tolist() for costs in self.inputs.pass_costs]
        self.group_lookups: list[list[list[Lookups]]] = []
        self.feeds = self.inputs.drifts or plan.hardware.caches.banks is not None
        windows = geometry.windows
        for group in self.phase.groups:
            regions = [self.regions[image.index] for image in group.images]
            self.group_lookups.append(
                [
                    [
                        [(there, touched) for inputs in regions if (there := inputs[chunk.source]) is not None]
                        for chunk, touched in zip(geometry.chunks, by_chunk, strict=True)
                    ]
                    for by_chunk in windows
                ]
            )

    def build(self) -> Phase:
        """Walk the loop nest."""
        phase = self.phase
        for index, accumulation in enumerate(accumulations(self.geometry, self.plan.schedule, self.inputs.sets)):
            self._accumulate(index, accumulation)
        phase.record.passes = len(phase.cycles)
        phase.record.parts = part_cycles(
            self.inputs,
            [fill.cycles for fill in phase.fills],
            [job.cycles for job in phase.jobs],
            len(phase.cycles),
            drifting(phase) if phase.rows else None,
        )
        return phase

    def _accumulate(self, index: int, accumulation: Accumulation) -> None:
        phase, tile = self.phase, accumulation.channel_tile
        first, last = self.geometry.channel_tiles[tile]
        places = [(place, self.geometry.position_tiles[place].positions) for place in accumulation.position_tiles]
        begin = len(phase.cycles)
        for k, group, ends in chunk_runs(self.geometry, accumulation):
            number = self.number_of[id(group)]
            fill = self._fill(group, tile, k) if self.inputs.weighted else -1
            cycles, lookups, costs = (
                self.group_cycles[number],
                self.group_lookups[number],
                self.inputs.pass_costs[number],
            )
            for place, positions in places:
                phase.cycles.append(cycles[place][k])
                phase.lookups.append(lookups[place][k])
                phase.fill.append(fill)
                phase.group.append(number)
                phase.mapped_pes.append((last - first) * positions * len(group.images))
                if self.feeds:
                    phase.feed_cycles.append(int(costs.feed[place, k]) + 1)
                if self.inputs.drifts:
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
            fill = Fill(block, 0, self.inputs.users[source, owner], owner, view)
            if (masks := self.plan.placement.masks.get((self.position, view or ""))) is not None:
                fill.mask, fill.mask_image = masks[tile, k], self.inputs.mask_users[view or ""]
            fill.cycles = fill_cycles(self.plan.hardware, block, fill.mask)
            phase.fills.append(fill)
        return len(phase.fills) - 1

    def _drain(self, group: Group, tile: int, place: int) -> DrainJob:
        """Return the drain job that follows the latest pass."""
        placement, hardware = self.plan.placement, self.plan.hardware
        costs = [self.inputs.costs[image.index] for image in group.images]
        uses: dict[int, ThresholdUse] = {}
        words = 0
        tasks = [(image, image.runner(self.geometry.operation.unit)) for image in group.images]
        for image, task in tasks:
            if (blocks := placement.thresholds.get((self.position, task))) is not None:
                block = blocks[tile, place]
                words += block.values
                use = ThresholdUse(block, self.inputs.threshold_users[image.index], task)
                uses.setdefault(block.address, use)
        for image, task in tasks:
            if (norms := placement.norms.get((self.position, task))) is not None:
                block = norms[tile]
                words += block.values
                use = ThresholdUse(block, self.inputs.threshold_users[image.index], task, "norm")
                uses.setdefault(block.address, use)
        cycles = drain_cycles(self.geometry, costs, words, (tile, place))
        job = DrainJob(len(self.phase.cycles) - 1, cycles, list(uses.values()), [])
        job.load_cycles = -(-words // hardware.noc.threshold_words_per_cycle)
        if any(image.index in self.inputs.cached for image in group.images):
            latency = hardware.noc.latency_cycles if words else 0
            job.store_cycles = cycles - job.load_cycles - latency - hardware.compare_cycles
        completed = self.geometry.completed.get((tile, place), ())
        for image in group.images if completed else ():
            region = placement.output(self.position, image)
            if image.index in self.inputs.cached:
                job.outputs.append((region, list(completed)))
            else:
                job.writes += region.runs(completed)
        return job
