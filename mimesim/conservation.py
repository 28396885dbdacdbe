"""The laws that every run must obey, recounted another way than the machine counts (DESIGN, section 10).

A recount starts from the masks and the network's own numbers (:mod:`mimesim.recount` counts the MACs).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from math import prod

import numpy as np
from numpy.typing import NDArray

from mimesim.config.energy import Accounting, Energy
from mimesim.config.hardware import Hardware
from mimesim.energy import CaseEnergy, PriceList, padding_words
from mimesim.ledger import SHARED_IMAGE, CaseLedger, ImageRow, PhaseRecord
from mimesim.network import Node
from mimesim.recount import recount_macs, rewriting_laws
from mimesim.schedule.images import Image
from mimesim.schedule.program import CasePlan

__all__ = ["energy_violations", "violations"]

#: What goes from the PE grid into a cache, and from there to DRAM, if at all.
_WRITTEN = {"outputs", "outputs_mask"}

BoolArray = NDArray[np.bool_]


def violations(plan: CasePlan, ledger: CaseLedger) -> list[str]:
    """Return every law that *ledger* breaks, as a sentence with the place and both numbers; empty if it balances."""
    recount = _Recount(plan, {geometry.operation.name for geometry in plan.geometries})
    found: list[str] = []
    end = 0
    for number, phase in enumerate(ledger.phases):
        where = f"batch {phase.batch}, layer {phase.layer}"
        laws = (_time_laws(phase, plan.hardware, end), _traffic_laws(phase, plan.hardware), recount.laws(phase))
        found.extend(f"{where}: {broken}" for law in laws for broken in law)
        end = phase.end_cycle
        if number + 1 == len(ledger.phases):
            found.extend(_differ("run: cycles and the end of the last phase", ledger.cycles, end))
    found.extend(_cache_laws(ledger))
    for name in ("activates", "refreshes", "active_clocks"):
        parts = sum(phase.commands[name] for phase in ledger.phases)
        found.extend(_differ(f"run: DRAM {name} of the phases, of the run", parts, ledger.dram_events[name]))
    found.extend(recount.storage(ledger))
    found.extend(rewriting_laws(plan, ledger))
    found.extend(recount.completeness(ledger))
    return found


def energy_violations(ledger: CaseLedger, energy: Energy, hardware: Hardware) -> list[str]:
    """Return where the parts of the energy do not add up to what the totals of the ledger cost."""
    found: list[str] = []
    accountings: tuple[Accounting, ...] = ("paper", "full")
    for accounting in accountings:
        prices = PriceList(energy.prices, accounting, hardware, energy.dram)
        parts, total = CaseEnergy(ledger, prices).quanta(), prices.total(ledger)
        if parts != total:
            sums = f"{prices.energy(parts)} {prices.unit}, the total is {prices.energy(total)}"
            found.append(f"energy ({accounting}): the parts sum to {sums}")
    return found


def _time_laws(phase: PhaseRecord, hardware: Hardware, start: int) -> Iterator[str]:
    """Phases follow each other; the grid is busy or waits; the cycles of all PEs are accounted for."""
    elapsed, pes = phase.end_cycle - phase.start_cycle, hardware.grid.pes
    rows = phase.rows.values()
    stalled = sum(row.stalls.total() for row in rows)
    yield from _differ("start and the end of the phase before", phase.start_cycle, start)
    yield from _differ("busy and stalled cycles, elapsed", sum(row.busy_cycles for row in rows) + stalled, elapsed)
    yield from _differ("PE cycles by part, PEs x elapsed", phase.pe.total() + pes * stalled, pes * elapsed)
    yield from _differ("MACs of the PEs and of the images", phase.pe.macs, sum(row.macs for row in rows))
    # Imbalance is what is left over, so only its sign can be wrong; so it is with the attribution of stalls.
    parts = [(part.name, getattr(phase.pe, part.name)) for part in fields(phase.pe)]
    stalls = [(f"stall {name}", cycles) for row in rows for name, cycles in row.stalls.items()]
    yield from (f"{name} is negative: {value}" for name, value in (*parts, *stalls) if value < 0)


def _traffic_laws(phase: PhaseRecord, hardware: Hardware) -> Iterator[str]:
    """Whatever leaves DRAM enters a cache, in whole bursts; each MAC reads its operands."""
    for image, row in phase.rows.items():
        name = _name(image)
        tensors = {tensor for level, tensor, _ in row.words if level in ("dram", "cache")} - _WRITTEN
        for tensor in sorted(tensors):
            read, filled = row.words["dram", tensor, "read"], row.words["cache", tensor, "write"]
            filled += row.words["envm", tensor, "write"]
            yield from _differ(f"{name}: {tensor} read from DRAM, filled into the cache or rewritten", read, filled)
        for (tensor, direction), padding in padding_words(row, hardware.burst_words).items():
            if padding < 0:
                yield f"{name}: bursts of {tensor} ({direction}) are {-padding} words short"
        for tensor, direction in (("weights", "read"), ("activations", "read"), ("psums", "read"), ("psums", "write")):
            booked = row.words["reg", tensor, direction]
            yield from _differ(f"{name}: scratchpad {tensor} {direction}, MACs", booked, row.macs)
        for tensor in ("outputs", "mask") if image not in phase.images else ():
            yield from _differ(f"{name}: {tensor} written by a phase of other images", _drained(row, tensor), 0)
        loaded = row.words["cache", "thresholds", "read"]
        for direction in ("read", "write"):
            booked = row.words["reg", "thresholds", direction]
            yield from _differ(f"{name}: scratchpad thresholds {direction}, thresholds loaded", booked, loaded)
        moved = [row.words["reg", "norm", direction] for direction in ("read", "write")]
        yield from _differ(f"{name}: scratchpad norm read, written", *moved)


def _cache_laws(ledger: CaseLedger) -> Iterator[str]:
    """What enters a cache leaves it or is there at the end; nothing is fetched again that was not evicted."""
    blocks, words = ledger.cache_blocks, ledger.words()
    left = blocks["evicted"] + blocks["dropped"] + blocks["resident"]
    yield from _differ("run: blocks inserted in the caches, those that left or are resident", blocks["inserted"], left)
    rows = [counts for phase in ledger.phases for counts in phase.evictions.values()]
    yield from _differ("run: blocks evicted, by whom", blocks["evicted"], sum(counts.blocks for counts in rows))
    again = sum(counts.refetched_words for counts in rows)
    read = sum(count for (level, _, way), count in words.items() if (level, way) == ("dram", "read"))
    if again > read:
        yield f"run: {again} words were fetched again, {read} were read"
    for counts in rows:
        if counts.refetched_words > counts.words:
            yield f"run: {counts.refetched_words} words of {counts.words} evicted were fetched again"
    for tensor in _WRITTEN:
        allocated, evicted = words["cache", tensor, "write"], words["cache", tensor, "read"]
        if evicted > allocated:
            yield f"run: {evicted} words of {tensor} were evicted, {allocated} were written into a cache"


class _Recount:
    """Counts from masks, each made once per image and layer."""

    def __init__(self, plan: CasePlan, layers: set[str]) -> None:
        self._plan = plan
        self._network = plan.network
        self._layers = layers
        self._images = {image.index: image for batch in plan.batches for image in batch}

    def laws(self, phase: PhaseRecord) -> Iterator[str]:
        """MACs, set bits, sums and written words of each image."""
        node = self._network.node(phase.layer)
        written = self._written(node)
        for index in phase.images:
            image, row, name = self._images[index], phase.rows[index], _name(index)
            masks = {tensor: self._mask(image, tensor) for tensor in node.reads if self._has(image, tensor)}
            yield from _differ(f"{name}: MACs, recounted", row.macs, self._macs(node, image, masks))
            if len(masks) == len(node.reads):
                dense = self._network.macs_dense(node)
            else:
                dense = self._macs(node, image, dict.fromkeys(masks), dense=True)
            yield from _differ(f"{name}: dense MACs, recounted", row.macs_dense, dense)
            sets = sum(self._set(tensor, mask) for tensor, mask in masks.items())
            yield from _differ(f"{name}: set inputs, recounted", row.input_set, sets)
            yield from _differ(f"{name}: sums drained, outputs", row.words["reg", "outputs", "read"], prod(node.shape))
            output = self._mask(image, written)
            values = self._set(written, output)
            yield from _differ(f"{name}: set outputs, recounted", row.output_set, values)
            yield from _differ(f"{name}: outputs written, set outputs", _drained(row, "outputs"), values)
            bitmap = 0 if output is None else self._bitmap_words(output.shape)
            yield from _differ(f"{name}: mask words written, recounted", _drained(row, "mask"), bitmap)
            loaded = row.words["cache", "thresholds", "read"]
            yield from _differ(f"{name}: thresholds loaded, recounted", loaded, self._thresholds(node, image))
            loaded = row.words["reg", "norm", "read"]
            yield from _differ(f"{name}: norm loaded, recounted", loaded, self._norm(node, image))

    def completeness(self, ledger: CaseLedger) -> Iterator[str]:
        """Every image ran every layer of its units exactly once, and no other."""
        times = Counter((index, phase.layer) for phase in ledger.phases for index in phase.images)
        for index, image in self._images.items():
            for layer in sorted(self._layers):
                once = int(self._has(image, layer))
                yield from _differ(f"{_name(index)}, layer {layer}: times it ran", times[index, layer], once)

    def storage(self, ledger: CaseLedger) -> Iterator[str]:
        """The parameters in DRAM are those of the network and the scheme."""
        stored: defaultdict[tuple[str, str], int] = defaultdict(int)
        for (layer, owner, tensor), words in ledger.stored_words.items():
            if tensor in ("weights", "norm"):
                stored[layer, owner] += words
        for (layer, owner), words in stored.items():
            expected = self._stored(self._network.node(layer), owner)
            yield from _differ(f"layer {layer}: weights of {owner} in DRAM, recounted", words, expected)

    def _stored(self, node: Node, owner: str) -> int:
        """Return the words of an owner's weights and norm at a layer: of its inputs and of the branches it owns."""
        scheme, network, source = self._plan.scheme, self._network, next(iter(self._images.values())).trace
        tasks = [task for task in self._plan.tasks if self._has(Image(-1, task, 0, source), node.name)]
        users = [task for task in tasks if scheme.parameters(node, task).weights_owner == owner]
        words = scheme.weights_words(network, node) if users else 0
        norm = scheme.parameters(node, tasks[0]).norm if tasks else "folded"
        if norm != "folded":
            words -= node.shape[0] * bool(users)
        if norm == "task":
            words += 2 * node.shape[0] * (owner in tasks)
        first = scheme.parameters(node, users[0]) if users else None
        kept = source.weight_mask(users[0], node.name) if first is not None and first.pruned else None
        if kept is not None and first is not None and first.storage == "bitmap":
            words += int(kept.sum()) - kept.size
        for branch in node.branches:
            if any(scheme.branch(node, branch, task).weights_owner == owner for task in tasks):
                words += prod(network.branch_shape(node, branch))
        return words

    def _macs(self, node: Node, image: Image, masks: Mapping[str, BoolArray | None], *, dense: bool = False) -> int:
        """Return the MACs on the tensors in *masks*, the ones that the image has."""
        if not node.has_weights:
            return 0
        network, macs, offset = self._network, 0, 0
        pruned = self._plan.scheme.parameters(node, image.runner(node.unit)).pruned and self._plan.skipping != "none"
        weights = image.trace.weight_mask(image.runner(node.unit), node.name) if pruned and not dense else None
        for tensor in node.inputs:
            shape = network.node(tensor).shape
            wide = shape[0] // node.groups
            if tensor in masks:
                kept = None if weights is None else weights[:, offset : offset + wide]
                macs += recount_macs(node, shape, masks[tensor], kept)
            offset += wide
        for branch in node.branches:
            if branch.input in masks:
                shape = network.node(branch.input).shape
                macs += recount_macs(node, shape, masks[branch.input], branch=branch)
        return macs

    def _has(self, image: Image, tensor: str) -> bool:
        return image.runs(self._network.node(tensor).unit)

    def _mask(self, image: Image, tensor: str) -> BoolArray | None:
        """Return the mask by which the case goes; None where every element counts."""
        if self._plan.skipping == "none" or not self._network.is_sparse(tensor):
            return None
        return image.mask(tensor)

    def _set(self, tensor: str, mask: BoolArray | None) -> int:
        return prod(self._network.node(tensor).shape) if mask is None else int(np.count_nonzero(mask))

    def _written(self, node: Node) -> str:
        """Return the tensor that a layer writes: its pool's, if that is no layer of its own."""
        pools = [consumer.name for consumer in self._network.consumers(node.name) if consumer.name not in self._layers]
        return pools[0] if pools else node.name

    def _bitmap_words(self, shape: Iterable[int]) -> int:
        """Return the words of one image's bitmaps: one bit an element, each block in whole words."""
        block, bits = self._plan.hardware.activation_block, self._plan.hardware.word_bits
        channels, height, width = shape
        rows, columns = min(block.patch[0], height), min(block.patch[1], width)
        deep = block.channels * max(1, block.patch[0] * block.patch[1] // (rows * columns))
        axes = [
            [min(side, size - start) for start in range(0, size, side)]
            for size, side in ((channels, deep), (height, rows), (width, columns))
        ]
        elements = np.multiply.outer(np.multiply.outer(axes[0], axes[1]), axes[2])
        return int((-(-elements // bits)).sum())

    def _thresholds(self, node: Node, image: Image) -> int:
        """Return the thresholds that the drains of one image load: one for each output, or each channel of a tile."""
        granularity = self._plan.scheme.parameters(node, image.runner(node.unit)).thresholds
        if granularity is None:
            return 0
        return prod(node.shape) if granularity == "neuron" else self._channel_loads(node)

    def _norm(self, node: Node, image: Image) -> int:
        """Return the scales and shifts that the drains of one image load."""
        own = node.has_weights and self._plan.scheme.parameters(node, image.runner(node.unit)).norm == "task"
        return 2 * self._channel_loads(node) if own else 0

    def _channel_loads(self, node: Node) -> int:
        """Return the words that an image loads if each tile loads one for each of its channels."""
        channels, height, width = node.shape
        rows, columns = self._plan.hardware.grid.positions
        return channels * -(-height // min(rows, height)) * -(-width // min(columns, width))


def _drained(row: ImageRow, tensor: str) -> int:
    """Return the words that drain jobs wrote to DRAM or into a cache; what was evicted dirty is not theirs."""
    cached = "outputs" if tensor == "outputs" else "outputs_mask"
    evicted = row.words["cache", cached, "read"]
    return row.words["dram", tensor, "write"] - evicted + row.words["cache", cached, "write"]


def _name(image: int) -> str:
    return "shared" if image == SHARED_IMAGE else f"image {image}"


def _differ(what: str, first: int, second: int) -> Iterator[str]:
    if first != second:
        yield f"{what}: {first} is not {second}"
