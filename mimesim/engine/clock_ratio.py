"""How the clocks of DRAM and of the accelerator go together, in whole numbers."""

from __future__ import annotations

from fractions import Fraction

from mimesim.config.hardware import Hardware

__all__ = ["LARGEST", "clock_ratio"]

#: Up to here the product with any cycle below 2^40 stays below 2^62, where 64-bit numbers end.
LARGEST = 1 << 22


def clock_ratio(hardware: Hardware) -> tuple[int, int]:
    """Return DRAM clocks and accelerator cycles that take the same time, as a fraction in lowest terms."""
    ratio = Fraction(hardware.dram.clock_mhz) / Fraction(hardware.clock_mhz)
    return ratio.numerator, ratio.denominator
