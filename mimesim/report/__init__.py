"""Results as one page: figures, their numbers, and the configuration behind them (``docs/report.md``)."""

from __future__ import annotations

from mimesim.report.writer import write_report

__all__ = ["write_report"]
