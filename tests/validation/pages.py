"""Where the numbers and figures of ``docs/validation.md`` lie."""

from __future__ import annotations

from pathlib import Path

__all__ = ["EYERISS", "FOLDER"]

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "validation"
EYERISS = FOLDER / "eyeriss.csv"
