"""A second implementation of ``docs/machine.md``: slow, stepped cycle by cycle and independent of the model."""

from __future__ import annotations

from .interface import OracleCase, OracleImage, OracleResult, Phase
from .machine import simulate

__all__ = ["OracleCase", "OracleImage", "OracleResult", "Phase", "simulate"]
