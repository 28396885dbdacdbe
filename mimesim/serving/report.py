"""The summary that a person reads after a serving run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mimesim.results.csv_file import as_number
from mimesim.serving.crossover import METRICS, SIDES, TIE, Verdict, verdicts
from mimesim.serving.document import all_violations
from mimesim.serving.reference import Reference
from mimesim.serving.settings import Outcome, Settings
from mimesim.serving.tables import whole_row

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["render_report"]

_WORDS = {
    "latency_p95_ms": "95 % latency",
    "energy_per_request": "energy per request",
    "throughput_per_s": "throughput",
}


def render_report(
    outcomes: Sequence[Outcome], name: str, settings: Settings, reference: Reference, out: Path
) -> RenderableType:
    """Return, for :mod:`rich` to print: every case and policy of one stream, or who wins where of several."""
    from rich.console import Group
    from rich.text import Text

    streams = {outcome.stream.number: outcome.stream for outcome in outcomes}
    found = list(verdicts(outcomes))
    parts: list[RenderableType] = []
    if len(streams) == 1:
        stream = outcomes[0].stream
        load = "" if stream.load is None else f", {stream.rate_per_s:.6g} requests/s, load {stream.load:.3g}"
        what = f"{name}, {stream.arrivals.describe()['arrivals']}{load}, mix {stream.mix}, {settings.caches} caches"
        parts += [Text(what, style="bold"), _cases(outcomes), *_tasks(outcomes)]
        parts += [Text(_sentence(verdict)) for verdict in found]
    else:
        parts.append(Text(f"{name}: {len(streams)} streams, {settings.caches} caches", style="bold"))
        for metric in METRICS:
            parts += _grid([verdict for verdict in found if verdict.metric == metric], metric)
    notes = f"load: over the {reference.requests_per_s:.6g} requests/s of {reference.case} in full batches of one task."
    if "deadline" in settings.policies:
        notes += f" deadline: {settings.deadline_ms:.4g} ms."
    broken = all_violations(outcomes)
    verdict = "balanced: every request, cycle and unit of energy is accounted for"
    return Group(
        *parts,
        Text(notes, style="dim"),
        Text(f"NOT BALANCED: {broken[0]}", style="bold red") if broken else Text(verdict, style="green"),
        Text(f"results in {out}: serving.csv, batches.csv, crossover.csv, run.json"),
    )


def _cases(outcomes: Sequence[Outcome]) -> Table:
    """A row per case and policy."""
    unit = outcomes[0].prices.unit
    table = _table()
    table.add_column("case", overflow="fold")
    table.add_column("policy", no_wrap=True)
    # Narrow enough for a terminal of 80 columns.
    headings = ("p50\nms", "p95\nms", "p99\nms", "served\n/s", "busy", f"G{unit}\n/req.", "images\n/batch")
    refused = any(outcome.metrics.whole.rejected for outcome in outcomes)
    for heading in (*headings, "switch\n/req.", *(["re-\njected"] if refused else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    for before, outcome in zip([None, *outcomes], outcomes, strict=False):
        row = whole_row(outcome)
        served = as_number(row["served"], 0)
        switches = as_number(row["switches_between"], 0) + as_number(row["switches_inside"], 0)
        table.add_row(
            "" if before and before.case == outcome.case else outcome.case.name,
            outcome.policy,
            *(f"{as_number(row[f'latency_p{percent}_ms'], 0):.3g}" for percent in (50, 95, 99)),
            f"{as_number(row['throughput_per_s'], 0):.5g}",
            f"{as_number(row['utilisation'], 0):.0%}",
            f"{as_number(row['energy_per_request'], 0) / 1e9:.3g}",
            f"{as_number(row['batch_images_mean'], 0):.2f}",
            f"{switches / served:.2f}" if served else "-",
            *([f"{as_number(row['rejected'], 0) / as_number(row['arrived'], 0):.1%}"] if refused else []),
        )
    return table


def _tasks(outcomes: Sequence[Outcome]) -> list[RenderableType]:
    """The 95 % latency of each task, if there are several; a row per case and policy."""
    from rich.text import Text

    tasks = list(outcomes[0].metrics.tasks)
    if len(tasks) == 1:
        return []
    table = _table()
    table.add_column("p95 ms")
    table.add_column("")
    for task in tasks:
        table.add_column(Text(task), justify="right")
    for before, outcome in zip([None, *outcomes], outcomes, strict=False):
        per_ms = 1000 * outcome.clock_mhz
        values = [tally.latency.percentile(95) for tally in outcome.metrics.tasks.values()]
        table.add_row(
            "" if before and before.case == outcome.case else outcome.case.name,
            outcome.policy,
            *("-" if value is None else f"{value / per_ms:.4g}" for value in values),
        )
    return [table]


def _sentence(verdict: Verdict) -> str:
    sides = {side: f"{row['case']} {row['policy']}" for side, row in verdict.best.items()}
    what = _WORDS[verdict.metric]
    if verdict.winner == "tie":
        return f"{what}: no difference between shared weights ({sides['shared']}) and own ones ({sides['separate']})"
    loser = next(side for side in SIDES if side != verdict.winner)
    names = {"shared": "shared weights", "separate": "weights of each task's own"}
    return (
        f"{what}: {names[verdict.winner]} ({sides[verdict.winner]}) are {_times(verdict.factor)} better"
        f" than {names[loser]} ({sides[loser]})"
    )


def _grid(found: Sequence[Verdict], metric: str) -> list[RenderableType]:
    """Mixes down, loads across: how many times better shared weights are; below 1 they are worse."""
    from rich.text import Text

    if not found:
        return []
    loads = list(dict.fromkeys(verdict.stream.load for verdict in found))
    mixes = list(dict.fromkeys(verdict.stream.mix for verdict in found))
    table = _table()
    table.add_column("mix \\ load")
    for load in loads:
        table.add_column("-" if load is None else f"{load:.3g}", justify="right")
    cells = {(verdict.stream.mix, verdict.stream.load): verdict.gain for verdict in found}
    for mix in mixes:
        values = [cells.get((mix, load)) for load in loads]
        texts = [Text("-") if value is None else _coloured(value) for value in values]
        table.add_row(mix, *texts)
    return [Text(f"{_WORDS[metric]}: how many times better shared weights are, each side at its best"), table]


def _times(factor: float) -> str:
    """Return a factor, with more digits where it is close to 1."""
    return f"{factor:.3f}x" if TIE <= max(factor, 1 / factor) < 1.02 else f"{factor:.2f}x"


def _coloured(value: float) -> Text:
    from rich.text import Text

    return Text(_times(value), style="green" if value >= TIE else "red" if value <= 1 / TIE else "dim")


def _table() -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
