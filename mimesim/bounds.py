"""What every layer is up against: the busiest part, a perfect overlap, and the roofline (``docs/machine.md``, 7.1).

The roofline is that of Williams, Waterman and Patterson (2009), in MACs per cycle over MACs per byte of DRAM traffic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from mimesim.config.hardware import Hardware
from mimesim.ledger import PhaseRecord

__all__ = ["BOUNDS", "LayerBound", "bytes_per_cycle", "layer_bounds", "main_bound", "phase_bounds"]

#: What a phase can be up against, in the order that decides between equals.
BOUNDS = ("compute", "dram", "noc", "drain", "cache")

#: Which of DRAM's streams passes through which cache's fill port.
_FILLED = ("weights", "activations", "thresholds")


@dataclass(slots=True)
class LayerBound:
    """One layer of a case, summed over its phases.

    *parts*: the cycles that each of :data:`BOUNDS` needs at least. *reached*: of a perfect overlap of each phase, the
    cycles in which each part is the one that everything waits for; their sum is :attr:`cycles_at_best`.
    """

    layer: str
    kind: str
    phases: int = 0
    cycles: int = 0
    busy_cycles: int = 0
    stalls: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    macs: int = 0
    bursts: int = 0

    @property
    def bound(self) -> str:
        """The part that decides most of the cycles of a perfect overlap."""
        return _deciding(self.reached)

    @property
    def cycles_at_best(self) -> int:
        """Cycles of a perfect overlap: every phase as long as its busiest part."""
        return self.reached.total()


def bytes_per_cycle(hardware: Hardware) -> Fraction:
    """Return what the data buses of all channels of DRAM move in an accelerator cycle at most, in bytes."""
    dram = hardware.dram
    clocks = Fraction(dram.clock_mhz) / Fraction(hardware.clock_mhz)
    return clocks * dram.organisation.channels * dram.organisation.burst_bytes / dram.burst_clocks


def phase_bounds(phase: PhaseRecord, hardware: Hardware) -> dict[str, int]:
    """Return the least cycles of each of :data:`BOUNDS` in *phase*: it cannot be shorter than any of them."""
    bursts: Counter[str] = Counter()
    for row in phase.rows.values():
        for (_, tensor, _), count in row.bursts.items():
            bursts[tensor] += count
    bursts["weights"] -= phase.parts.early_reads
    bursts["outputs"] -= phase.parts.early_writes
    # The task's norm comes the way of thresholds.
    bursts["thresholds"] += bursts.pop("norm", 0)
    rate = bytes_per_cycle(hardware) / hardware.dram.organisation.burst_bytes
    words = hardware.burst_words
    filled = [bursts[kind] * words for kind in _FILLED]
    if hardware.caches.organisation == "unified":
        filled = [sum(filled)]
    fill = -(-max(filled) // hardware.noc.fill_words_per_cycle)
    parts = phase.parts
    return {
        "compute": parts.compute,
        "dram": -(-bursts.total() * rate.denominator // rate.numerator),
        "noc": max(parts.feed, parts.weights, fill),
        "drain": parts.drain,
        "cache": parts.lookups,
    }


def layer_bounds(phases: Sequence[PhaseRecord], hardware: Hardware) -> list[LayerBound]:
    """Return one bound a layer, in the order in which layers first ran."""
    layers: dict[str, LayerBound] = {}
    for phase in phases:
        layer = layers.setdefault(phase.layer, LayerBound(phase.layer, phase.kind))
        parts = phase_bounds(phase, hardware)
        longest = max(BOUNDS, key=parts.__getitem__)
        layer.phases += 1
        layer.cycles += phase.end_cycle - phase.start_cycle
        layer.parts.update(parts)
        layer.reached[longest] += parts[longest]
        for row in phase.rows.values():
            layer.busy_cycles += row.busy_cycles
            layer.stalls.update(row.stalls)
            layer.macs += row.macs
            layer.bursts += sum(row.bursts.values())
    return list(layers.values())


def main_bound(phases: Sequence[PhaseRecord], hardware: Hardware) -> tuple[str, int]:
    """Return the part that decides most of a perfect overlap of *phases*, and the cycles that such an overlap takes."""
    reached: Counter[str] = Counter()
    for layer in layer_bounds(phases, hardware):
        reached.update(layer.reached)
    return _deciding(reached), reached.total()


def _deciding(reached: Counter[str]) -> str:
    """Return the part that most cycles of a perfect overlap wait for."""
    return max(BOUNDS, key=lambda part: reached[part])
