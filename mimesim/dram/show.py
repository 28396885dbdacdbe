"""A replay's numbers as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mimesim.dram.replay import Report

__all__ = ["show_report", "show_side_by_side"]


def show_report(report: Report) -> str:
    """Return a line a number, with units."""
    reads_and_writes = report.requests - report.forwarded
    rows = [
        ("standard", f"{report.standard}, map {report.map}"),
        ("requests", f"{report.requests:,} ({report.reads:,} reads, {report.writes:,} writes)"),
        ("clocks", f"{report.clocks:,} ({report.nanoseconds / 1000:,.3f} us)"),
        (
            "bandwidth",
            f"{report.bandwidth_gb_per_s:.3f} GB/s of {report.peak_gb_per_s:.1f}"
            f" ({report.bandwidth_gb_per_s / report.peak_gb_per_s:.1%})",
        ),
        ("mean latency", f"{report.mean_latency_clocks:,.2f} clocks"),
        ("maximum latency", f"{report.max_latency_clocks:,} clocks"),
        ("row hits", f"{report.row_hits:,} of {reads_and_writes:,} ({report.row_hit_rate:.1%})"),
        ("activates", f"{report.activates:,}"),
        ("precharges", f"{report.precharges:,}"),
        ("refreshes", f"{report.refreshes:,}"),
    ]
    if report.forwarded:
        rows.append(("forwarded", f"{report.forwarded:,} reads answered from the write queue"))
    if report.wrapped:
        rows.append(("wrapped", f"{report.wrapped:,} addresses beyond the capacity, their upper bits dropped"))
    if report.energy_pj is None:
        rows.append(("energy", "not known: the standard has no currents"))
    else:
        parts = ", ".join(f"{name} {part / 1e6:,.3f}" for name, part in report.energy_pj.items())
        rows.append(("energy", f"{sum(report.energy_pj.values()) / 1e6:,.3f} uJ ({parts})"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def show_side_by_side(report: Report, closed_form: Mapping[str, Any]) -> str:
    """Return a table: what the controller took, what the machine's closed form takes, by how much more that is."""
    lines = [f"{'':<16}{'controller':>14}{'closed form':>14}{'difference':>12}"]
    for key, name in (
        ("clocks", "clocks"),
        ("mean_latency_clocks", "mean latency"),
        ("max_latency_clocks", "maximum latency"),
        ("row_hits", "row hits"),
        ("activates", "activates"),
        ("precharges", "precharges"),
        ("refreshes", "refreshes"),
    ):
        theirs, ours, above = getattr(report, key), closed_form[key], closed_form["above_percent"][key]
        form = ",.2f" if isinstance(theirs, float) else ","
        difference = "" if above is None else f"{above:+.2f} %"
        lines.append(f"{name:<16}{theirs:>14{form}}{ours:>14{form}}{difference:>12}")
    return "\n".join(lines)
