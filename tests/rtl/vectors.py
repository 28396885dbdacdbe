"""From a recorded run of the simulator to what the test bench reads: the steps in program order, and their data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS, WRITE_BACK
from mimesim.machine.stream import PhaseRun
from mimesim.schedule.geometry import Chunk, Geometry, PositionTile
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Accumulation, Group, accumulations
from mimesim.schedule.program import CasePlan
from mimesim.schemes import SHARED
from tests.machine.recorded import Recording
from tests.rtl.arithmetic import WORD_BITS, Array, Numbers, unfold

__all__ = ["SentTile", "Vectors", "vectors"]

MODES = {"none": 0, "gate": 0, "per_position": 1, "lockstep": 2}


@dataclass(frozen=True)
class SentTile:
    """What a drain job sends: of each image, channels x rows x columns (ends excluded) of its output tensor."""

    tensor: str
    images: tuple[Image, ...]
    channels: tuple[int, int]
    rows: range
    columns: range
    compressed: bool


@dataclass
class Vectors:
    """Tables of the test bench (fields in its order), its parameters, and what it sends."""

    parameters: dict[str, int]
    fills: list[list[int]] = field(default_factory=list)
    passes: list[list[int]] = field(default_factory=list)
    jobs: list[list[int]] = field(default_factory=list)
    masks: list[int] = field(default_factory=list)
    activations: list[int] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    thresholds: list[int] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    sent: list[SentTile] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write the hex files."""
        for name in ("fills", "passes", "jobs"):
            _write(folder / f"{name}.hex", (value for row in getattr(self, name) for value in row))
        for name in ("masks", "activations", "weights", "thresholds", "writes"):
            # A table is never empty; the lanes of a network look past the end of the words.
            beyond = self.parameters.get({"weights": "WEIGHT_WORDS", "thresholds": "THRESHOLD_WORDS"}.get(name, ""), 0)
            _write(folder / f"{name}.hex", (getattr(self, name) or [0]) + [0] * beyond)


def _write(path: Path, values: Iterable[int]) -> None:
    path.write_text("".join(f"{value:x}\n" for value in values), encoding="ascii")


def _words(values: Array) -> list[int]:
    return [int(value) & (1 << WORD_BITS) - 1 for value in values.ravel()]


def vectors(plan: CasePlan, recording: Recording, numbers: Numbers) -> Vectors:
    """Return the tables for a run: the order of its steps, when caches and DRAM had their data, and the data."""
    hardware = plan.hardware
    noc = hardware.noc
    made = Vectors(
        {
            "ROWS": hardware.grid.rows,
            "SUM_BITS": hardware.scratchpad.psum_words * hardware.word_bits,
            "COLUMNS": hardware.grid.channels,
            "BANK_WORDS": hardware.scratchpad.weight_bank_words,
            "PSUM_BANKS": hardware.scratchpad.psum_banks,
            "SLOTS": 1,
            "SKIPPING": MODES[plan.skipping],
            "WEIGHT_WORDS": noc.weight_words_per_cycle,
            "ACTIVATION_WORDS": noc.activation_words_per_cycle,
            "THRESHOLD_WORDS": noc.threshold_words_per_cycle,
            "OUTPUT_WORDS": noc.output_words_per_cycle,
            "LATENCY": noc.latency_cycles,
            "COMPARE_CYCLES": hardware.compare_cycles,
            "WRITE_BUFFERS": hardware.writeback_buffers,
            "LAST_CYCLE": recording.ledger.cycles + 1000,
        }
    )
    arrivals = [[done for kind, _, _, done in recording.requests if kind == wanted] for wanted in range(4)]
    for run in recording.runs:
        _Phase(plan, recording, numbers, run, arrivals, made).walk()
    made.writes = arrivals[WRITE_BACK]
    tables = {"FILLS": made.fills, "PASSES": made.passes, "JOBS": made.jobs, "WRITES": made.writes}
    tables |= {"WEIGHTS": made.weights, "THRESHOLDS": made.thresholds}
    made.parameters |= {name: max(1, len(table)) for name, table in tables.items()}
    return made


class _Phase:
    """Adds the steps of one phase."""

    def __init__(
        self,
        plan: CasePlan,
        recording: Recording,
        numbers: Numbers,
        run: PhaseRun,
        arrivals: list[list[int]],
        made: Vectors,
    ) -> None:
        self.plan, self.recording, self.numbers = plan, recording, numbers
        self.run, self.phase, self.arrivals, self.made = run, run.phase, arrivals, made
        self.geometry: Geometry = plan.geometries[run.phase.position]
        operation = self.geometry.operation
        assert operation.has_weights, "the model has no vector operations"
        assert operation.groups == 1, "the model has no grouped convolutions"
        (self.source,) = operation.sources
        self.node = operation.node
        self.compressed = operation.output_sparse and plan.skipping != "none"
        self.place = self.job = 0
        self._unfolded: dict[int, tuple[Array, Array]] = {}

    def walk(self) -> None:
        """Add every pass, with the fill before it and the drain job behind it."""
        owners: dict[str, list[Group]] = {}
        for group in self.phase.groups:
            owners.setdefault(group.owner, []).append(group)
        for accumulation in accumulations(self.geometry, self.plan.schedule, list(owners.values())):
            self._accumulate(accumulation)
        assert self.place == len(self.phase.cycles)

    def _arrived(self, kind: int, count: int) -> int:
        """Return the cycle in which the first *count* requests of a kind were complete."""
        return self.arrivals[kind][count - 1] if count else 0

    def _accumulate(self, accumulation: Accumulation) -> None:
        geometry, made, tile = self.geometry, self.made, accumulation.channel_tile
        chunks = geometry.chunks_of[tile]
        places = [
            (group, number) for group in accumulation.groups for number in accumulation.position_tiles
        ]  # fmt: skip
        made.parameters["SLOTS"] = max(made.parameters["SLOTS"], len(places))
        for k in chunks:
            for slot, (group, number) in enumerate(places):
                self._pass(group, tile, geometry.position_tiles[number], k, slot)
        for slot, (group, number) in enumerate(places):
            self._drain(group, tile, geometry.position_tiles[number], slot, slot + 1 == len(places))

    def _pass(self, group: Group, tile: int, place: PositionTile, k: int, slot: int) -> None:
        phase, run, chunks = self.phase, self.run, self.geometry.chunks_of[tile]
        here, chunk = self.place, self.geometry.chunks[k]
        fill = phase.fill[here]
        first = here == 0 or phase.fill[here - 1] != fill
        last = here + 1 == len(phase.fill) or phase.fill[here + 1] != fill
        if first:
            self._fill(fill, group.owner, tile, chunk, k == chunks[0])
        looked_up = self.recording.ends["passes_looked_up"][run.first_pass + here]
        ready = max(looked_up, self._arrived(ACTIVATIONS, run.pass_data[here]))
        flags = [first, last, phase.accumulation[here] >= 0, k == chunks[0], k == chunks[-1]]
        self.made.passes.append([ready, *map(int, flags), slot, chunk.pairs])
        mask = 0
        bank, rows = self.made.parameters["BANK_WORDS"], self.made.parameters["ROWS"]
        words = np.zeros((rows, bank), dtype=np.int64)
        row = 0
        for image in group.images:
            values, sendable = self._image(image)
            window = (slice(chunk.c0, chunk.c1), slice(chunk.t0, chunk.t1), slice(place.y0, place.y1))
            columns = slice(place.x0, place.x1)
            seen = values[(*window, columns)].reshape(chunk.pairs, -1).T
            sent = sendable[(*window, columns)].reshape(chunk.pairs, -1).T
            words[row : row + len(seen), : chunk.pairs] = seen
            for position in sent:
                mask |= sum(1 << int(pair) for pair in np.flatnonzero(position)) << row * bank
                row += 1
        self.made.masks.append(mask)
        self.made.activations += _words(words)
        self.place += 1

    def _image(self, image: Image) -> tuple[Array, Array]:
        """Return what each position of an image reads, and which of it the activation network sends."""
        if image.index not in self._unfolded:
            values = self.numbers.values[image.task, image.number, self.source.tensor]
            counts = np.ones_like(values)
            if self.source.sparse and self.plan.skipping != "none":
                counts = (values != 0).astype(np.int64)
            self._unfolded[image.index] = unfold(values, self.node), unfold(counts, self.node)
        return self._unfolded[image.index]

    def _fill(self, fill: int, owner: str, tile: int, chunk: Chunk, norm: bool) -> None:
        run, made = self.run, self.made
        first, last = self.geometry.channel_tiles[tile]
        layer = self.numbers.layer(self.node, owner)
        weights = layer.weights.reshape(*layer.weights.shape[:2], -1)[first:last, chunk.c0 : chunk.c1]
        words = _words(weights[:, :, chunk.t0 : chunk.t1].reshape(last - first, -1).T)
        words += _words(layer.norm[first:last]) if norm else []
        looked_up = self.recording.ends["fills_looked_up"][run.first_fill + fill]
        ready = max(looked_up, self._arrived(WEIGHTS, run.fill_data[fill]))
        made.fills.append([ready, len(made.weights), len(words), last - first, chunk.pairs])
        made.weights += words

    def _drain(self, group: Group, tile: int, place: PositionTile, slot: int, closes: bool) -> None:
        made, phase, geometry, node = self.made, self.phase, self.geometry, self.node
        first, last = geometry.channel_tiles[tile]
        base, per_channel = len(made.thresholds), False
        for image in group.images:
            thresholds = self.numbers.thresholds.get((image.task, node.name))
            if thresholds is not None:
                per_channel = self.plan.scheme.parameters(node, image.task).thresholds == "channel"
                part = thresholds[first:last]
                part = part if per_channel else part[:, place.y0 : place.y1, place.x0 : place.x1]
                # Position by position, in each the channels.
                made.thresholds += _words(part.reshape(last - first, -1).T)
        owner = self.plan.scheme.parameters(node, group.images[0].task).weights_owner
        assert owner in (group.owner, SHARED)
        flags = [bool(phase.jobs[self.job].writes), closes, node.activation, self.compressed, per_channel]
        made.jobs.append(
            [
                self._arrived(THRESHOLDS, self.run.job_data[self.job]),
                base,
                len(made.thresholds) - base,
                *map(int, flags),
                slot,
                last - first,
                len(group.images),
                place.y1 - place.y0,
                place.x1 - place.x0,
                geometry.operation.pool,
                self.numbers.layer(node, owner).shift,
            ]
        )
        rows, columns = geometry.kept(place)
        made.sent.append(
            SentTile(geometry.operation.output, group.images, (first, last), rows, columns, self.compressed)
        )
        self.job += 1
