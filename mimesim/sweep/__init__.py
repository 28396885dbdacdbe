"""Many points of a design space: replayed side by side, kept under their hashes, and the best of them picked."""

from __future__ import annotations

from mimesim.sweep.executors import on_cluster, on_processes
from mimesim.sweep.loader import load_sweep
from mimesim.sweep.run import Tally, run_sweep
from mimesim.sweep.search import search_sweep
from mimesim.sweep.settings import Sweep
from mimesim.sweep.store import Store

__all__ = ["Store", "Sweep", "Tally", "load_sweep", "on_cluster", "on_processes", "run_sweep", "search_sweep"]
