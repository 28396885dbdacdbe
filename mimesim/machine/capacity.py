"""Does the machine hold what one pass needs at once? Asked before anything runs (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mimesim.config.hardware import Caches
from mimesim.errors import InputError
from mimesim.machine.kinds import READS
from mimesim.schedule.loopnest import Group, group_images
from mimesim.schedule.program import CasePlan

__all__ = ["check_capacity"]


class _Need(NamedTuple):
    """Words of each kind that one pass needs; *outputs* are those that it allocates beside its activations."""

    weights: int
    activations: int
    thresholds: int
    outputs: int = 0


def check_capacity(plan: CasePlan) -> None:
    """Raise :class:`InputError` if DRAM is too small for the case or, naming layer and sum, a cache for one pass."""
    dram, needed = plan.hardware.dram.organisation, plan.placement.bursts
    if needed > dram.bursts:
        rule = f"the case stores {needed * dram.burst_bytes} bytes; all channels together hold {dram.bytes}"
        raise InputError("hardware", rule, key="dram.organisation.rows", value=dram.rows)
    words, array = plan.placement.envm_words, plan.hardware.envm
    if words and array is None:
        rule = f"the scheme keeps {words} words of parameters in on-chip non-volatile memory; there is none"
        raise InputError("hardware", rule, key="envm", value="null")
    if array is not None and words * plan.hardware.word_bits > array.capacity_kib * 1024 * 8:
        rule = f"the case keeps {words} words there ({words * plan.hardware.word_bits / 8192:g} KiB)"
        raise InputError("hardware", rule, key="envm.capacity_kib", value=array.capacity_kib)
    caches, bits = plan.hardware.caches, plan.hardware.word_bits
    words = plan.hardware.burst_words
    for position, geometry in enumerate(plan.geometries):
        layer = geometry.operation.name
        # Most passes need the same; of several that need as much, an error names the first.
        needs = [_Need(*(bursts * words for bursts in need)) for need in dict.fromkeys(_needs(plan, position))]
        if not needs:
            continue  # no image runs it
        if caches.organisation == "unified":
            worst = max(needs, key=sum)
            _require(layer, "unified_kib", caches, worst, bits)
        else:
            most = (
                _Need(max(need.weights for need in needs), 0, 0),
                max((need._replace(weights=0, thresholds=0) for need in needs), key=sum),
                _Need(0, 0, max(need.thresholds for need in needs)),
            )
            for kind, need in zip(READS, most, strict=True):
                _require(layer, f"{kind}_kib", caches, need, bits)


def _groups(plan: CasePlan, position: int) -> Iterator[Group]:
    """Yield the groups of all phases of an operation."""
    for batch in plan.batches:
        phases = [batch] if plan.schedule.batch_order == "layer_major" else [[image] for image in batch]
        for images in phases:
            for groups in group_images(plan.geometries[position], plan.scheme, images):
                yield from groups


def _needs(plan: CasePlan, position: int) -> Iterator[tuple[int, ...]]:
    """Yield bursts (weights, activations, thresholds, outputs) of the passes that could be the most demanding ones."""
    geometry, placement = plan.geometries[position], plan.placement
    slots = [placement.slots[source.tensor] for source in geometry.operation.sources]
    touched = (geometry.windows.counts * [slots[chunk.source] for chunk in geometry.chunks]).tolist()
    output = placement.slots[geometry.operation.output]
    most_touched = [max(column) for column in zip(*touched, strict=True)]
    kinds = {
        (
            (group.owners, group.view),
            len(group.images),
            tuple(sorted({image.runner(geometry.operation.unit) for image in group.images})),
            sum(plan.writes_back(position, image) for image in group.images),
        )
        for group in _groups(plan, position)
    }
    for (owners, view), images, tasks, writing in kinds:
        masks = placement.masks.get((position, view or ""), {})
        completed = geometry.completed if writing else {}
        weights = [placement.weights.get((position, owner or ""), {}) for owner in owners]
        thresholds = [blocks for task in tasks if (blocks := placement.thresholds.get((position, task))) is not None]
        norms = [norm for task in tasks if (norm := placement.norms.get((position, task))) is not None]
        bursts = [
            {key: 0 if block.in_envm else block.bursts for key, block in blocks.items()} for blocks in (*weights, masks)
        ]
        for tile, every in enumerate(geometry.chunks_of):
            chunks = [k for k in every if owners[geometry.chunks[k].source] is not None]
            own = sum(each[tile].bursts for each in norms if not each[tile].in_envm)
            for k in chunks:
                fetched = bursts[geometry.chunks[k].source].get((tile, k), 0) + bursts[-1].get((tile, k), 0)
                if k != chunks[-1] or not (thresholds or norms or completed):
                    yield fetched, most_touched[k] * images, 0
                    continue
                for place in range(len(geometry.position_tiles)):
                    loaded = own + sum(each[tile, place].bursts for each in thresholds)
                    allocated = len(completed.get((tile, place), ())) * output * writing
                    yield fetched, touched[place][k] * images, loaded, allocated


def _require(layer: str, key: str, caches: Caches, need: _Need, word_bits: int) -> None:
    kib: float = getattr(caches, key)
    capacity = int(kib * 1024 * 8) // word_bits
    words = sum(need)
    unified = caches.organisation == "unified"
    named = {name: count for name, count in need._asdict().items() if count or (unified and name in READS)}
    parts = " + ".join(f"{name} {count}" for name, count in named.items())
    if words > capacity:
        raise InputError(
            "hardware",
            f"layer {layer} needs {words} words at once for one chunk ({parts}, in whole bursts); "
            f"the cache holds {capacity}",
            key=f"caches.{key}",
            value=kib,
        )
