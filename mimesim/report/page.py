"""The page: sections of figures with their tables and links, in one file that needs nothing else."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, NamedTuple

from mimesim.errors import MimesimError
from mimesim.report import style
from mimesim.report.charts import CHARTS
from mimesim.report.names import slug, unique
from mimesim.report.plot import Chart, Plot
from mimesim.report.runs import Gap, Run
from mimesim.report.settings import settings
from mimesim.report.summary import RunSummary, notices, summarise
from mimesim.report.svg import inline
from mimesim.report.units import cell_text

__all__ = ["Drawn", "Section", "check_packages", "render_page", "sections"]

Progress = Callable[[str, int, int], None]


class Drawn(NamedTuple):
    """A plot of a run, or why there is none."""

    run: Run
    name: str
    plot: Plot | None
    gap: str = ""


class Section(NamedTuple):
    """A chart with its plots of all runs."""

    chart: Chart
    items: list[Drawn]


class _Figure(NamedTuple):
    """What the page shows of a plot: texts, two images, a table with its cells as text, and a link."""

    item: Drawn
    wide: str
    narrow: str
    numeric: list[bool]
    rows: list[list[str]]
    csv: str


def check_packages() -> None:
    """Raise :class:`MimesimError` with the command to install what a report needs, where it is not there."""
    for package in ("matplotlib", "jinja2"):
        if find_spec(package) is None:
            raise MimesimError(f"mimesim report needs {package}: pip install 'mimesim[report]'")


def sections(runs: Sequence[Run]) -> list[Section]:
    """Return what every chart makes of *runs*; one that does not depend on the mode shows equal runs once."""
    found = []
    for chart in CHARTS.values():
        items: list[Drawn] = []
        shown: set[str] = set()
        for run in runs:
            try:
                plots = list(chart.plots(run))
            except Gap as gap:
                items.append(Drawn(run, "", None, str(gap)))
                continue
            for plot in plots:
                same = f"{plot.title}\n{plot.csv()}"
                if chart.any_mode and same in shown:
                    continue
                shown.add(same)
                items.append(Drawn(run, f"{run.slug}-{slug(plot.name)}", plot))
        found.append(Section(chart, items))
    names = iter(unique(item.name for section in found for item in section.items if item.plot))
    return [
        section._replace(items=[item._replace(name=next(names)) if item.plot else item for item in section.items])
        for section in found
    ]


def render_page(
    runs: Sequence[Run], passed_over: Sequence[str], found: Sequence[Section], progress: Progress | None = None
) -> str:
    """Return the HTML; *progress* is told the figures drawn."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mimesim.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    total = sum(bool(item.plot) for section in found for item in section.items)
    figures: dict[str, _Figure] = {}
    for section in found:
        for item in section.items:
            if item.plot:
                figures[item.name] = _figure(item, item.plot)
                if progress:
                    progress("mimesim: figures", len(figures), total)
    workloads = list(dict.fromkeys(run.record.workload.name for run in runs))
    html = environment.get_template("page.html").render(
        title=" and ".join(workloads) if len(workloads) < 3 else f"{len(workloads)} workloads",
        css=files("mimesim.report").joinpath("page.css").read_text(encoding="utf-8"),
        runs=[_run(run) for run in runs],
        notices=notices(runs, passed_over),
        sections=found,
        figures=figures,
    )
    return str(html)


def _figure(item: Drawn, plot: Plot) -> _Figure:
    images = {
        wide: inline(
            style.svg(plot.draw, wide=wide),
            f"{item.name}-{'wide' if wide else 'narrow'}",
            plot.title,
            plot.says,
            "wide" if wide else "narrow",
        )
        for wide in (True, False)
    }
    cells = [[row[column.key] for column in plot.columns] for row in plot.rows]
    numeric = [all(not isinstance(row[place], str) for row in cells) for place in range(len(plot.columns))]
    texts = [[cell_text(cell) for cell in row] for row in cells]
    return _Figure(item, images[True], images[False], numeric, texts, _link("text/csv", plot.csv()))


def _run(run: Run) -> dict[str, Any]:
    document = {key: value for key, value in run.document.items() if key not in ("measured", "files")}
    text = json.dumps(document, indent=2) + "\n"
    summary: RunSummary | None
    try:
        summary, gap = summarise(run), ""
    except Gap as missing:
        summary, gap = None, str(missing)
    return {
        "run": run,
        "summary": summary,
        "gap": gap,
        "settings": settings(run),
        "json": text,
        "json_link": _link("application/json", text),
        "versions": ", ".join(f"{name} {version or 'unknown'}" for name, version in run.record.versions.items()),
        "traces": list(_traces(run)),
    }


def _traces(run: Run) -> Iterator[tuple[str, str]]:
    seen = set()
    for case in run.record.cases:
        if case.trace not in seen:
            seen.add(case.trace)
            yield case.trace, f"{case.origin or 'of unknown origin'}, digest {case.trace_digest[:12] or 'unknown'}"


def _link(kind: str, text: str) -> str:
    return f"data:{kind};charset=utf-8;base64,{b64encode(text.encode()).decode()}"
