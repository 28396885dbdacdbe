"""The machine: one small file per part, put together in :mod:`mimesim.machine.accelerator`."""

from __future__ import annotations

from mimesim.machine.accelerator import replay

__all__ = ["replay"]
