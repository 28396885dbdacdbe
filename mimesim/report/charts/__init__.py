"""The charts of a report, in its order; a new one is one new file and one line here."""

from __future__ import annotations

from mimesim.report.charts.energy import Energy
from mimesim.report.charts.evictions import Evictions
from mimesim.report.charts.roofline import Roofline
from mimesim.report.charts.sparsity import Sparsity
from mimesim.report.charts.stalls import Stalls
from mimesim.report.charts.storage import Storage
from mimesim.report.charts.throughput import Throughput
from mimesim.report.charts.traffic import Traffic
from mimesim.report.plot import Chart

__all__ = ["CHARTS"]

#: Every chart by the name that its files and links have.
CHARTS: dict[str, Chart] = {
    chart.name: chart
    for chart in (Energy(), Throughput(), Storage(), Sparsity(), Stalls(), Roofline(), Traffic(), Evictions())
}
