"""DRAM request by request: standards, address maps, controllers, energy; ``docs/dram.md`` describes the model."""

from __future__ import annotations

from mimesim.config.standard import Standard
from mimesim.dram.address import REQUEST_BYTES
from mimesim.dram.energy import CommandEnergy, command_energy
from mimesim.dram.presets import load_standard, shipped_standards
from mimesim.dram.replay import Report, replay
from mimesim.dram.requests import Requests, read_requests
from mimesim.dram.settings import Settings

__all__ = [
    "REQUEST_BYTES",
    "CommandEnergy",
    "Report",
    "Requests",
    "Settings",
    "Standard",
    "command_energy",
    "load_standard",
    "read_requests",
    "replay",
    "shipped_standards",
]
