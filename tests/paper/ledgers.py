"""Runs written by hand: a layer's counts, without a machine."""

from __future__ import annotations

from mimesim.ledger import CaseLedger, ImageRow, PhaseRecord
from mimesim.paper.claims import CLAIMS, Claim
from mimesim.paper.runs import RunResult


def run(**layers: dict[str, int]) -> RunResult:
    """Return a run whose layers have the given ``cycles``, ``macs``, ``dram``, ``cache`` and ``padding``."""
    ledger = CaseLedger()
    clock = 0
    for name, counts in layers.items():
        row = ImageRow(macs=counts.get("macs", 0))
        row.book("dram", "weights", "read", counts.get("dram", 0))
        row.book("cache", "weights", "read", counts.get("cache", 0))
        for tensor, direction in (("weights", "read"), ("activations", "read"), ("psums", "read"), ("psums", "write")):
            row.book("reg", tensor, direction, row.macs)
        phase = PhaseRecord(0, name, "conv", (0,), clock, clock + counts.get("cycles", 1), rows={0: row})
        phase.pe.padding = counts.get("padding", 0)
        clock = phase.end_cycle
        ledger.phases.append(phase)
    return RunResult.of(ledger, 1)


def claim(figure: str, layer: str, text: str = "") -> Claim:
    """Return the one claim of *figure* about *layer* whose quantity holds *text*."""
    (found,) = [c for c in CLAIMS if c.figure == figure and c.layer == layer and text in c.quantity]
    return found
