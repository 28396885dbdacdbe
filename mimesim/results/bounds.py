"""``bounds.csv``: per case and layer, where the time went and what stands in its way (columns: ``docs/results.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mimesim.bounds import BOUNDS, bytes_per_cycle, layer_bounds
from mimesim.ledger import STALLS
from mimesim.results.csv_file import Row

if TYPE_CHECKING:
    from mimesim.simulation import CaseResult

__all__ = ["BOUNDS_COLUMNS", "bounds_rows"]

BOUNDS_COLUMNS = (
    *("mode", "case", "scheme", "layer", "kind", "phases", "cycles", "busy_cycles"),
    *(f"stall_{name}_cycles" for name in STALLS),
    *(f"least_{name}_cycles" for name in BOUNDS),
    *("bound", "bound_cycles", "overlap"),
    *("macs", "dram_bytes", "macs_per_byte", "peak_macs_per_cycle", "roof_macs_per_cycle", "macs_per_cycle"),
)


def bounds_rows(results: Sequence[CaseResult]) -> Iterator[Row]:
    """One row per case and layer, over all its batches."""
    for result in results:
        hardware = result.hardware
        bandwidth = bytes_per_cycle(hardware)
        for layer in layer_bounds(result.ledger.phases, hardware):
            moved = layer.bursts * hardware.dram.organisation.burst_bytes
            intensity = layer.macs / moved if moved else None
            yield {
                "mode": result.mode,
                "case": result.case,
                "scheme": result.scheme,
                "layer": layer.layer,
                "kind": layer.kind,
                "phases": layer.phases,
                "cycles": layer.cycles,
                "busy_cycles": layer.busy_cycles,
                **{f"stall_{name}_cycles": layer.stalls[name] for name in STALLS},
                **{f"least_{name}_cycles": layer.parts[name] for name in BOUNDS},
                "bound": layer.bound,
                "bound_cycles": layer.cycles_at_best,
                "overlap": layer.cycles_at_best / layer.cycles if layer.cycles else None,
                "macs": layer.macs,
                "dram_bytes": moved,
                "macs_per_byte": intensity,
                "peak_macs_per_cycle": hardware.grid.pes,
                "roof_macs_per_cycle": (
                    None if intensity is None else min(float(hardware.grid.pes), intensity * float(bandwidth))
                ),
                "macs_per_cycle": layer.macs / layer.cycles if layer.cycles else None,
            }
