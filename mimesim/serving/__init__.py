"""Requests over time: a stream of requests, a queue and batching policies on the simulated accelerator."""

from __future__ import annotations

from mimesim.serving.arrivals import PROCESSES, Bursty, Drawn, Poisson
from mimesim.serving.costs import CacheState
from mimesim.serving.document import all_violations, render_files
from mimesim.serving.experiment import serve_workload
from mimesim.serving.mix import even_mix, mix_name, parse_mix, skewed_mix
from mimesim.serving.policies import POLICIES
from mimesim.serving.recorded import Recorded
from mimesim.serving.reference import Reference, measure_reference
from mimesim.serving.report import render_report
from mimesim.serving.settings import Outcome, Settings, Stream

__all__ = [
    "POLICIES",
    "PROCESSES",
    "Bursty",
    "CacheState",
    "Drawn",
    "Outcome",
    "Poisson",
    "Recorded",
    "Reference",
    "Settings",
    "Stream",
    "all_violations",
    "even_mix",
    "measure_reference",
    "mix_name",
    "parse_mix",
    "render_files",
    "render_report",
    "serve_workload",
    "skewed_mix",
]
