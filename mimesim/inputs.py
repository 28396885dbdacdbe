"""What the cases of a workload replay: traces and schemes, checked against each other before anything runs."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from mimesim.config.explain import suggest
from mimesim.config.schedule import Mode
from mimesim.config.workload import Case, Workload
from mimesim.errors import InputError
from mimesim.network import Network, Node
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


def load_traces(workload: Workload, selection: Selection | None = None, *, verify: bool = True) -> dict[str, Trace]:
    """Return the trace that each case replays, by the case's name; its tasks go by the workload's names.

    Cases that replay the same tasks of one trace have one object. With *verify*, files are checked in full. Raises
    :class:`InputError` where a trace is missing or damaged, lacks a task of the workload or has too few images for
    *selection*, where it is of another scheme than a case that replays it, or where two traces cannot be of one network
    (:func:`_same_network`).
    """
    loaded: dict[str, Trace] = {}
    known: dict[tuple[str, ...], Trace] = {}
    found: dict[str, Trace] = {}
    for number, case in enumerate(workload.cases):
        if case.trace not in loaded:
            loaded[case.trace] = Trace.load(workload.trace_folder(case.trace), verify=verify)
            _same_network(workload, case.trace, loaded)
        key = (case.trace, *map(case.trace_task, workload.tasks))
        if key not in known:
            known[key] = _renamed(workload, number, case, loaded[case.trace], selection)
        _fits(workload, number, case, known[key])
        found[case.name] = known[key]
    return found


def _scheme(workload: Workload, number: int, case: Case) -> Scheme:
    kind = SCHEMES.get(case.scheme)
    if kind is None:
        rule = f"there is no such scheme; {suggest(case.scheme, SCHEMES)}"
        raise workload.error(("cases", number, "scheme"), rule, case.scheme)
    known, hints = _options(kind)
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
        scheme = _made(kind, tuple(sorted(case.options.items())))
    except ValueError as error:
        raise workload.error(("cases", number, "options"), str(error)) from None
    return scheme


@cache
def _options(kind: type[Scheme]) -> tuple[list[str], dict[str, Any]]:
    """Return the options of a scheme, and their types."""
    known = list(inspect.signature(kind).parameters) if "__init__" in vars(kind) else []
    return known, get_type_hints(kind.__init__) if known else {}


@lru_cache(maxsize=64)
def _made(kind: type[Scheme], options: tuple[tuple[str, object], ...]) -> Scheme:
    """Return the one scheme of these *options*: what was planned for it is found again."""
    return kind(**dict(options))


def _renamed(workload: Workload, number: int, case: Case, trace: Trace, selection: Selection | None) -> Trace:
    for index, task in enumerate(workload.tasks):
        if case.trace_task(task) not in trace.tasks:
            rule = f"trace {case.trace!r} ({trace.directory}) has no such task; "
            rule += suggest(case.trace_task(task), trace.tasks)
            path = ("cases", number, "tasks", task) if task in case.tasks else ("tasks", index)
            raise workload.error(path, rule, case.trace_task(task))
    for task in selection.tasks if selection is not None else ():
        held = trace.entry(case.trace_task(task)).images
        if selection is not None and selection.images_per_task > held:
            rule = (
                f"must be at most {held}: trace {case.trace!r} ({trace.directory}) holds {held} images of task {task!r}"
            )
            raise workload.error(("images_per_task",), rule, selection.images_per_task)
    return trace.renamed({task: case.trace_task(task) for task in workload.tasks})


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
    """Check the latest of *traces* against the earlier ones.

    What a scheme adds beside the layers, branches and the nodes that only these read, may differ. Where it cuts layers
    into units, images of one shape are all that can be asked for.
    """
    mine, whole = traces[name].network, not _has_units(traces[name].network)
    for other, trace in traces.items():
        theirs = trace.network
        alike = _plain if whole and not _has_units(theirs) else _image
        pair = alike(mine), alike(theirs)
        if pair[0] != pair[1]:
            rule = f"all traces must be of one network, but {_difference(*pair)} in trace {other!r}"
            raise workload.error(("traces", name), rule, workload.traces[name])


def _has_units(network: Network) -> bool:
    return any(node.unit is not None for node in network.nodes)


def _image(network: Network) -> list[Node]:
    return [network.input]


def _plain(network: Network) -> list[Node]:
    """Return the nodes of *network* without branches and without what only branches read."""
    side = {branch.input for node in network.nodes for branch in node.branches}
    side -= {name for node in network.nodes for name in node.inputs}
    return [node.model_copy(update={"branches": ()}) for node in network.nodes if node.name not in side]


def _difference(mine: Sequence[Node], theirs: Sequence[Node]) -> str:
    """Name the first layer in which two networks differ."""
    for node, other in zip(mine, theirs, strict=False):
        if node.name != other.name:
            return f"layer {node.name!r} is {other.name!r}"
        if node.shape != other.shape:
            return f"layer {node.name!r} has shape {node.shape} and {other.shape}"
        if node != other:
            return f"layer {node.name!r} is built differently"
    return f"it has {len(mine)} layers and {len(theirs)}"
