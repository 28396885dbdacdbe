"""The program of a case: every phase's passes, fills, lookups and drains, in the order in which they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule, Skipping
from mimesim.network import Network
from mimesim.schedule.costs import CostBook, fill_cycles, load_cycles, store_cycles
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Accumulation, Group, accumulations, chunk_runs
from mimesim.schedule.part_cycles import drifting, part_cycles
from mimesim.schedule.phase import DrainJob, Fill, Lookups, Phase, ThresholdUse
from mimesim.schedule.phase_inputs import PhaseInputs
from mimesim.schedule.placement import Placement
from mimesim.schedule.rewriting import Rewriting
from mimesim.schemes import Scheme

__all__ = ["CasePlan", "DrainJob", "Fill", "Phase", "ThresholdUse", "plan_case"]

#: What drain jobs load, in this order.
_LOADED: tuple[Literal["thresholds", "norm"], ...] = ("thresholds", "norm")


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
        """Give what each phase works on, in program order; there is none where no image runs the operation."""
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

    def phases(self, rewriting: Rewriting | None = None) -> Iterator[Phase]:
        """Build the phases one after the other, in program order.

        *rewriting* is what the places of non-volatile memory hold at the beginning, nothing if None.
        """
        rewriting = rewriting or Rewriting(self.hardware)
        for inputs in self.phase_inputs():
            yield _Builder(inputs, rewriting).build()


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

    def __init__(self, inputs: PhaseInputs, rewriting: Rewriting) -> None:
        self.rewriting = rewriting
        self.plan, self.geometry, self.position = inputs.plan, inputs.geometry, inputs.position
        self.inputs = inputs
        self.phase = Phase(inputs.record, inputs.position)
        placement, images = self.plan.placement, inputs.images
        self.regions = {image.index: placement.inputs(self.position, image) for image in images}
        tasks = {image.runner(self.geometry.operation.unit) for image in images}
        tables = (placement.thresholds, placement.norms)
        self.loads = any((self.position, task) in table for task in tasks for table in tables)
        if self.plan.hardware.caches.write_policy == "write_back":
            self.phase.dead = [region for image in images for region in placement.read_last(self.position, image)]
        self._prepare_groups()

    def _prepare_groups(self) -> None:
        """Work out cycles and lookups of each group by [position tile][chunk]."""
        plan, geometry = self.plan, self.geometry
        self.phase.groups = self.inputs.groups
        self.number_of = {id(group): number for number, group in enumerate(self.phase.groups)}
        self.group_cycles = [costs.cycles.tolist() for costs in self.inputs.pass_costs]
        self.group_lookups: list[list[list[Lookups]]] = []
        self.feeds = self.inputs.drifts or plan.hardware.caches.banks is not None
        windows = geometry.windows.lists()
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
            cycles, lookups = self.group_cycles[number], self.group_lookups[number]
            costs = self.inputs.pass_costs[number]
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
            needed = [block] if fill.mask is None else [block, fill.mask]
            fill.rewritten, writing = self.rewriting.needed(needed)
            fill.cycles = writing + fill_cycles(self.plan.hardware, block, fill.mask)
            phase.fills.append(fill)
        return len(phase.fills) - 1

    def _drain(self, group: Group, tile: int, place: int) -> DrainJob:
        """Return the drain job that follows the latest pass."""
        hardware = self.plan.hardware
        costs = [self.inputs.costs[image.index] for image in group.images]
        uses, thresholds, norm = self._uses(group, tile, place)
        on_chip = [use for use in uses if use.block.in_envm]
        needed, writing = self.rewriting.needed(use.block for use in on_chip)
        loading = load_cycles(hardware, thresholds, norm, norm_in_envm=bool(on_chip))
        storing = store_cycles(self.geometry, costs, (tile, place))
        cycles = writing + loading + hardware.compare_cycles + storing
        job = DrainJob(len(self.phase.cycles) - 1, cycles, [use for use in uses if not use.block.in_envm], [])
        job.rewritten = [use for use in on_chip if use.block in needed]
        cached = thresholds + (0 if on_chip else norm)
        job.load_cycles = -(-cached // hardware.noc.threshold_words_per_cycle)
        if any(image.index in self.inputs.cached for image in group.images):
            job.store_cycles = storing
        completed = self.geometry.completed.get((tile, place), ())
        for image in group.images if completed else ():
            region = self.plan.placement.output(self.position, image)
            if image.index in self.inputs.cached:
                job.outputs.append((region, list(completed)))
            else:
                job.writes += region.runs(completed)
        return job

    def _uses(self, group: Group, tile: int, place: int) -> tuple[list[ThresholdUse], int, int]:
        """Return the distinct blocks that a drain job needs, and its words of thresholds and of norm."""
        placement = self.plan.placement
        uses: dict[int, ThresholdUse] = {}
        words = [0, 0]
        if not self.loads:
            return [], 0, 0
        tasks = [(image, image.runner(self.geometry.operation.unit)) for image in group.images]
        for number, tensor in enumerate(_LOADED):
            for image, task in tasks:
                if tensor == "thresholds":
                    block = placement.thresholds.get((self.position, task), {}).get((tile, place))
                else:
                    block = placement.norms.get((self.position, task), {}).get(tile)
                if block is not None:
                    words[number] += block.values
                    use = ThresholdUse(block, self.inputs.threshold_users[image.index], task, tensor)
                    uses.setdefault(block.address, use)
        return list(uses.values()), words[0], words[1]
