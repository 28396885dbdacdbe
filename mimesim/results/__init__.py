"""What a run leaves behind: tables, the record of the run, and a summary to read."""

from __future__ import annotations

from mimesim.results.document import RUN_JSON, all_violations
from mimesim.results.report import render_summary
from mimesim.results.writer import check_destination, write_results

__all__ = ["RUN_JSON", "all_violations", "check_destination", "render_summary", "write_results"]
