"""The machine: one small file per part, put together in :mod:`mimesim.machine.accelerator`."""

from __future__ import annotations

from mimesim.machine.accelerator import replay
from mimesim.machine.dram_trace import ClosedForm, TraceWriter, replay_closed_form

__all__ = ["ClosedForm", "TraceWriter", "replay", "replay_closed_form"]
