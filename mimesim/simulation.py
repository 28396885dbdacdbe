"""Run a workload: every case on its batches, and everything the results need to know about it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import cpu_count

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.config.workload import Case, Workload
from mimesim.conservation import violations
from mimesim.engine import Engine, prepare, replay
from mimesim.errors import InputError
from mimesim.inputs import Selection, build_schemes, load_traces, select
from mimesim.ledger import CaseLedger, PhaseRecord, Residents
from mimesim.machine.accelerator import no_cycle_collection
from mimesim.recordings import Recordings
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import Image, compose_batches
from mimesim.schedule.loopnest import count_passes
from mimesim.schedule.program import CasePlan, plan_case
from mimesim.schedule.requests import RequestMasks, compose_requests, shares_computation
from mimesim.trace import Trace
from mimesim.workers import run_parallel

__all__ = ["CaseResult", "Progress", "ReplayedImage", "Runner", "run_workload"]

#: Called with a case's name, the passes begun and all its passes; first of all with 0 begun, for every case.
Progress = Callable[[str, int, int], None]

#: Fewer passes than this are not worth a process of their own: each is started, loads its engine and counts anew, and
#: takes memory. SimPy replays them in half a second, the compiled engine in three.
_WORTH_A_PROCESS: dict[Engine, int] = {"simpy": 15_000, "compiled": 1_500_000}

_NOTHING = Recordings()


@dataclass(frozen=True, slots=True)
class ReplayedImage:
    """An image of the replay: its place in it, its task, its number in the trace and its id in the data set."""

    index: int
    batch: int
    task: str
    number: int
    image_id: int


@dataclass(frozen=True)
class CaseResult:
    """What one case did: its settings, fully resolved, and its ledger.

    *trace* is the trace's name in the workload, *origin* whether it was recorded or drawn, and *seed* by which. *tasks*
    are all tasks whose parameters are stored (those replayed are in *images*), *violations* the conservation laws that
    it breaks. *timeline_end* is the cycle in which its timeline reached the limit, *engine* who replayed it.
    *cpu_seconds* and *wall_seconds* differ from run to run.
    """

    case: str
    scheme: str
    skipping: Skipping
    mode: Mode
    trace: str
    trace_digest: str
    tasks: tuple[str, ...]
    images: tuple[ReplayedImage, ...]
    hardware: Hardware
    schedule: Schedule
    ledger: CaseLedger
    violations: tuple[str, ...] = ()
    title: str = ""
    origin: str = "recorded"
    seed: int = 0
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    timeline_end: int | None = field(default=None, compare=False)
    engine: Engine = field(default="simpy", compare=False)
    cpu_seconds: float = field(default=0.0, compare=False)
    wall_seconds: float = field(default=0.0, compare=False)


class Runner:
    """Replays cases of one workload, one after the other; what cases have in common is counted once.

    With a *book*, what it has counted before is not counted again.
    """

    def __init__(
        self,
        workload: Workload,
        selection: Selection,
        traces: Mapping[str, Trace],
        recordings: Recordings = _NOTHING,
        book: CostBook | None = None,
    ) -> None:
        self._recordings = recordings
        self.workload = workload
        self.selection = selection
        self._traces = traces
        self._schemes = build_schemes(workload)
        self._book = CostBook() if book is None else book
        self._masks: dict[Trace, RequestMasks] = {}

    @classmethod
    def reopen(
        cls, workload: Workload, selection: Selection, recordings: Recordings = _NOTHING
    ) -> Callable[[str, Callable[[int], None]], CaseResult]:
        """Return :meth:`run` of a runner for traces that were checked before, in another process."""
        return cls(workload, selection, load_traces(workload, selection, verify=False), recordings).run

    def batches(self, case: Case) -> list[list[Image]]:
        """Return the batches that *case* replays."""
        chosen = self.selection
        trace = self._traces[case.name]
        if chosen.mode == "multitask":
            return self._requests(case)
        return compose_batches(trace, chosen.tasks, chosen.mode, chosen.images_per_task, self.workload.batch_images)

    def _requests(self, case: Case) -> list[list[Image]]:
        chosen, trace = self.selection, self._traces[case.name]
        places = [{i: n for n, i in enumerate(trace.entry(task).image_ids)} for task in chosen.tasks]
        common = [i for i in places[0] if all(i in place for place in places)]
        if len(common) < chosen.images_per_task:
            rule = f"all tasks of trace {case.trace!r} have {len(common)} images in common"
            raise self.workload.error(("images_per_task",), rule, chosen.images_per_task)
        numbers = [
            {task: place[i] for task, place in zip(chosen.tasks, places, strict=True)}
            for i in common[: chosen.images_per_task]
        ]
        # One for each trace and kept: what is counted is known by its source.
        masks = self._masks.setdefault(trace, RequestMasks(trace, trace.network, numbers))
        shared = shares_computation(trace.network, self._schemes[case.name], trace, chosen.tasks)
        return compose_requests(
            masks if shared else trace, chosen.tasks, numbers, self.workload.batch_images, shared=shared
        )

    def passes(self, case: Case) -> int:
        """Return how many passes *case* takes; raises :class:`InputError` where no layout fits the machine."""
        geometries = self._book.geometries(self._traces[case.name].network, self.workload.hardware_for(case))
        schedule = self.workload.schedule_for(case)
        return count_passes(geometries, self._schemes[case.name], schedule, self.batches(case))

    def run(self, name: str, begun: Callable[[int], None]) -> CaseResult:
        """Replay case *name*; *begun* is told how many passes have begun, as each phase is entered.

        Raises :class:`InputError`, with the place in the workload, where the machine is too small for the case.
        """
        case = self.case(name)
        try:
            return self._run(case, begun)
        except InputError as error:
            raise _located(self.workload, case, error) from None

    def replay_batch(
        self, name: str, images: Sequence[tuple[str, int]], residents: Residents = ()
    ) -> tuple[CaseLedger, list[str], Engine]:
        """Replay one batch of case *name*; return what it counted, the conservation laws that it breaks, and by whom.

        *images* are (task, number in the trace); *residents* is what the caches hold at the beginning. Raises
        :class:`InputError` as :meth:`run` does.
        """
        case = self.case(name)
        trace = self._traces[case.name]
        batch = [Image(index, task, number, trace) for index, (task, number) in enumerate(images)]
        # Batches are small, and many.
        prepare(self._recordings.engine)
        try:
            plan = self.plan(case, [batch])
            ledger, engine = replay(plan, self._recordings.engine, residents=residents)
        except InputError as error:
            raise _located(self.workload, case, error) from None
        return ledger, violations(plan, ledger), engine

    def case(self, name: str) -> Case:
        """Return the case of this name."""
        return next(case for case in self.workload.cases if case.name == name)

    def plan(self, case: Case, batches: list[list[Image]]) -> CasePlan:
        """Return the plan of *batches* on *case*; raises :class:`InputError` as :meth:`run` does."""
        workload, trace, scheme = self.workload, self._traces[case.name], self._schemes[case.name]
        hardware, order = workload.hardware_for(case), workload.schedule_for(case)
        try:
            with no_cycle_collection():
                return plan_case(
                    trace.network, scheme, case.skipping, hardware, order, batches, workload.tasks, self._book
                )
        except InputError as error:
            raise _located(workload, case, error) from None

    def _run(self, case: Case, begun: Callable[[int], None]) -> CaseResult:
        wall, cpu = time.perf_counter(), time.process_time()
        workload, trace = self.workload, self._traces[case.name]
        batches = self.batches(case)
        plan = self.plan(case, batches)
        passes = 0

        def entered(record: PhaseRecord) -> None:
            nonlocal passes
            begun(passes)
            passes += record.passes

        replayed = self._recordings.replay(plan, workload, case, entered)
        ledger = replayed.ledger
        begun(passes)
        return CaseResult(
            case=case.name,
            scheme=case.scheme,
            skipping=case.skipping,
            mode=self.selection.mode,
            trace=case.trace,
            trace_digest=trace.digest(),
            tasks=workload.tasks,
            images=tuple(
                ReplayedImage(i.index, number, i.task, i.number, trace.entry(i.tasks[0]).image_ids[i.number])
                for number, batch in enumerate(batches)
                for i in batch
            ),
            hardware=plan.hardware,
            schedule=plan.schedule,
            ledger=ledger,
            violations=tuple(violations(plan, ledger)),
            title=case.title,
            origin=trace.manifest.origin,
            seed=trace.manifest.seed,
            options=dict(case.options),
            timeline_end=replayed.timeline_end,
            engine=replayed.engine,
            cpu_seconds=time.process_time() - cpu,
            wall_seconds=time.perf_counter() - wall,
        )


def run_workload(
    workload: Workload,
    mode: Mode,
    *,
    task: str | None = None,
    images: int | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    recordings: Recordings = _NOTHING,
) -> list[CaseResult]:
    """Replay every case of *workload* and return what each did, in the workload's order.

    *task* keeps one task, *images* replaces the images of each task. Up to *jobs* cases run at a time, each in a
    process of its own (as many as there are CPUs, if None; none of its own with 1, or where the work is small); the
    result is the same whatever their number. A script that lets processes start must keep its own doings under
    ``if __name__ == "__main__":``, as every use of :mod:`multiprocessing` asks. *recordings* are what it leaves beside
    its results.

    Raises :class:`InputError` for whatever does not fit together, :class:`MimesimError` if a process dies.
    """
    if jobs is not None and jobs < 1:
        raise InputError("run", "must be at least 1", key="jobs", value=jobs)
    selection = select(workload, mode, task, images)
    runner = Runner(workload, selection, load_traces(workload, selection), recordings)
    totals = {case.name: runner.passes(case) for case in workload.cases}

    def report(name: str, passes: int) -> None:
        if progress is not None:
            progress(name, passes, totals[name])

    for name in totals:
        report(name, 0)
    count = min(_processes(totals, recordings.expected_engine) if jobs is None else jobs, len(totals))
    with recordings.around(workload, list(totals)):
        if count == 1:
            return [runner.run(name, partial(report, name)) for name in totals]
        # A process that has counted the masks of a trace keeps to that trace while it can.
        likeness = {case.name: (case.trace, workload.hardware_for(case)) for case in workload.cases}
        reopen = partial(Runner.reopen, workload, selection, recordings)
        return run_parallel(reopen, list(totals), count, likeness, report)


def _processes(totals: Mapping[str, int], engine: Engine) -> int:
    worthwhile = sum(totals.values()) // _WORTH_A_PROCESS[engine]
    return max(1, min(cpu_count() or 1, worthwhile))


def _located(workload: Workload, case: Case, error: InputError) -> InputError:
    """Return *error* about the hardware with the place in the workload where the number stands."""
    if error.where != "hardware" or error.key is None:
        return error
    keys = error.key.split(".")
    path: Sequence[str | int] = ("hardware", *keys)
    below: object = case.hardware
    for key in keys:
        below = below.get(key) if isinstance(below, dict) else None
    if below is not None:
        path = ("cases", workload.cases.index(case), "hardware", *keys)
    return workload.error(tuple(path), f"case {case.name!r}: {error.rule}", error.value)
