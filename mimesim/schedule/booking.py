"""What a phase books whatever its timing and its caches: no stalls, no fetches (``docs/machine.md``, section 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from math import prod

from mimesim.ledger import ImageRow, PhaseRecord
from mimesim.schedule.costs import ImageCosts
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.images import Image
from mimesim.schedule.loopnest import Group
from mimesim.schedule.memory_map import ParameterBlock
from mimesim.schedule.program import CasePlan, Phase

__all__ = ["book_envm", "book_images", "book_phase", "book_rewritten", "book_storage"]


def book_phase(plan: CasePlan, phase: Phase) -> None:
    """Book counts, MACs and the PE cycles that follow from them into the rows of *phase*, and its fills."""
    book_images(plan, phase.position, phase.record, phase.groups)
    for fill in phase.fills:
        row, block = phase.record.row(fill.image), fill.block
        level = "envm" if block.in_envm else "cache"
        row.book(level, "weights", "read", block.values)
        row.book(level, "index", "read", block.index)
        row.book(level, "norm", "read", block.norm)
        row.book("reg", "weights", "write", block.filled * plan.hardware.grid.rows)
        if fill.mask is not None:
            phase.record.row(fill.mask_image).book(level, "index", "read", fill.mask.index)
        for written in fill.rewritten:
            user = fill.mask_image if written is fill.mask else fill.image
            _book_block(phase.record.row(user), "weights", written)
    for job in phase.jobs:
        for use in job.rewritten:
            _book_block(phase.record.row(use.image), use.tensor, use.block)


def _book_block(row: ImageRow, tensor: str, block: ParameterBlock) -> None:
    book_rewritten(row, tensor, (block.values, block.index, block.norm), block.bursts)


def book_rewritten(row: ImageRow, tensor: str, words: Iterable[int], bursts: int) -> None:
    """Book what is fetched from DRAM and written into non-volatile memory: *words* of values, of index and of norm."""
    for name, count in zip((tensor, "index", "norm"), words, strict=True):
        row.book("dram", name, "read", count)
        row.book("envm", name, "write", count)
    row.bursts["dram", tensor, "read"] += bursts


def book_images(plan: CasePlan, position: int, record: PhaseRecord, groups: Iterable[Group]) -> None:
    """Book counts, MACs and the PE cycles that follow from them into the rows of *record*."""
    for group in groups:
        for image in group.images:
            _book_image(plan, record, position, image, record.row(image.index))


def _book_image(plan: CasePlan, record: PhaseRecord, position: int, image: Image, row: ImageRow) -> None:
    geometry = plan.geometries[position]
    operation = geometry.operation
    costs = plan.book.costs(geometry, image, plan.skipping)
    dense = plan.book.costs(geometry, image, "none")
    task = image.runner(operation.unit)
    masks = image.trace.weight_mask(task, operation.name) if _prunes(plan, position, task) else None
    row.macs = costs.macs(masks)
    row.macs_dense = dense.macs(None)
    # A tensor that several sources read is one tensor.
    read = {
        source.tensor: (prod(source.shape), int(stored.values.sum()))
        for source, stored, present in zip(operation.sources, costs.inputs, costs.present, strict=True)
        if present
    }
    row.input_elements = sum(elements for elements, _ in read.values())
    row.input_set = sum(values for _, values in read.values())
    row.output_elements = prod(operation.output_shape)
    row.output_set = costs.output_set
    _book_activations(geometry, costs, row)
    for tensor in ("weights", "activations"):
        row.book("reg", tensor, "read", row.macs)
    for direction in ("read", "write"):
        row.book("reg", "psums", direction, row.macs)
    row.book("reg", "outputs", "read", prod(operation.shape))
    blocks = plan.placement.thresholds.get((position, task))
    if blocks is not None:
        words = sum(block.values for block in blocks.values())
        row.book("cache", "thresholds", "read", words)
        row.book("reg", "thresholds", "write", words)
        row.book("reg", "thresholds", "read", words)
    norms = plan.placement.norms.get((position, task))
    if norms is not None:
        words = len(geometry.position_tiles) * sum(block.values for block in norms.values())
        on_chip = any(block.in_envm for block in norms.values())
        row.book("envm" if on_chip else "cache", "norm", "read", words)
        row.book("reg", "norm", "write", words)
        row.book("reg", "norm", "read", words)
    if not plan.writes_back(position, image):
        # Else the caches decide what is written, and when.
        output = costs.output
        row.book("dram", "outputs", "write", int(output.values.sum()))
        row.book("dram", "mask", "write", int(output.bitmap.sum()))
        row.bursts["dram", "outputs", "write"] += int(output.bursts.sum())
    _book_pe_cycles(plan, record, geometry, costs, dense, row)


def _prunes(plan: CasePlan, position: int, task: str) -> bool:
    weighted = plan.geometries[position].operation.has_weights
    return weighted and plan.skipping != "none" and plan.placement.parameters(position, task).pruned


def _book_activations(geometry: Geometry, costs: ImageCosts, row: ImageRow) -> None:
    """Book what the activation network carries, and the bitmaps that say what it need not carry."""
    words = costs.sparse.total.sum(axis=0)
    sent = stored = 0
    for tile, (first, last) in enumerate(geometry.channel_tiles):
        through = int(words[geometry.chunks_of[tile]].sum())
        sent += through
        stored += through * (last - first)
    row.book("cache", "activations", "read", sent)
    row.book("reg", "activations", "write", stored)
    if any(source.bitmap.any() for source in costs.inputs):
        looked_up = zip(geometry.lookups, costs.inputs, strict=True)
        row.book("cache", "mask", "read", sum(int((times * source.bitmap).sum()) for times, source in looked_up))


def _book_pe_cycles(
    plan: CasePlan, record: PhaseRecord, geometry: Geometry, costs: ImageCosts, dense: ImageCosts, row: ImageRow
) -> None:
    """Book MACs, gated cycles and padding; swaps, unmapped PEs and imbalance follow when the passes have run."""
    pe = record.pe
    pe.macs += row.macs
    if not geometry.operation.has_weights:
        return
    if plan.skipping in ("none", "gate"):
        slots = prod(geometry.operation.shape[1:]) * sum(
            geometry.weights_in(tile, geometry.chunks[k])
            for tile, chunks in enumerate(geometry.chunks_of)
            for k in chunks
            if costs.present[geometry.chunks[k].source]
        )
        if plan.skipping == "gate":
            pe.gated += slots - row.macs
        else:
            pe.padding += slots - dense.unweighted_macs
    else:
        pe.gated += costs.unweighted_macs - row.macs


def book_envm(plan: CasePlan) -> Counter[tuple[str, str, str]]:
    """Return the words that lie in on-chip non-volatile memory for good, of those of :func:`book_storage`."""
    stored: Counter[tuple[str, str, str]] = Counter()
    placement = plan.placement
    for name, table in (("weights", placement.weights), ("index", placement.masks), ("norm", placement.norms)):
        for (position, owner), blocks in table.items():
            layer = plan.geometries[position].operation.name
            for block in blocks.values():
                if block.in_envm and block.home < 0:
                    stored[layer, owner, name] += block.values
                    stored[layer, owner, "index"] += block.index
                    stored[layer, owner, "norm"] += block.norm
    return +stored


def book_storage(plan: CasePlan) -> Counter[tuple[str, str, str]]:
    """Return the words of parameters that are stored by (layer, owner, tensor), for all tasks of the workload."""
    return plan.placement.once("storage", partial(_stored, plan)).copy()


def _stored(plan: CasePlan) -> Counter[tuple[str, str, str]]:
    stored: Counter[tuple[str, str, str]] = Counter()
    for (position, owner), blocks in plan.placement.weights.items():
        layer = plan.geometries[position].operation.name
        for block in blocks.values():
            stored[layer, owner, "weights"] += block.values
            stored[layer, owner, "index"] += block.index
            stored[layer, owner, "norm"] += block.norm
    for (position, task), blocks in plan.placement.thresholds.items():
        layer = plan.geometries[position].operation.name
        stored[layer, task, "thresholds"] += sum({block.address: block.values for block in blocks.values()}.values())
    for (position, view), masks in plan.placement.masks.items():
        layer = plan.geometries[position].operation.name
        stored[layer, view, "index"] += sum(block.index for block in masks.values())
    for (position, task), norms in plan.placement.norms.items():
        layer = plan.geometries[position].operation.name
        stored[layer, task, "norm"] += sum(block.values for block in norms.values())
    return +stored
