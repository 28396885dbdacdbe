"""Accelerators for cases that a person can work out: a DRAM without latencies, wide networks, one clock."""

from __future__ import annotations

from typing import Any

from mimesim.config.dram import Dram
from mimesim.config.hardware import ActivationBlock, Grid, Hardware, Noc, Scratchpad
from mimesim.config.standard import Timing

__all__ = ["INSTANT", "bench", "part"]

#: All constraints of the DRAM at 0: a burst takes the one clock in which it is on the bus.
INSTANT: dict[str, Any] = dict.fromkeys(
    (name for name in Timing.model_fields if name != "t_refi"), 0
) | {"t_refi": 6240}  # fmt: skip


def part(burst_bytes: int = 32, transfers: int = 2, row_bursts: int = 128, banks: int = 8, **timing: Any) -> Dram:
    """Return a DRAM at 200 MHz without latencies but for *timing*; other keys stand beside that."""
    rest = {key: timing.pop(key) for key in list(timing) if key not in INSTANT}
    bits = burst_bytes * 8 // transfers
    organisation = {
        "bank_groups": 1,
        "banks_per_group": banks,
        "rows": 1 << 16,
        "columns": row_bursts * transfers,
        "device_bits": bits,
        "bus_bits": bits,
        "burst_length": transfers,
    }
    standard = {"name": "bench", "organisation": organisation, "timing": INSTANT | timing}
    return Dram.model_validate({"clock_mhz": 200, "standard": standard} | rest)


def bench(
    *,
    positions: tuple[int, int] = (1, 1),
    channels: int = 1,
    bank: int = 1,
    noc: dict[str, int] | None = None,
    timing: dict[str, Any] | None = None,
    dram: dict[str, Any] | None = None,
    psum_banks: int = 2,
    patch: tuple[int, int] = (4, 4),
    block_channels: int = 8,
    **rest: Any,
) -> Hardware:
    """Return an accelerator at 200 MHz with words of 16 bits and bursts of 16 words."""
    wide = dict.fromkeys(("weight", "activation", "threshold", "output"), 8)
    rates = {f"{name}_words_per_cycle": rate for name, rate in wide.items()}
    return Hardware(
        grid=Grid(positions=positions, channels=channels),
        scratchpad=Scratchpad.model_validate({"weight_bank_words": bank, "psum_banks": psum_banks}),
        activation_block=ActivationBlock(patch=patch, channels=block_channels),
        noc=Noc(**(rates | {"fill_words_per_cycle": 16, "latency_cycles": 0} | (noc or {}))),
        dram=part(**(timing or {}), **(dram or {})),
        **rest,
    )
