"""Serve streams on the cases of a workload: every case meets the same requests at the same times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from os import cpu_count
from pathlib import Path
from typing import TextIO

from mimesim.config.explain import suggest
from mimesim.config.workload import Workload
from mimesim.energy import PriceList
from mimesim.engine import Engine
from mimesim.errors import InputError
from mimesim.inputs import Selection, build_schemes, load_traces
from mimesim.network import Network
from mimesim.recordings import Recordings
from mimesim.schemes import SHARED, Scheme
from mimesim.serving.arrivals import Arrivals
from mimesim.serving.costs import BatchCost, BatchCosts
from mimesim.serving.metrics import CaseMetrics
from mimesim.serving.policies import Batcher
from mimesim.serving.request import Request, arrival_cycle
from mimesim.serving.request_log import RequestLog, request_file
from mimesim.serving.server import Observer, serve_stream
from mimesim.serving.settings import Outcome, Settings, Stream
from mimesim.simulation import Runner
from mimesim.trace import Trace
from mimesim.workers import run_parallel

__all__ = ["Progress", "serve_workload"]

#: Called with a case's name, how many requests arrived, and about how many there are in all.
Progress = Callable[[str, int, int], None]

_TELL_EVERY = 256
#: A case whose first batches have more passes takes longer than starting a process.
_WORTH_A_PROCESS = 15_000


def serve_workload(
    workload: Workload,
    selection: Selection,
    streams: Sequence[Stream],
    settings: Settings,
    *,
    cases: Sequence[str] = (),
    jobs: int | None = None,
    log: Path | None = None,
    progress: Progress | None = None,
    engine: Engine = "auto",
) -> list[Outcome]:
    """Serve every stream on every case under every policy: outcomes by case, then stream, then policy.

    *cases* keeps those cases, if any are named.
    Up to *jobs* cases run at a time, each in a process (as many as there are CPUs, if None; none of its own where the
    work is small, or with a *log*); the outcome is the same whatever their number. Every request becomes a row of the
    CSV file *log*. *engine* replays the batches. Raises :class:`InputError` for whatever does not fit together.
    """
    if jobs is not None and jobs < 1:
        raise InputError("--jobs", "must be at least 1", value=jobs)
    traces = load_traces(workload, selection)
    total = len(settings.policies) * sum(stream.arrivals.expected for stream in streams)
    names = [case.name for case in workload.cases]
    for name in cases:
        if name not in names:
            raise InputError("--case", f"the workload has no such case; {suggest(name, names)}", value=name)
    names = [name for name in names if not cases or name in cases]

    def report(name: str, done: int) -> None:
        if progress is not None:
            progress(name, min(done, total), total)

    for name in names:
        report(name, 0)
    recordings = Recordings(engine=engine)
    runner = Runner(workload, selection, traces, recordings)
    if jobs is None:
        worthwhile = any(runner.passes(case) > _WORTH_A_PROCESS for case in workload.cases)
        jobs = cpu_count() or 1 if worthwhile else 1
    if log is not None or min(jobs, len(names)) == 1:
        with request_file(log) as file:
            work = _Work(runner, streams, settings, traces, file)
            served = [work(name, partial(report, name)) for name in names]
    else:
        likeness = {case.name: (case.trace, workload.hardware_for(case)) for case in workload.cases}
        reopen = partial(_reopen, workload, selection, recordings, tuple(streams), settings)
        served = run_parallel(reopen, names, min(jobs, len(names)), likeness, report)
    return [outcome for outcomes in served for outcome in outcomes]


class _Work:
    """Serves all streams on one case; called with the case's name and what is to be told the arrivals so far."""

    def __init__(
        self,
        runner: Runner,
        streams: Sequence[Stream],
        settings: Settings,
        traces: dict[str, Trace],
        file: TextIO | None = None,
    ) -> None:
        self._runner = runner
        self._streams = streams
        self._settings = settings
        self._traces = traces
        self._file = file
        self._schemes = build_schemes(runner.workload)

    def __call__(self, name: str, report: Callable[[int], None]) -> list[Outcome]:
        workload, settings = self._runner.workload, self._settings
        case = self._runner.case(name)
        hardware, energy = workload.hardware_for(case), workload.energy
        prices = PriceList(energy.prices, energy.accounting, hardware)
        costs = BatchCosts(self._runner, name, prices, settings.caches, settings.remembered)
        shared = _shares_weights(self._schemes[name], self._traces[case.name].network, workload.tasks[0])
        outcomes, arrived = [], 0

        def tell(requests: Iterator[Request]) -> Iterator[Request]:
            nonlocal arrived
            for request in requests:
                arrived += 1
                if not arrived % _TELL_EVERY:
                    report(arrived)
                yield request

        for stream in self._streams:
            for policy in settings.policies:
                metrics = CaseMetrics(workload.tasks)
                outcome = Outcome(stream, policy, case, shared, hardware.clock_mhz, prices, metrics)
                self._serve(outcome, tell(_requests(stream.arrivals, hardware.clock_mhz)), costs)
                outcomes.append(outcome)
        report(arrived)
        return [replace(outcome, engines=tuple(sorted(costs.engines))) for outcome in outcomes]

    def _serve(self, outcome: Outcome, requests: Iterator[Request], costs: BatchCosts) -> None:
        settings, tasks = self._settings, self._runner.workload.tasks
        batcher = Batcher(
            settings.policy(outcome.policy, outcome.clock_mhz),
            self._runner.workload.batch_images,
            settings.wait_cycles(outcome.clock_mhz),
            settings.queue or None,
            tasks if settings.sort else (),
        )
        observers: list[Observer] = [outcome.metrics]
        if self._file is not None:
            observers.append(RequestLog(self._file, outcome.name, outcome.clock_mhz))
        costs.restart()
        serve_stream(requests, batcher, costs.cost, _All(observers))
        outcome.metrics.batches_replayed, costs.replayed = costs.replayed, 0
        outcome.metrics.violations += costs.violations
        costs.violations = []


class _All:
    """Tells several observers."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def arrived(self, request: Request, accepted: bool, waiting: int) -> None:
        for observer in self._observers:
            observer.arrived(request, accepted, waiting)

    def started(self, batch: Sequence[Request], cycle: int, waiting: int) -> None:
        for observer in self._observers:
            observer.started(batch, cycle, waiting)

    def ended(self, batch: Sequence[Request], start: int, end: int, cost: BatchCost) -> None:
        for observer in self._observers:
            observer.ended(batch, start, end, cost)


def _reopen(
    workload: Workload, selection: Selection, recordings: Recordings, streams: Sequence[Stream], settings: Settings
) -> Callable[[str, Callable[[int], None]], list[Outcome]]:
    """Return the work on traces that were checked before, in another process."""
    traces = load_traces(workload, selection, verify=False)
    return _Work(Runner(workload, selection, traces, recordings), streams, settings, traces)


def _requests(arrivals: Arrivals, clock_mhz: float) -> Iterator[Request]:
    for number, (picoseconds, task, image) in enumerate(arrivals):
        yield Request(number, arrival_cycle(picoseconds, clock_mhz), task, image)


def _shares_weights(scheme: Scheme, network: Network, task: str) -> bool:
    nodes = [node for node in network.nodes if node.has_weights]
    return any(scheme.parameters(node, task).weights_owner == SHARED for node in nodes)
