"""From the settings of a point to the replays that it takes, each known by the hash of all that decides it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mimesim import __version__
from mimesim.config import Case, Mode, Override, Workload, load_workload
from mimesim.config.explain import suggest
from mimesim.errors import InputError
from mimesim.inputs import Selection, build_schemes, load_traces, select
from mimesim.schedule.shaping import Shaping
from mimesim.sweeps.settings import Sweep
from mimesim.trace import Trace

__all__ = ["Entry", "Job", "Shelf", "canonical", "configuration", "resolve"]

#: What of a workload or a case has no say in what a replay counts, or is said in another way.
_NAMES = {"name", "description", "title"}
_RESOLVED = {"traces", "cases", "trace", "hardware", "schedule"}


@dataclass(frozen=True)
class Job:
    """One replay: *case* of *workload*, known by *key*, the hash of *configuration*."""

    key: str
    workload: Workload
    case: str
    selection: Selection
    configuration: Mapping[str, Any]

    @property
    def shaping(self) -> Shaping:
        """What of its machine decides shapes and counts: jobs that have it in common share them."""
        case = next(case for case in self.workload.cases if case.name == self.case)
        return Shaping.of(self.workload.hardware_for(case))


@dataclass(frozen=True)
class Entry:
    """One case at one point: a row of the results. Without a *job* it cannot be replayed, and *error* says why."""

    point: int
    settings: Mapping[str, Any]
    mode: Mode
    case: str
    job: Job | None
    error: str = ""

    @property
    def place(self) -> tuple[int, Mode, str]:
        """What no other entry of the sweep has."""
        return self.point, self.mode, self.case


class Shelf:
    """Traces, checked once for all points that replay the same ones."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, Trace]] = {}

    def load(self, workload: Workload, selection: Selection) -> dict[str, Trace]:
        """Return what :func:`load_traces` returns, and raise what it raises."""
        kept = {"tasks", "traces", "images_per_task"}
        what = {
            "workload": workload.model_dump(mode="json", include=kept),
            "cases": [case.model_dump(mode="json", exclude={"hardware", "schedule"}) for case in workload.cases],
            "folders": {name: str(workload.trace_folder(name).resolve()) for name in workload.traces},
            "selection": [selection.tasks, selection.images_per_task],
        }
        key = json.dumps(what)
        if key not in self._found:
            self._found[key] = load_traces(workload, selection)
        return self._found[key]


def canonical(data: object) -> str:
    """Return *data* as JSON that does not depend on the order of keys, nor on whether a whole number has a point."""
    return json.dumps(_whole(data), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _whole(data: object) -> object:
    # Texts and whole numbers are most of it.
    if isinstance(data, (str, int)):
        return data
    if isinstance(data, dict):
        return {key: _whole(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_whole(value) for value in data]
    return int(data) if isinstance(data, float) and data.is_integer() else data


def configuration(workload: Workload, case: Case, selection: Selection, trace: Trace) -> dict[str, Any]:
    """Return all that decides what a replay of *case* counts, and the version of mimesim; its names are left out."""
    rest = workload.model_dump(mode="json", exclude=_NAMES | _RESOLVED | {"images_per_task"})
    return {
        "mimesim": __version__,
        "trace": trace.digest(),
        "replayed": {"mode": selection.mode, "tasks": selection.tasks, "images_per_task": selection.images_per_task},
        "workload": rest,
        "case": case.model_dump(mode="json", exclude=_NAMES | _RESOLVED),
        "hardware": workload.hardware_for(case).model_dump(mode="json"),
        "schedule": workload.schedule_for(case).model_dump(mode="json"),
    }


def resolve(sweep: Sweep, number: int, settings: Mapping[str, Any], shelf: Shelf) -> list[Entry]:
    """Return an entry for each mode and case of point *number*; what is wrong with the point is told in them."""
    overrides = [Override(tuple(key.split(".")), value, sweep.place(number, key)) for key, value in settings.items()]
    try:
        workload = load_workload(sweep.source, overrides)
        build_schemes(workload)
        cases = _chosen(sweep, workload)
    except InputError as error:
        return [Entry(number, settings, mode, case, None, str(error)) for mode in sweep.modes for case in _names(sweep)]
    return [_entry(sweep, number, settings, mode, workload, case, shelf) for mode in sweep.modes for case in cases]


def _entry(
    sweep: Sweep,
    number: int,
    settings: Mapping[str, Any],
    mode: Mode,
    workload: Workload,
    case: Case,
    shelf: Shelf,
) -> Entry:
    try:
        selection = select(workload, mode, images=sweep.images)
        trace = shelf.load(workload, selection)[case.name]
        decided = configuration(workload, case, selection, trace)
    except InputError as error:
        return Entry(number, settings, mode, case.name, None, str(error))
    key = hashlib.sha256(canonical(decided).encode()).hexdigest()
    return Entry(number, settings, mode, case.name, Job(key, workload, case.name, selection, decided))


def _chosen(sweep: Sweep, workload: Workload) -> list[Case]:
    by_name = {case.name: case for case in workload.cases}
    for index, name in enumerate(sweep.cases or ()):
        if name not in by_name:
            rule = f"workload {workload.name!r} has no such case; {suggest(name, by_name)}"
            raise sweep.error(("cases", index), rule, name)
    return [by_name[name] for name in sweep.cases or by_name]


def _names(sweep: Sweep) -> tuple[str, ...]:
    """Return the cases of a point whose workload could not be read."""
    return sweep.cases or ("",)
