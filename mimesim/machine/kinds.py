"""The kinds of traffic between DRAM and the chip, numbered in the order in which DRAM grants requests of one cycle."""

from __future__ import annotations

__all__ = ["ACTIVATIONS", "KINDS", "READS", "THRESHOLDS", "WEIGHTS", "WRITE_BACK"]

WEIGHTS, ACTIVATIONS, THRESHOLDS, WRITE_BACK = range(4)

#: What is read, and so cached.
READS = ("weights", "activations", "thresholds")
KINDS = (*READS, "write_back")
