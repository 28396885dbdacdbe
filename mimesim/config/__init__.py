"""What a user may write in YAML, checked: unknown keys are refused, units stand in the keys' names."""

from __future__ import annotations

from mimesim.config.energy import Energy
from mimesim.config.hardware import Hardware
from mimesim.config.loader import dump_workload, load_workload
from mimesim.config.overrides import Override
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.config.shipped import shipped_folder
from mimesim.config.workload import Case, Workload

__all__ = [
    "Case",
    "Energy",
    "Hardware",
    "Mode",
    "Override",
    "Schedule",
    "Skipping",
    "Workload",
    "dump_workload",
    "load_workload",
    "shipped_folder",
]
