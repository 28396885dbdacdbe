"""What a pass, a fill and a drain job cost (section 5), by plain loops over positions, channels and taps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from .geometry import columns_reading
from .program import Job, Pass
from .storage import Block, Storage, ceil_div, uses_thresholds

__all__ = ["DrainCost", "PassCost", "drain_cost", "fill_cycles", "pass_cost"]


@dataclass
class PassCost:
    """The counts of one pass; *row_cycles* holds d(r) of the rows that hold a position."""

    row_cycles: list[int]
    words: int  # the sum of a(r)
    macs: int
    gated: int
    padding: int

    def network_cycles(self, words_per_cycle: int) -> int:
        return ceil_div(self.words, words_per_cycle)


@dataclass
class DrainCost:
    """The counts of one drain job."""

    thresholds: int
    norm: int
    norm_in_envm: bool
    out: int
    load_cycles: int
    compare_cycles: int
    out_cycles: int
    sums: int

    @property
    def cycles(self) -> int:
        return self.load_cycles + self.compare_cycles + self.out_cycles


def pass_cost(made: Pass, storage: Storage) -> PassCost:
    source, skipping = made.chunk.source, storage.case.skipping
    operation, vector = made.operation, made.operation.vector
    pairs = [(channel, tap) for channel in made.chunk.channels for tap in made.chunk.taps]
    reading = {c: columns_reading(operation, source, made.tile, c) for c in made.chunk.channels}
    kept = {}  # columns with a non-zero weight
    for channel, tap in pairs:
        zeros = 0
        if not vector:
            for column in reading[channel]:
                zeros += storage.weight_is_zero(operation, source, made.zeros_of, column, channel, tap)
        kept[channel, tap] = len(reading[channel]) - zeros

    cost = PassCost([], 0, 0, 0, 0)
    rows_of: Counter[tuple[int, tuple[int, int]]] = Counter()  # rows at which a pair is non-zero
    for image in made.group:
        values = storage.non_zero(image, source.tensor)
        for y, x in made.position_tile.positions:
            inside = non_zero = 0
            for channel, (tap_y, tap_x) in pairs:
                in_y = y * source.stride[0] - source.padding[0] + tap_y
                in_x = x * source.stride[1] - source.padding[1] + tap_x
                present = 0 <= in_y < source.shape[1] and 0 <= in_x < source.shape[2]
                value = present and values[channel][in_y][in_x]
                inside += present
                non_zero += value
                if value:
                    rows_of[channel, (tap_y, tap_x)] += 1
                if vector:
                    continue  # no MACs, and all of its PE-cycles are imbalance
                columns = len(reading[channel])
                live = kept[channel, (tap_y, tap_x)]
                if skipping == "none":
                    done = columns if present else 0
                    cost.padding += columns - done
                else:
                    done = live if value else 0
                cost.macs += done
                # A pair takes a cycle without a MAC: gated zeros and padding, and weights that are zero.
                if skipping == "gate":
                    cost.gated += columns - done
                elif skipping != "none" and value:
                    cost.gated += columns - live
            cost.words += inside if skipping == "none" else non_zero
            cost.row_cycles.append(non_zero if skipping == "per_position" else len(pairs))
    if skipping == "lockstep":
        width = storage.hardware.noc.activation_words_per_cycle
        cost.row_cycles = [sum(ceil_div(rows, width) for rows in rows_of.values())] * len(cost.row_cycles)
    return cost


def write_cycles(blocks: list[Block], storage: Storage) -> int:
    """Return how long it takes to write blocks into eNVM."""
    hardware, envm = storage.hardware, storage.hardware.envm
    if not blocks:
        return 0
    assert envm is not None
    words, each = envm.write_words or envm.words_per_cycle, envm.write_latency_cycles
    if each is None:
        assert envm.write_ns is not None
        each = max(1, ceil(Fraction(str(envm.write_ns)) * Fraction(str(hardware.clock_mhz)) / 1000))
    return sum(ceil_div(sum(block.words.values()), words) * each for block in blocks)


def read_latency(storage: Storage) -> int:
    hardware, envm = storage.hardware, storage.hardware.envm
    assert envm is not None
    if envm.read_latency_cycles is not None:
        return envm.read_latency_cycles
    assert envm.read_ns is not None
    return ceil(Fraction(str(envm.read_ns)) * Fraction(str(hardware.clock_mhz)) / 1000)


def fill_cycles(block: Block, mask: Block | None, rewritten: list[Block], storage: Storage) -> tuple[int, int]:
    """Return the cycles in which a fill reads its cache, and those that it takes then (from eNVM: all of them)."""
    hardware = storage.hardware
    network = ceil_div(block.fill_words, hardware.noc.weight_words_per_cycle)
    if block.kind != "envm":
        return network, hardware.noc.latency_cycles
    assert hardware.envm is not None
    stored = sum(block.words.values()) + (sum(mask.words.values()) if mask is not None else 0)
    array = ceil_div(stored, hardware.envm.words_per_cycle)
    reading = max(network, array) + hardware.noc.latency_cycles + read_latency(storage)
    return 0, write_cycles(rewritten, storage) + reading


def drain_cost(job: Job, storage: Storage) -> DrainCost:
    made, hardware = job.cause, storage.hardware
    operation, noc = made.operation, hardware.noc
    thresholds = norm = loading = latency = 0
    if operation.name in storage.case.task_norm:
        norm = 2 * len(made.tile) * len(made.group)
    if uses_thresholds(storage.case, operation):
        per_image = len(made.tile)
        if storage.case.thresholds == "neuron":
            per_image *= len(made.position_tile.positions)
        thresholds = per_image * len(made.group)
    if made.norm_blocks:
        assert hardware.envm is not None
        # From the cache comes what comes from there; then the rest.
        loading = ceil_div(thresholds, noc.threshold_words_per_cycle)
        both = ceil_div(thresholds + norm, noc.threshold_words_per_cycle)
        array = ceil_div(norm, hardware.envm.words_per_cycle)
        latency = max(both, array) - loading + noc.latency_cycles + read_latency(storage)
        latency += write_cycles(made.rewritten_norm, storage)
    elif thresholds + norm:
        loading = ceil_div(thresholds + norm, noc.threshold_words_per_cycle)
        latency = noc.latency_cycles
    out = sum(_outputs(made, image, storage) for image in made.group)
    compare = latency + hardware.compare_cycles
    sums = len(made.tile) * len(made.position_tile.positions) * len(made.group)
    on_chip = bool(made.norm_blocks)
    return DrainCost(thresholds, norm, on_chip, out, loading, compare, ceil_div(out, noc.output_words_per_cycle), sums)


def _outputs(made: Pass, image: int, storage: Storage) -> int:
    """Return the words of one image's outputs that remain in the tile of *made* after pooling."""
    operation = made.operation
    values = storage.non_zero(image, operation.output)
    remaining = non_zero = 0
    for channel in made.tile:
        for out_y in range(operation.output_shape[1]):
            for out_x in range(operation.output_shape[2]):
                if (out_y * operation.fused, out_x * operation.fused) in made.position_tile.positions:
                    remaining += 1
                    non_zero += values[channel][out_y][out_x]
    if storage.compressed(operation.output):
        return non_zero + ceil_div(remaining, storage.hardware.word_bits)
    return remaining
