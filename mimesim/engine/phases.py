"""A phase in arrays: its program, and the room for what its steps will ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mimesim.engine import columns as at
from mimesim.engine.numbers import Numbers
from mimesim.engine.program import accumulation_rows, expanded, room, row_cycles, time_fills, time_jobs
from mimesim.engine.rewriting import Places
from mimesim.engine.shapes import Shape, csr
from mimesim.engine.tables import Ints, Nest, Passes, Steps, Uses
from mimesim.machine.kinds import ACTIVATIONS, READS, WEIGHTS
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
    """A phase in arrays, and where what is counted by *slots* belongs.

    *writers* are the slots of what the program rewrites, *rows* the cycles of rows by group and window.
    """

    inputs: PhaseInputs
    program: Passes
    uses: Uses
    steps: Steps
    slots: list[Slot]
    writers: Ints
    rows: Ints


class PhaseBuilder:
    """Builds one phase after the other; *names* are the tasks of passes by number."""

    def __init__(self, numbers: Numbers, places: Places) -> None:
        self._numbers = numbers
        self._places = places
        self._counts = Counts()
        self.names: dict[str, int] = {}
        #: Tensors that die with the phase built last, of which images.
        self._dying: list[tuple[str, int]] = []

    def build(self, inputs: PhaseInputs, shape: Shape) -> BuiltPhase:
        """Build a phase; *shape* is that of its operation."""
        slots: dict[Slot, int] = {}
        nest = self._nest(inputs, shape, slots)
        program = expanded(nest, shape)
        time_fills(inputs, program, self._numbers.blocks.facts)
        uses = self._uses(inputs, shape, slots)
        time_jobs(inputs, program, *self._drain_words(inputs, uses))
        program, writers = self._places.rewrite(program, uses)
        steps = room(shape, program, uses, len(slots))
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
            rows = row_cycles(inputs)
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
        return BuiltPhase(inputs, program, uses, steps, list(slots), writers, rows)

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
            accumulation_rows(inputs),
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

    def _drain_words(self, inputs: PhaseInputs, uses: Uses) -> tuple[Ints, Ints]:
        """Return the words of thresholds and norm that a drain loads, and those of them in non-volatile memory.

        Both by group and channel tile x places + place.
        """
        unit, position, numbers = inputs.geometry.operation.unit, inputs.position, self._numbers
        words, on_chip = np.zeros((2, len(inputs.groups), len(uses.completed_first) - 1), dtype=np.int64)
        for number, group in enumerate(inputs.groups):
            for image in group.images:
                for get in (numbers.thresholds, numbers.norms):
                    if (table := get(position, image.runner(unit))) is not None:
                        facts = numbers.blocks.facts
                        loaded = facts[table, at.VALUES]
                        words[number] += loaded
                        if facts[table[0], at.KEPT] != at.NOWHERE:
                            on_chip[number] += loaded
        return words, on_chip


def _slot(slots: dict[Slot, int], image: int, tensor: str, extra: str) -> int:
    return slots.setdefault((image, tensor, extra), len(slots))


def _stack(tables: list[Ints]) -> Ints:
    return np.stack(tables) if tables else np.zeros((0, 0), dtype=np.int64)
