"""What a run leaves behind: tables, the record of the run, and a summary to read."""

from __future__ import annotations

from mimesim.results.document import RUN_JSON, all_violations, measure
from mimesim.results.rendered import TABLES, Rendered
from mimesim.results.report import render_summary
from mimesim.results.writer import check_destination, write_results

__all__ = [
    "RUN_JSON",
    "TABLES",
    "Rendered",
    "all_violations",
    "check_destination",
    "measure",
    "render_summary",
    "write_results",
]
