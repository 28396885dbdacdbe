"""Many points of a design space: replayed side by side, kept under their hashes, and the best of them picked."""

from __future__ import annotations

from mimesim.sweeps.executors import executor_of, on_cluster, on_processes
from mimesim.sweeps.loader import load_sweep
from mimesim.sweeps.run import Tally, run_sweep
from mimesim.sweeps.search import search_sweep
from mimesim.sweeps.settings import Sweep
from mimesim.sweeps.store import Store
from mimesim.sweeps.table import sweep

__all__ = [
    "Store",
    "Sweep",
    "Tally",
    "executor_of",
    "load_sweep",
    "on_cluster",
    "on_processes",
    "run_sweep",
    "search_sweep",
    "sweep",
]
