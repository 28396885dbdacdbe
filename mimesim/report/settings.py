"""The resolved configuration of runs, key by key, and where runs or cases differ in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mimesim.report.names import readable
from mimesim.report.runs import Run

__all__ = ["Setting", "differences", "settings"]


class Setting(NamedTuple):
    """A key with its values, each with the cases that have it; one value and no cases where all agree."""

    key: str
    values: list[tuple[str, str]]


def settings(run: Run) -> list[Setting]:
    """Return everything that decided *run*: hardware and schedule as each case has them, energy."""
    found = [Setting(key, [(value, "")]) for key, value in _flat(run.record.workload.energy, "energy")]
    by_case = {case.case: dict(_case(run, case.case)) for case in run.record.cases}
    keys = dict.fromkeys(key for values in by_case.values() for key in values)
    for key in keys:
        owners: dict[str, list[str]] = {}
        for case, values in by_case.items():
            owners.setdefault(values.get(key, "none"), []).append(case)
        agree = len(owners) == 1
        found.append(Setting(key, [(value, "" if agree else ", ".join(cases)) for value, cases in owners.items()]))
    return found


def differences(runs: Sequence[Run]) -> list[str]:
    """Return a line for each key of the machine, the prices or the tasks in which runs or their cases are not alike."""
    owners: dict[str, dict[str, list[tuple[Run, str]]]] = {}
    for run in runs:
        own = {"tasks": ", ".join(run.record.workload.tasks)} | dict(_flat(run.record.workload.energy, "energy"))
        for case in run.record.cases:
            for key, value in (own | dict(_flat(case.hardware, "hardware"))).items():
                owners.setdefault(key, {}).setdefault(value, []).append((run, case.case))
    every = [(run, case) for run in runs for case in run.cases]
    lines = []
    for key, values in owners.items():
        said = [place for places in values.values() for place in places]
        if silent := [place for place in every if place not in said]:
            values["not said"] = silent
        if len(values) > 1:
            most = max(values, key=lambda value: len(values[value]))
            others = [f"{value} in {_places(runs, places)}" for value, places in values.items() if value != most]
            lines.append(f"{key}: {'; '.join([f'{most} in most', *others])}")
    return lines


def _places(runs: Sequence[Run], places: Sequence[tuple[Run, str]]) -> str:
    """Name the cases of *places*; a run with all of its cases by its label alone."""
    told = []
    for run in runs:
        cases = [case for owner, case in places if owner is run]
        if cases:
            names = ", ".join(cases)
            told.append(names if len(runs) == 1 else run.label if cases == run.cases else f"{names} ({run.label})")
    return ", ".join(told)


def _case(run: Run, name: str) -> Iterator[tuple[str, str]]:
    case = run.case(name)
    yield from (("scheme", case.scheme), ("skipping", case.skipping), ("trace", case.trace), ("masks", case.origin))
    yield from _flat(case.hardware, "hardware")
    yield from _flat(case.schedule, "schedule")


def _flat(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}.{readable(str(key))}"
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, readable(value if isinstance(value, str) else json.dumps(value))
