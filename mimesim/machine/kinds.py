"""The kinds of traffic between DRAM and the chip, numbered in the order in which DRAM grants requests of one cycle."""

from __future__ import annotations

__all__ = ["ACTIVATIONS", "KINDS", "OUTPUTS", "READS", "THRESHOLDS", "WEIGHTS", "WRITE_BACK"]

WEIGHTS, ACTIVATIONS, THRESHOLDS, WRITE_BACK = range(4)

#: What is read, and so cached.
READS = ("weights", "activations", "thresholds")
KINDS = (*READS, "write_back")

#: In a cache: a block of activations that a drain job writes, or wrote, before any pass looks it up.
OUTPUTS = 3
