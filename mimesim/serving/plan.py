"""From what a command line asks for to the streams that are served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from mimesim.config.workload import Workload
from mimesim.errors import InputError
from mimesim.inputs import Selection, load_traces
from mimesim.serving.arrivals import PROCESSES, Bursty, Drawn, Process
from mimesim.serving.mix import Mix, even_mix, mix_name, parse_mix, skewed_mix
from mimesim.serving.recorded import Recorded
from mimesim.serving.reference import Reference
from mimesim.serving.settings import Stream

__all__ = ["Wanted", "parse_numbers", "plan_streams"]

_MOST_NUMBERS = 1000
_DEFAULT_LOAD = 0.8
_DEFAULT_REQUESTS = 10_000


@dataclass(frozen=True)
class Wanted:
    """What streams are asked for; None and empty is what was not said.

    *arrivals* is the name of a process or a CSV file. Every mix is served at every rate; *shares* are mixes in which
    the workload's first task has this share and the others equal parts of the rest.
    """

    arrivals: str = "poisson"
    rates: tuple[float, ...] = ()
    loads: tuple[float, ...] = ()
    mixes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    requests: int | None = None
    seconds: float | None = None
    seed: int | None = None
    burst_factor: float | None = None
    burst_share: float | None = None
    burst_requests: float | None = None


def parse_numbers(text: str | None, where: str) -> tuple[float, ...]:
    """Return the numbers in *text*, ``0.5,1`` or ``0.2:1:0.2``, first, last and step; none where it is None.

    A range is walked in decimal, so that 0.2:1:0.2 ends with 1. Raises :class:`InputError` for anything else.
    """
    found: list[float] = []
    for part in [] if text is None else text.split(","):
        try:
            numbers = [Decimal(number.strip()) for number in part.split(":")]
        except InvalidOperation:
            numbers = []
        if len(numbers) not in (1, 3) or not all(number.is_finite() for number in numbers):
            raise InputError(where, "must be numbers such as 0.5,1 or 0.2:1:0.2 (first:last:step)", value=part)
        first, last, step = numbers if len(numbers) == 3 else (numbers[0], numbers[0], Decimal(1))
        if step <= 0 or last < first:
            raise InputError(where, "must go up from the first to the last in steps of more than 0", value=part)
        count = int((last - first) / step) + 1
        if count > _MOST_NUMBERS:
            raise InputError(where, f"are {count} numbers, at most {_MOST_NUMBERS} are possible", value=part)
        found += [float(first + number * step) for number in range(count)]
    return tuple(dict.fromkeys(found))


def plan_streams(workload: Workload, selection: Selection, wanted: Wanted, reference: Reference) -> list[Stream]:
    """Return the streams, mix by mix, rate by rate.

    Raises :class:`InputError` for options that exclude each other and for whatever breaks a rule of its own.
    """
    if wanted.arrivals not in PROCESSES:
        return [_recorded(workload, selection, wanted, reference)]
    _exclusive(wanted, "rates", "loads")
    _exclusive(wanted, "mixes", "shares")
    if wanted.arrivals != Bursty.name:
        _refuse(wanted, _BURST_OPTIONS, "is for --arrivals bursty")
    capacity = reference.requests_per_s
    loads = wanted.loads or (() if wanted.rates else (_DEFAULT_LOAD,))
    pairs = [(rate, rate / capacity) for rate in wanted.rates] + [(load * capacity, load) for load in loads]
    for load in loads:
        if load <= 0:
            raise InputError("--load", "must be more than 0", value=load)
    requests = _DEFAULT_REQUESTS if wanted.requests is None and wanted.seconds is None else wanted.requests
    streams: list[Stream] = []
    for mix in _mixes(workload.tasks, wanted):
        for rate, load in pairs:
            drawn = Drawn(
                _process(wanted, rate),
                mix,
                selection.images_per_task,
                0 if wanted.seed is None else wanted.seed,
                requests,
                wanted.seconds,
            )
            streams.append(Stream(len(streams), drawn, rate, load, mix_name(mix)))
    return streams


#: Options by the field of :class:`Wanted` that holds them.
_BURST_OPTIONS = {
    "burst_factor": "--burst-factor",
    "burst_share": "--burst-share",
    "burst_requests": "--burst-requests",
}
_OPTIONS = {
    "rates": "--rate",
    "loads": "--load",
    "mixes": "--mix",
    "shares": "--shares",
    "requests": "--requests",
    "seconds": "--seconds",
    "seed": "--seed",
    **_BURST_OPTIONS,
}


def _recorded(workload: Workload, selection: Selection, wanted: Wanted, reference: Reference) -> Stream:
    _refuse(wanted, _OPTIONS, "is not for recorded arrivals: the file decides it")
    traces = load_traces(workload, selection).values()
    held = {task: min(trace.entry(task).images for trace in traces) for task in workload.tasks}
    recorded = Recorded(Path(wanted.arrivals), held, selection.images_per_task)
    rate = recorded.rate_per_s
    mix = mix_name({task: recorded.tasks[task] / recorded.expected for task in workload.tasks})
    return Stream(0, recorded, rate, None if rate is None else rate / reference.requests_per_s, mix)


def _process(wanted: Wanted, rate: float) -> Process:
    if wanted.arrivals != Bursty.name:
        return PROCESSES[wanted.arrivals](rate)
    given = {"factor": wanted.burst_factor, "share": wanted.burst_share, "requests": wanted.burst_requests}
    return Bursty(rate, **{name: value for name, value in given.items() if value is not None})


def _mixes(tasks: Sequence[str], wanted: Wanted) -> list[Mix]:
    mixes = [parse_mix(text, tasks) for text in wanted.mixes]
    mixes += [skewed_mix(tasks, share) for share in wanted.shares]
    names = [mix_name(mix) for mix in mixes]
    for name in names:
        if names.count(name) > 1:
            raise InputError("--mix", "is given twice", value=name)
    return mixes or [even_mix(tasks)]


def _exclusive(wanted: Wanted, first: str, second: str) -> None:
    if getattr(wanted, first) and getattr(wanted, second):
        raise InputError("serve", f"give one of {_OPTIONS[first]} and {_OPTIONS[second]}")


def _refuse(wanted: Wanted, options: dict[str, str], rule: str) -> None:
    for field, option in options.items():
        if getattr(wanted, field) not in (None, ()):
            raise InputError(option, rule)
