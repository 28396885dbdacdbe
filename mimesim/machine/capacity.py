"""Does the machine hold what one pass needs at once? Asked before anything runs (``docs/machine.md``, section 6.1)."""

from __future__ import annotations

from mimesim.config.hardware import Caches
from mimesim.errors import InputError
from mimesim.schedule.geometry import Geometry
from mimesim.schedule.program import CasePlan

__all__ = ["check_capacity"]


def check_capacity(plan: CasePlan) -> None:
    """Raise :class:`InputError`, naming the layer and the sum, if a cache is too small for one pass."""
    caches, hardware = plan.hardware.caches, plan.hardware
    for position, geometry in enumerate(plan.geometries):
        weights = max(
            (
                block.bursts
                for (place, _), blocks in plan.placement.weights.items()
                if place == position
                for block in blocks.values()
            ),
            default=0,
        )
        activations, group = _activations(plan, position, geometry)
        tasks = {task for place, task in plan.placement.thresholds if place == position}
        thresholds = sum(
            max(block.bursts for block in plan.placement.thresholds[position, task].values())
            for task in list(tasks)[:group]
        )
        needed = {
            "weights": weights * hardware.burst_words,
            "activations": activations * hardware.burst_words,
            "thresholds": thresholds * hardware.burst_words,
        }
        _compare(geometry.operation.name, needed, caches, hardware.word_bits)


def _activations(plan: CasePlan, position: int, geometry: Geometry) -> tuple[int, int]:
    """Return the bursts of the activation slots that a pass touches at most, and the images that share it."""
    batch = max(len(images) for images in plan.batches)
    group = min(geometry.images_per_pass, batch)
    image = plan.batches[0][0]
    slots = [region.slot for region in plan.placement.inputs(position, image)]
    touched = max(
        len(blocks) * slots[chunk.source]
        for windows in geometry.windows
        for chunk, blocks in zip(geometry.chunks, windows, strict=True)
    )
    return touched * group, group


def _compare(layer: str, needed: dict[str, int], caches: Caches, word_bits: int) -> None:
    if caches.organisation == "unified":
        total, parts = sum(needed.values()), " + ".join(f"{kind} {words}" for kind, words in needed.items())
        _require(layer, "unified_kib", caches.unified_kib, total, parts, word_bits)
        return
    for kind, words in needed.items():
        key = f"{kind}_kib"
        _require(layer, key, getattr(caches, key), words, f"{kind} {words}", word_bits)


def _require(layer: str, key: str, kib: float, words: int, parts: str, word_bits: int) -> None:
    capacity = int(kib * 1024 * 8) // word_bits
    if words > capacity:
        raise InputError(
            "hardware",
            f"layer {layer} needs {words} words at once for one chunk ({parts}, in whole bursts); the cache holds {capacity}",
            key=f"caches.{key}",
            value=kib,
        )
