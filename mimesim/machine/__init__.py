"""The machine: one small file per part, put together in :mod:`mimesim.machine.accelerator`."""

from __future__ import annotations

from mimesim.machine.accelerator import replay
from mimesim.machine.dram_trace import ClosedForm, TraceWriter, replay_closed_form
from mimesim.machine.observer import Observer

__all__ = ["ClosedForm", "Observer", "TraceWriter", "replay", "replay_closed_form"]
