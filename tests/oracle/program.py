"""The loop nest (section 4): the passes, accumulations and drain jobs of a run, in program order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Schedule
from mimesim.network import Network

from .geometry import (
    Chunk,
    Operation,
    PositionTile,
    Source,
    block_extent,
    channel_tiles,
    chunks,
    completed_blocks,
    image_groups,
    largest_portion,
    operations,
    portions,
    position_tiles,
)
from .interface import OracleCase, OracleImage, Phase
from .passes import Group, Job, Pass, Program
from .storage import Block, Storage, dead_blocks, is_read, owner_of, runner, uses_thresholds, uses_unit

__all__ = ["Job", "Pass", "Program", "build"]


def build(
    network: Network,
    batches: Sequence[Sequence[OracleImage]],
    tasks: Sequence[str],
    hardware: Hardware,
    schedule: Schedule,
    case: OracleCase,
    held: Mapping[tuple[object, ...], Block] | None = None,
) -> Program:
    images = [image for batch in batches for image in batch]
    found = operations(network, hardware)
    program = Program(Storage(network, found, images, tasks, hardware, case))
    program.held.update(held or {})
    first = 0
    for batch_index, batch in enumerate(batches):
        members = tuple(range(len(batch)))
        shares = [(op, members) for op in found]
        if schedule.batch_order == "image_major":
            shares = [(op, (member,)) for member in members for op in found]
        for operation, among in shares:
            chosen = tuple(member for member in among if uses_unit(case, batch[member].task, operation.unit))
            if not chosen:
                continue
            program.phases.append(Phase(batch_index, operation.name, chosen))
            program.phase_dead.append(
                dead_blocks(program.storage, found, operation, [first + member for member in chosen])
            )
            _Nest(program, network, operation, [first + member for member in chosen], hardware, schedule, case).run()
        first += len(batch)
    return program


class _Nest:
    """The loops of one phase."""

    def __init__(
        self,
        program: Program,
        network: Network,
        operation: Operation,
        images: list[int],
        hardware: Hardware,
        schedule: Schedule,
        case: OracleCase,
    ) -> None:
        self.program = program
        self.storage = program.storage
        self.operation = operation
        self.hardware = hardware
        self.schedule = schedule
        self.case = case
        self.sets = self._sets(images)
        self.tiles = channel_tiles(operation, hardware)
        self.position_tiles = position_tiles(operation, hardware)
        self.completed = completed_blocks(operation, hardware)
        self.read = {
            image
            for image in images
            if hardware.caches.write_policy == "write_back"
            and is_read(self.storage, operations(network, hardware), operation.output, image)
        }
        self.previous: tuple[Block | None, str] | None = None
        self.begun = False

    def _sets(self, images: list[int]) -> list[list[int]]:
        """Return the images that need the same weights, sets by their first image."""
        alike: dict[object, list[int]] = {}
        for image in images:
            present = self.storage.sources(image, self.operation)
            assert present[0] == self.operation.sources[0]
            owners = tuple((source, self._owner(source, image)) for source in present)
            alike.setdefault((owners, self._view(image)), []).append(image)
        return list(alike.values())

    def _task(self, image: int) -> str:
        return runner(self.case, self.storage.images[image].task, self.operation.unit)

    def _view(self, image: int) -> str:
        return self._task(image) if self.operation.name in self.case.views else ""

    def _owner(self, source: Source, image: int) -> str:
        if self.operation.vector:
            return ""
        return owner_of(self.case, self.operation.name, self._task(image), source.branch)

    def run(self) -> None:
        for tile_index, step, portion in self._accumulations():
            self._accumulate(tile_index, step, portion)
        self.program.phase_passes.append(len(self.program.passes) - 1)
        self.program.phase_jobs.append(len(self.program.jobs) - 1)

    def _accumulations(self) -> Iterator[tuple[int, list[PositionTile], list[Group]]]:
        per_step = self.schedule.position_tiles_per_pe
        ordered = self.position_tiles
        largest = largest_portion(self.hardware, min(per_step, len(ordered)))
        steps = [ordered[i : i + per_step] for i in range(0, len(ordered), per_step)]
        grouped = [image_groups(self.operation, members, self.hardware) for members in self.sets]
        flat = [group for groups in grouped for group in groups]
        tiles = range(len(self.tiles))
        if self.schedule.set_order == "inner":
            if self.schedule.tile_order == "channel_outer":
                for tile in tiles:
                    for step in steps:
                        for portion in portions(flat, largest):
                            yield tile, step, portion
            else:
                for step in steps:
                    for tile in tiles:
                        for portion in portions(flat, largest):
                            yield tile, step, portion
        elif self.schedule.tile_order == "channel_outer":
            for tile in tiles:
                for groups in grouped:
                    for step in steps:
                        for portion in portions(groups, largest):
                            yield tile, step, portion
        else:
            for groups in grouped:
                for step in steps:
                    for tile in tiles:
                        for portion in portions(groups, largest):
                            yield tile, step, portion

    def _accumulate(self, tile_index: int, step: list[PositionTile], portion: list[Group]) -> None:
        accumulation = len(self.program.last_job_of_accumulation)
        closing: list[Pass] = []
        cut = chunks(self.operation, self.tiles[tile_index], self.hardware)
        for chunk in cut:
            for group in portion:
                present = self.storage.sources(group[0], self.operation)
                if chunk.source not in present:
                    continue
                last = chunk is [other for other in cut if other.source in present][-1]
                for position_tile in step:
                    made = self._pass(accumulation, tile_index, chunk, group, position_tile, last)
                    if last:
                        closing.append(made)
        for cause in closing:
            cause.job = len(self.program.jobs)
            ended = self.completed.get((tile_index, cause.position_tile.index), [])
            writes = [
                self.storage.activations(self.operation.output, image, index)
                for image in cause.group
                for index in ended
            ]
            cached = frozenset(image for image in cause.group if image in self.read)
            self.program.jobs.append(Job(cause.job, accumulation, cause, writes, cached))
        self.program.last_job_of_accumulation.append(len(self.program.jobs) - 1)

    def _pass(
        self,
        accumulation: int,
        tile_index: int,
        chunk: Chunk,
        group: Group,
        position_tile: PositionTile,
        last: bool,
    ) -> Pass:
        program, operation = self.program, self.operation
        owner, tasks = self._owner(chunk.source, group[0]), [self._task(image) for image in group]
        block = None if operation.vector else self.storage.weights(operation, owner, tile_index, chunk.index)
        view = "" if chunk.source.branch else self._view(group[0])
        mask = None
        if view and operation.name in self.case.masks:
            mask = self.storage.mask(operation, view, tile_index, chunk.index)
        starts_fill = block is not None and (block, view) != self.previous
        self.previous = block, view
        rewritten: list[Block] = []
        if starts_fill and block is not None:
            rewritten = self._rewritten([block] if mask is None else [block, mask])
            program.fills.append((block, mask, rewritten))
            program.last_pass_of_fill.append(-1)
        fill = None if block is None else len(program.fills) - 1
        thresholds: list[Block] = []
        if last and uses_thresholds(self.case, operation):
            thresholds += [self.storage.thresholds(operation, t, tile_index, position_tile.index) for t in tasks]
        if last and operation.name in self.case.task_norm:
            thresholds += [self.storage.norm(operation, task, tile_index) for task in tasks]
        distinct = [block for i, block in enumerate(thresholds) if block not in thresholds[:i]]
        norm = [block for block in distinct if block.kind == "envm"]
        made = Pass(
            index=len(program.passes),
            phase=len(program.phases) - 1,
            accumulation=accumulation,
            operation=operation,
            owner=owner,
            group=group,
            tile_index=tile_index,
            tile=self.tiles[tile_index],
            position_tile=position_tile,
            chunk=chunk,
            weight_block=block,
            mask_block=mask,
            zeros_of=view or owner,
            fill=fill,
            starts_fill=starts_fill,
            first_of_phase=not self.begun,
            first_of_accumulation=not program.passes or program.passes[-1].accumulation != accumulation,
            activation_blocks=self._window_blocks(group, chunk, position_tile),
            threshold_blocks=[block for block in distinct if block not in norm],
            rewritten=rewritten,
            norm_blocks=norm,
            rewritten_norm=self._rewritten(norm),
        )
        self.begun = True
        program.passes.append(made)
        if fill is not None:
            program.last_pass_of_fill[fill] = made.index
        return made

    def _rewritten(self, needed: list[Block]) -> list[Block]:
        """Return the blocks that their places do not hold when their turn comes; from then on they do."""
        found = []
        for block in needed:
            if block.place and self.program.held.get(block.place) != block:
                self.program.held[block.place] = block
                found.append(block)
        return found

    def _window_blocks(self, group: Group, chunk: Chunk, tile: PositionTile) -> list[Block]:
        """Return the blocks under the window of a whole tile: the smallest rectangle that holds all its windows."""
        source = chunk.source
        depth, height, width = block_extent(source.shape, self.hardware)
        ranges = []
        for axis, extent in ((0, height), (1, width)):
            starts = [position[axis] * source.stride[axis] - source.padding[axis] for position in tile.positions]
            window = range(min(starts), max(starts) + source.kernel[axis])
            ranges.append(sorted({i // extent for i in window if 0 <= i < source.shape[1 + axis]}))
        return [
            self.storage.activations(source.tensor, image, (channel_block, row, column))
            for image in group
            for channel_block in sorted({channel // depth for channel in chunk.channels})
            for row in ranges[0]
            for column in ranges[1]
        ]
