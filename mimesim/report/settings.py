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
    owners: dict[str, dict[str, list[str]]] = {}
    for run in runs:
        own = {"tasks": ", ".join(run.record.workload.tasks)} | dict(_flat(run.record.workload.energy, "energy"))
        for case in run.record.cases:
            name = case.case if len(runs) == 1 else f"{case.case} ({run.label})"
            for key, value in (own | dict(_flat(case.hardware, "hardware"))).items():
                owners.setdefault(key, {}).setdefault(value, []).append(name)
    whole = sum(len(run.record.cases) for run in runs)
    lines = []
    for key, values in owners.items():
        known = sum(len(names) for names in values.values())
        if len(values) > 1 or known < whole:
            most = max(values, key=lambda value: len(values[value]))
            others = [f"{value} in {', '.join(names)}" for value, names in values.items() if value != most]
            lines.append(
                f"{key}: {'; '.join([f'{most} in most', *others]) if others else f'{most}, unknown in others'}"
            )
    return lines


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
