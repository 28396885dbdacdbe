"""What a serving run leaves behind: its tables, and ``run.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mimesim.config.workload import Workload
from mimesim.inputs import Selection, load_traces
from mimesim.results.csv_file import render_csv
from mimesim.results.document import FORMAT, FORMAT_VERSION, RUN_JSON, versions
from mimesim.serving.crossover import CROSSOVER, crossover_rows
from mimesim.serving.reference import Reference
from mimesim.serving.settings import Outcome, Settings, Stream
from mimesim.serving.tables import BATCHES, SERVING, batch_rows, serving_rows

__all__ = ["all_violations", "render_files"]


def render_files(
    outcomes: Sequence[Outcome],
    workload: Workload,
    selection: Selection,
    settings: Settings,
    reference: Reference,
    measured: Mapping[str, object],
) -> dict[str, str]:
    """Return the text of every file by its name; all but *measured* is the same for the same inputs."""
    files = {
        "serving.csv": render_csv(SERVING, serving_rows(outcomes)),
        "batches.csv": render_csv(BATCHES, batch_rows(outcomes)),
        "crossover.csv": render_csv(CROSSOVER, crossover_rows(outcomes)),
    }
    broken = all_violations(outcomes)
    streams = {outcome.stream.number: outcome.stream for outcome in outcomes}
    traces = load_traces(workload, selection)
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "command": "serve",
        "balanced": not broken,
        "violations": broken,
        "files": sorted([*files, RUN_JSON]),
        "workload": workload.model_dump(mode="json"),
        "serving": asdict(settings),
        "reference": asdict(reference),
        "streams": [_stream(stream) for stream in streams.values()],
        "traces": {case.trace: traces[case.name].digest() for case in workload.cases},
        "seeds": {case.trace: traces[case.name].manifest.seed for case in workload.cases},
        "versions": versions(),
        "measured": {
            "cases": {outcome.case.name: {"engine": "+".join(outcome.engines)} for outcome in outcomes},
            **measured,
        },
    }
    files[RUN_JSON] = json.dumps(document, indent=2, allow_nan=False) + "\n"
    return files


def all_violations(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the laws that a replayed batch broke or that the books of a stream break; empty if all balance."""
    return [
        f"case {outcome.case.name}, {outcome.policy}, load {outcome.stream.load}: {broken}"
        for outcome in outcomes
        for broken in (*outcome.metrics.violations, *_laws(outcome))
    ]


def _laws(outcome: Outcome) -> Iterator[str]:
    metrics = outcome.metrics
    whole, batches = metrics.whole, metrics.batches
    for what, first, second in (
        ("requests that arrived, served or rejected", whole.arrived, whole.served + whole.rejected),
        ("requests served, in batches", whole.served, sum(size * batch.count for (size, _), batch in batches.items())),
        ("energy of tasks, of batches", whole.quanta, sum(batch.quanta for batch in batches.values())),
        ("cycles waited, summed over the queue", whole.waiting.total, metrics.queue_cycles),
    ):
        if first != second:
            yield f"{what}: {first} is not {second}"
    if metrics.busy_cycles > metrics.makespan:
        yield f"busy cycles: {metrics.busy_cycles} are more than the {metrics.makespan} there were"


def _stream(stream: Stream) -> dict[str, Any]:
    return {"load": stream.load, "mix_name": stream.mix, **stream.arrivals.describe()}
