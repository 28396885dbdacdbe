"""DRAM request by request: standards, address maps, controllers, energy; ``docs/dram.md`` describes the model."""

from __future__ import annotations

from mimesim.config.standard import Standard
from mimesim.dram.presets import load_standard, shipped_standards
from mimesim.dram.replay import Report, replay
from mimesim.dram.requests import Requests, read_requests
from mimesim.dram.settings import Settings

__all__ = [
    "Report",
    "Requests",
    "Settings",
    "Standard",
    "load_standard",
    "read_requests",
    "replay",
    "shipped_standards",
]
