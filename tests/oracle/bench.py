"""Accelerators for cases that a person can work out: a DRAM without latencies, wide networks, one clock."""

from __future__ import annotations

from typing import Any

from mimesim.config.hardware import ActivationBlock, Dram, DramTiming, Grid, Hardware, Noc, Scratchpad

__all__ = ["INSTANT", "bench"]

#: All constraints of the DRAM at 0: a burst takes the one clock in which it is on the bus.
INSTANT: dict[str, Any] = dict.fromkeys(
    ("t_rcd", "t_rp", "t_cl", "t_cwl", "t_ras", "t_rtp", "t_wr", "t_wtr", "t_rtw", "t_rfc"), 0
) | {"clock_mhz": 200, "burst_clocks": 1}


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
        dram=Dram(timing=DramTiming(**(INSTANT | (timing or {}))), **({"burst_bytes": 32} | (dram or {}))),
        **rest,
    )
