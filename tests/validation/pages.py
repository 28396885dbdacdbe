"""Where the numbers and figures of ``docs/validation.md`` lie."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CYCLES", "DRAM", "EYERISS", "FOLDER"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "validation"
CYCLES = FOLDER / "cycles.csv"
DRAM = FOLDER / "dram.csv"
EYERISS = FOLDER / "eyeriss.csv"
