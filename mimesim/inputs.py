"""What the cases of a workload replay: traces and schemes, checked against each other before anything runs."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mimesim.config.explain import suggest
from mimesim.config.schedule import Mode
from mimesim.config.workload import Case, Workload
from mimesim.errors import InputError
from mimesim.network import Network
from mimesim.schemes import SCHEMES, Scheme
from mimesim.trace import Trace

__all__ = ["Selection", "build_schemes", "load_traces", "select"]

#: Settings of a scheme that training decided: option of the scheme, key in the manifest's scheme_options.
_RECORDED_OPTIONS = {"granularity": "threshold_granularity", "norm": "norm"}


@dataclass(frozen=True, slots=True)
class Selection:
    """What is replayed of each trace: which tasks, and how many images of each."""

    mode: Mode
    tasks: tuple[str, ...]
    images_per_task: int


def select(workload: Workload, mode: Mode, task: str | None = None, images: int | None = None) -> Selection:
    """Return what a run replays; *task* keeps one task, *images* replaces the images of each task.

    Raises :class:`InputError` for a task that the workload does not name, or less than one image.
    """
    if mode not in get_args(Mode):
        raise InputError("run", f"must be one of {', '.join(map(repr, get_args(Mode)))}", key="mode", value=mode)
    if task is not None and task not in workload.tasks:
        rule = f"the workload has no such task; {suggest(task, workload.tasks)}"
        raise InputError("run", rule, key="task", value=task)
    if images is not None and images < 1:
        raise InputError("run", "must be at least 1", key="images", value=images)
    tasks = workload.tasks if task is None else (task,)
    return Selection(mode, tasks, workload.images_for(mode, len(tasks)) if images is None else images)


def build_schemes(workload: Workload) -> dict[str, Scheme]:
    """Return the scheme of each case by the case's name; raises :class:`InputError` for a scheme or option unknown."""
    return {case.name: _scheme(workload, number, case) for number, case in enumerate(workload.cases)}


def load_traces(workload: Workload, selection: Selection | None = None) -> dict[str, Trace]:
    """Return the traces that the cases replay, by name, checked in full.

    Raises :class:`InputError` where a trace is missing or damaged, lacks a task of the workload or has too few images
    for *selection*, where it is of another scheme than a case that replays it, or where two traces are of different
    networks.
    """
    traces: dict[str, Trace] = {}
    for number, case in enumerate(workload.cases):
        if case.trace not in traces:
            traces[case.trace] = _load(workload, case.trace, selection)
            _same_network(workload, case.trace, traces)
        _fits(workload, number, case, traces[case.trace])
    return traces


def _scheme(workload: Workload, number: int, case: Case) -> Scheme:
    kind = SCHEMES.get(case.scheme)
    if kind is None:
        rule = f"there is no such scheme; {suggest(case.scheme, SCHEMES)}"
        raise workload.error(("cases", number, "scheme"), rule, case.scheme)
    known = list(inspect.signature(kind).parameters) if "__init__" in vars(kind) else []
    hints = get_type_hints(kind.__init__) if known else {}
    for name, value in case.options.items():
        path = ("cases", number, "options", name)
        if name not in known:
            raise workload.error(path, f"scheme {case.scheme!r} has no such option; {suggest(name, known)}")
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError as error:
            rule = error.errors()[0]["msg"].replace("Input should", "must")
            raise workload.error(path, rule, value) from None
    try:
        scheme: Scheme = kind(**case.options)
    except ValueError as error:
        raise workload.error(("cases", number, "options"), str(error)) from None
    return scheme


def _load(workload: Workload, name: str, selection: Selection | None) -> Trace:
    trace = Trace.load(workload.trace_folder(name))
    for index, task in enumerate(workload.tasks):
        if task not in trace.tasks:
            rule = f"trace {name!r} ({trace.directory}) has no such task; {suggest(task, trace.tasks)}"
            raise workload.error(("tasks", index), rule, task)
    for task in selection.tasks if selection is not None else ():
        held = trace.entry(task).images
        if selection is not None and selection.images_per_task > held:
            rule = f"must be at most {held}: trace {name!r} ({trace.directory}) holds {held} images of task {task!r}"
            raise workload.error(("images_per_task",), rule, selection.images_per_task)
    return trace


def _fits(workload: Workload, number: int, case: Case, trace: Trace) -> None:
    if trace.scheme != case.scheme:
        rule = f"trace {case.trace!r} ({trace.directory}) is of scheme {trace.scheme!r}, the case of {case.scheme!r}"
        raise workload.error(("cases", number, "trace"), rule, case.trace)
    scheme = _scheme(workload, number, case)
    for option, key in _RECORDED_OPTIONS.items():
        chosen, recorded = getattr(scheme, option, None), trace.manifest.scheme_options.get(key)
        if None not in (chosen, recorded) and chosen != recorded:
            rule = f"trace {case.trace!r} ({trace.directory}) was recorded with {key} = {recorded!r}"
            raise workload.error(("cases", number, "options", option), rule, chosen)


def _same_network(workload: Workload, name: str, traces: dict[str, Trace]) -> None:
    first, *_ = traces
    mine, theirs = traces[name].network, traces[first].network
    if mine.nodes != theirs.nodes:
        rule = f"all traces must be of one network, but {_difference(mine, theirs)} in trace {first!r}"
        raise workload.error(("traces", name), rule, workload.traces[name])


def _difference(mine: Network, theirs: Network) -> str:
    """Name the first layer in which two networks differ."""
    for node, other in zip(mine.nodes, theirs.nodes, strict=False):
        if node.name != other.name:
            return f"layer {node.name!r} is {other.name!r}"
        if node.shape != other.shape:
            return f"layer {node.name!r} has shape {node.shape} and {other.shape}"
        if node != other:
            return f"layer {node.name!r} is built differently"
    return f"it has {len(mine.nodes)} layers and {len(theirs.nodes)}"
