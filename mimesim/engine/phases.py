"""A phase in arrays: its program, and the room for what its steps will ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimesim.engine import columns as at
from mimesim.engine.nest_kernel import expand
from mimesim.engine.numbers import Numbers
from mimesim.engine.shapes import Shape, csr
from mimesim.engine.tables import Ints, Nest, Passes, Steps, Uses
from mimesim.machine.kinds import ACTIVATIONS, READS, WEIGHTS
from mimesim.schedule.loopnest import Accumulation, accumulations
from mimesim.schedule.part_cycles import part_cycles
from mimesim.schedule.phase_inputs import PhaseInputs
from mimesim.schemes import SHARED

__all__ = ["BuiltPhase", "Counts", "PhaseBuilder"]

#: Image, tensor, and what the words beside its values are called: where fetched words are booked.
Slot = tuple[int, str, str]


@dataclass(slots=True)
class Counts:
    """How many phases, passes, fills and drain jobs there were before."""

    phases: int = 0
    passes: int = 0
    fills: int = 0
    jobs: int = 0


@dataclass(slots=True)
class BuiltPhase:
    """A phase in arrays, and where what is counted by *slots* belongs; *rows*: cycles of rows by group and window."""

    inputs: PhaseInputs
    program: Passes
    uses: Uses
    steps: Steps
    slots: list[Slot]
    rows: Ints


class PhaseBuilder:
    """Builds one phase after the other; *names* are the tasks of passes by number."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._counts = Counts()
        self.names: dict[str, int] = {}
        #: Tensors that die with the phase built last, of which images.
        self._dying: list[tuple[str, int]] = []

    def build(self, inputs: PhaseInputs, shape: Shape) -> BuiltPhase:
        """Build a phase; *shape* is that of its operation."""
        slots: dict[Slot, int] = {}
        nest = self._nest(inputs, shape, slots)
        program = _expanded(nest, shape)
        self._time_fills(inputs, program)
        uses = self._uses(inputs, shape, slots)
        _time_jobs(inputs, program, self._drain_words(inputs, uses))
        steps = _room(shape, program, uses, len(slots))
        self._counts.phases += 1
        self._counts.passes += len(program.passes)
        self._counts.fills += len(program.fills)
        self._counts.jobs += len(program.jobs)
        if inputs.plan.hardware.caches.write_policy == "write_back":
            placement = inputs.plan.placement
            self._dying = [
                (tensor, image.index) for image in inputs.images for tensor in placement.dying(inputs.position, image)
            ]
        rows = np.zeros((0, 0), dtype=np.int64)
        drifting = None
        if inputs.drifts:
            rows = _row_cycles(inputs)
            starts = np.flatnonzero(program.passes[:, at.ACCUMULATION] >= 0)
            groups, windows = program.passes[:, at.GROUP], program.passes[:, at.WINDOW]
            of_passes = rows[groups * (len(rows) // len(inputs.groups)) + windows]
            drifting = int(np.add.reduceat(of_passes, starts, axis=0).max(axis=1).sum())
        inputs.record.passes = len(program.passes)
        inputs.record.parts = part_cycles(
            inputs,
            program.fills[:, at.FILL_CYCLES].tolist(),
            program.jobs[:, at.JOB_CYCLES].tolist(),
            len(program.passes),
            drifting,
        )
        return BuiltPhase(inputs, program, uses, steps, list(slots), rows)

    def _nest(self, inputs: PhaseInputs, shape: Shape, slots: dict[Slot, int]) -> Nest:
        position, groups, numbers = inputs.position, inputs.groups, self._numbers
        sources = len(inputs.geometry.operation.sources)
        weights = np.full((len(groups), sources), at.NOWHERE, dtype=np.int64)
        masks, views = np.full(len(groups), at.NOWHERE, dtype=np.int64), np.full(len(groups), -1, dtype=np.int64)
        tables: dict[tuple[str, int], int] = {}
        mask_tables: dict[str, int] = {}
        known_views: dict[str, int] = {}
        weight_blocks, weight_slots, mask_blocks, mask_slots = [], [], [], []
        for number, group in enumerate(groups if inputs.weighted else ()):
            for source, owner in enumerate(group.owners):
                if owner is None:
                    continue
                user = inputs.users[source, owner]
                if (owner, user) not in tables:
                    tables[owner, user] = len(tables)
                    weight_blocks.append(numbers.weights(position, owner))
                    weight_slots.append(_slot(slots, user, READS[WEIGHTS], "index"))
                weights[number, source] = tables[owner, user]
            view = group.view
            if view is None:
                continue
            views[number] = known_views.setdefault(view, len(known_views))
            if view not in mask_tables and (table := numbers.masks(position, view)) is not None:
                mask_tables[view] = len(mask_tables)
                mask_blocks.append(table)
                mask_slots.append(_slot(slots, inputs.mask_users[view], READS[WEIGHTS], "index"))
            masks[number] = mask_tables.get(view, at.NOWHERE)
        cycles = np.stack([costs.cycles.ravel() for costs in inputs.pass_costs])
        feed = np.stack([costs.feed.ravel() for costs in inputs.pass_costs])
        return Nest(
            _rows_of(inputs),
            shape.chunk_first,
            shape.chunks,
            shape.source,
            shape.branch,
            np.array([[owner is not None for owner in group.owners] for group in groups], dtype=np.int64),
            weights,
            _stack(weight_blocks),
            np.array(weight_slots, dtype=np.int64),
            views,
            masks,
            _stack(mask_blocks),
            np.array(mask_slots, dtype=np.int64),
            cycles,
            feed,
            shape.widths,
            shape.positions,
            np.array([len(group.images) for group in groups]),
            inputs.weighted,
        )

    def _time_fills(self, inputs: PhaseInputs, program: Passes) -> None:
        noc = inputs.plan.hardware.noc
        filled = self._numbers.blocks.facts[program.fills[:, at.FILL_BLOCK], at.FILLED]
        program.fills[:, at.FILL_CYCLES] = -(-filled // noc.weight_words_per_cycle) + noc.latency_cycles

    def _uses(self, inputs: PhaseInputs, shape: Shape, slots: dict[Slot, int]) -> Uses:
        numbers, position, images = self._numbers, inputs.position, list(inputs.images)
        operation, placement, counts = inputs.geometry.operation, inputs.plan.placement, self._counts
        local = {image.index: number for number, image in enumerate(images)}
        bases = np.full((len(images), len(operation.sources)), at.NOWHERE, dtype=np.int64)
        outputs = np.full(len(images), at.NOWHERE, dtype=np.int64)
        for number, image in enumerate(images):
            for source, place in enumerate(placement.places(position, image)):
                if place is not None:
                    bases[number, source] = numbers.region(operation.sources[source].tensor, image.index, place)
            outputs[number] = numbers.region(operation.output, image.index, placement.output_place(position, image))
        tables: dict[tuple[str, str], int] = {}
        drained, drained_slots, own = [], [], []
        for group in inputs.groups:
            found: dict[tuple[str, str], None] = {}
            for what in ("thresholds", "norm"):
                for image in group.images:
                    task = image.runner(operation.unit)
                    get = numbers.thresholds if what == "thresholds" else numbers.norms
                    if (table := get(position, task)) is None:
                        continue
                    found[what, task] = None
                    if (what, task) not in tables:
                        tables[what, task] = len(tables)
                        drained.append(table)
                        drained_slots.append(_slot(slots, inputs.threshold_users[image.index], what, "index"))
            own.append([tables[key] for key in found])
        tasks = [{image.task for image in group.images} for group in inputs.groups]
        names = [members.pop() if len(members) == 1 else SHARED for members in tasks]
        dead = [span for key in self._dying if (span := numbers.span(*key)) is not None]
        return Uses(
            shape.window_first,
            shape.windows,
            shape.source,
            *csr([local[image.index] for image in group.images] for group in inputs.groups),
            np.array([self.names.setdefault(name, len(self.names)) for name in names]),
            bases,
            np.array([numbers.label(READS[ACTIVATIONS], image.task, operation.name) for image in images]),
            np.array([_slot(slots, image.index, READS[ACTIVATIONS], "mask") for image in images]),
            outputs,
            np.array([image.index in inputs.cached for image in images], dtype=np.int64),
            *csr(own),
            _stack(drained),
            np.array(drained_slots, dtype=np.int64),
            shape.completed_first,
            shape.completed,
            np.array(dead, dtype=np.int64).reshape(-1, 2),
            len(shape.source),
            len(shape.positions),
            counts.phases,
            counts.passes,
            counts.fills,
            counts.jobs,
        )

    def _drain_words(self, inputs: PhaseInputs, uses: Uses) -> Ints:
        """Return the words of thresholds and norm that a drain loads, by group and channel tile x places + place."""
        unit, position, numbers = inputs.geometry.operation.unit, inputs.position, self._numbers
        words = np.zeros((len(inputs.groups), len(uses.completed_first) - 1), dtype=np.int64)
        for row, group in zip(words, inputs.groups, strict=True):
            for image in group.images:
                for get in (numbers.thresholds, numbers.norms):
                    if (table := get(position, image.runner(unit))) is not None:
                        row += numbers.blocks.facts[table, at.VALUES]
        return words


def _slot(slots: dict[Slot, int], image: int, tensor: str, extra: str) -> int:
    return slots.setdefault((image, tensor, extra), len(slots))


def _stack(tables: list[Ints]) -> Ints:
    return np.stack(tables) if tables else np.zeros((0, 0), dtype=np.int64)


def _rows_of(inputs: PhaseInputs) -> Ints:
    """Return the accumulations of a phase in program order, as the kernel reads them."""
    number = {id(group): place for place, group in enumerate(inputs.groups)}

    def row(use: Accumulation) -> tuple[int, ...]:
        places = use.position_tiles
        return use.channel_tile, places.start, len(places), number[id(use.groups[0])], len(use.groups), use.scope

    uses = accumulations(inputs.geometry, inputs.plan.schedule, inputs.sets)
    return np.array([row(use) for use in uses], dtype=np.int64)


def _expanded(nest: Nest, shape: Shape) -> Passes:
    uses = nest.accumulations
    per_tile = np.diff(shape.chunk_first)
    slots = uses[:, at.PLACES] * uses[:, at.GROUPS]
    most, drains = int((per_tile[uses[:, at.TILE]] * slots).sum()), int(slots.sum())
    fills = int((per_tile[uses[:, at.TILE]] * uses[:, at.GROUPS]).sum())
    program = Passes(
        np.empty((most, at.PASS), dtype=np.int64),
        np.empty((drains, at.DRAIN), dtype=np.int64),
        np.empty((fills, at.LOAD), dtype=np.int64),
        np.empty(len(uses), dtype=np.int64),
    )
    passes, jobs, loads = expand(nest, program)
    return Passes(program.passes[:passes], program.jobs[:jobs], program.fills[:loads], program.jobs_of)


def _time_jobs(inputs: PhaseInputs, program: Passes, words: Ints) -> None:
    hardware, jobs = inputs.plan.hardware, program.jobs
    noc = hardware.noc
    places = len(inputs.geometry.position_tiles)
    column = jobs[:, at.JOB_TILE] * places + jobs[:, at.JOB_PLACE]
    loaded = words[jobs[:, at.JOB_GROUP], column]
    kept = np.stack([np.sum([inputs.costs[i.index].kept.ravel() for i in g.images], axis=0) for g in inputs.groups])
    out = kept[jobs[:, at.JOB_GROUP], column]
    load = np.where(loaded > 0, -(-loaded // noc.threshold_words_per_cycle) + noc.latency_cycles, 0)
    jobs[:, at.JOB_CYCLES] = load + hardware.compare_cycles + -(-out // noc.output_words_per_cycle)


def _row_cycles(inputs: PhaseInputs) -> Ints:
    """Return the cycles of every row by group x windows + window; rows that hold no position take none."""
    geometry, rows = inputs.geometry, inputs.plan.hardware.grid.rows
    chunks = range(len(geometry.chunks))
    table = [
        [costs.rows(place, k) for place in range(len(geometry.position_tiles)) for k in chunks]
        for costs in inputs.pass_costs
    ]
    found = np.zeros((len(table) * len(table[0]), rows), dtype=np.int64)
    for number, mapped in enumerate(mapped for group in table for mapped in group):
        found[number, : len(mapped)] = mapped
    return found


def _room(shape: Shape, program: Passes, uses: Uses, slots: int) -> Steps:
    """Return empty tables that hold what the steps of a phase can ask for at most."""
    passes, jobs = program.passes, program.jobs
    images = np.diff(uses.member_first)
    touched = np.diff(shape.window_first)[passes[:, at.WINDOW]] * images[passes[:, at.GROUP]]
    reads = int(touched.sum()) + 2 * len(program.fills) + int(np.diff(uses.own_first)[jobs[:, at.JOB_GROUP]].sum())
    column = jobs[:, at.JOB_TILE] * uses.places + jobs[:, at.JOB_PLACE]
    done = int((np.diff(shape.completed_first)[column] * images[jobs[:, at.JOB_GROUP]]).sum())
    steps = len(passes) + 1

    def empty(*sides: int) -> Ints:
        return np.empty(sides, dtype=np.int64)

    spot = np.zeros(at.SPOT, dtype=np.int64)
    return Steps(
        empty(steps, 4),
        empty(steps, 2),
        np.full((steps, 3), -1, dtype=np.int64),
        empty(reads),
        empty(0),
        empty(done),
        empty(len(jobs) + 1),
        empty(done),
        np.zeros((slots + 1, 5), dtype=np.int64),
        spot,
    )
