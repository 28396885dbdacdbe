"""All schemes side by side on the same tasks, images and hardware: one table, the Pareto front, what to take when."""

from __future__ import annotations

from mimesim.compare.advice import Advice, Constraints
from mimesim.compare.comparison import Comparison, compare_workload
from mimesim.compare.document import render_files
from mimesim.compare.front import marks
from mimesim.compare.report import render_report
from mimesim.compare.suite import Suite, plan_suite

__all__ = [
    "Advice",
    "Comparison",
    "Constraints",
    "Suite",
    "compare_workload",
    "marks",
    "plan_suite",
    "render_files",
    "render_report",
]
