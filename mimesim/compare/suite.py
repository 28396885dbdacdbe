"""What a comparison replays: tasks on images of their own alone and mixed, tasks on the same images in combinations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mimesim.config.hardware import Hardware
from mimesim.config.schedule import Mode
from mimesim.config.workload import Case, Workload
from mimesim.engine import Engine
from mimesim.errors import InputError
from mimesim.inputs import Selection
from mimesim.recordings import Recordings
from mimesim.schedule.booking import book_envm, book_storage
from mimesim.schemes import Scheme, is_head
from mimesim.simulation import CaseResult, Progress, Runner, run_workload
from mimesim.trace import Trace

__all__ = ["Replay", "Suite", "added_parts", "check_alike", "most_tasks", "plan_suite", "replay_suite", "stored_words"]

#: Of more tasks than this not every combination is replayed, but each task alone and all together.
_MOST_COMBINED = 4


@dataclass(frozen=True, slots=True)
class Replay:
    """One run of all cases: *images* of each of *tasks*; *name* is its folder. *single*: one image, empty caches."""

    name: str
    mode: Mode
    tasks: tuple[str, ...]
    images: int
    single: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """A workload's replays; *same_images* tells that its tasks recorded the same images.

    *main* is the replay that schemes are judged by: all tasks, mixed or on one image.
    """

    same_images: bool
    replays: tuple[Replay, ...]
    main: Replay


def plan_suite(
    workload: Workload, traces: Mapping[str, Trace], modes: Sequence[Mode] = (), images: int | None = None
) -> Suite:
    """Return what to replay of *workload*, in *modes* (those that suit its images, if none is named).

    *images* of each task, in every mode the same; if None, the workload's or a batch full, as far as the traces hold
    them. Raises :class:`InputError` for less than one, or a mode that does not suit the images.
    """
    if images is not None and images < 1:
        raise InputError("--images", "must be at least 1", value=images)
    same = all(_common(trace, workload.tasks) for trace in traces.values()) and len(workload.tasks) > 1
    if "multitask" in modes and not same:
        rule = "is for tasks that recorded images of one data set in common; these have images of their own"
        raise InputError("--mode", rule, value="multitask")
    suiting: tuple[Mode, ...] = ("multitask", "singular") if same else ("singular", "pipelined")
    wanted = tuple(dict.fromkeys(modes)) or (suiting if len(workload.tasks) > 1 else suiting[:1])
    if images is None:
        images = workload.images_per_task or workload.batch_images
        held = [
            len(_common(trace, workload.tasks)) if same else min(trace.entry(task).images for task in workload.tasks)
            for trace in traces.values()
        ]
        images = min(images, *held)
    replays = [replay for mode in wanted for replay in _replays(workload.tasks, mode, images)]
    whole = [one for one in replays if one.tasks == workload.tasks and not one.single]
    preferred: Mode = "multitask" if same else "pipelined"
    return Suite(same, tuple(replays), next((one for one in whole if one.mode == preferred), whole[0]))


def _replays(tasks: tuple[str, ...], mode: Mode, images: int) -> Iterator[Replay]:
    yield Replay(mode, mode, tasks, images)
    if mode == "multitask":
        sizes = range(1, len(tasks)) if len(tasks) <= _MOST_COMBINED else (1,)
        for size in sizes:
            for chosen in combinations(tasks, size):
                yield Replay(f"{mode}-{'+'.join(chosen)}", mode, chosen, images)
        yield Replay(f"{mode}-single", mode, tasks, 1, single=True)
    if mode == "singular":
        for task in tasks:
            yield Replay(f"{mode}-{task}-single", mode, (task,), 1, single=True)


def _common(trace: Trace, tasks: Sequence[str]) -> list[int]:
    """Return the images, by their ids, that all *tasks* recorded, in the order of the first."""
    first, *others = (trace.entry(task) for task in tasks)
    if any(other.dataset != first.dataset for other in others):
        return []
    return [image for image in first.image_ids if all(image in other.image_ids for other in others)]


def check_alike(workload: Workload, traces: Mapping[str, Trace], suite: Suite) -> None:
    """Raise :class:`InputError` where cases replay other images, or run on other hardware, than the first."""
    first, *others = workload.cases
    images = suite.main.images
    for number, case in enumerate(others, 1):
        if changed := list(_changes(workload.hardware_for(first), workload.hardware_for(case))):
            rule = f"case {case.name!r}: schemes are compared on one hardware, but {first.name!r} has another "
            rule += changed[0]
            raise workload.error(("cases", number, "hardware"), rule)
        for task in workload.tasks:
            mine, theirs = (_images(traces[one.name], workload.tasks, task, images, suite) for one in (case, first))
            if mine != theirs:
                rule = (
                    f"case {case.name!r}: schemes are compared on the same images, but of task {task!r} this trace has "
                    f"{_told(*mine)}, that of {first.name!r} {_told(*theirs)}"
                )
                raise workload.error(("cases", number, "trace"), rule, case.trace)


def _images(trace: Trace, tasks: Sequence[str], task: str, images: int, suite: Suite) -> tuple[str, tuple[int, ...]]:
    ids = _common(trace, tasks) if suite.same_images else trace.entry(task).image_ids
    return trace.entry(task).dataset, tuple(ids[:images])


def _told(dataset: str, images: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, images))} of {dataset}"


def added_parts(workload: Workload, case: Case) -> list[str]:
    """Return the parts of the hardware, such as ``envm``, that *case* has and the first case has not, or vice versa."""
    one, other = (dict(workload.hardware_for(each)) for each in (workload.cases[0], case))
    return [key for key in one if (one[key] is None) != (other[key] is None)]


def _changes(one: Hardware, other: Hardware) -> Iterator[str]:
    """Yield the dotted keys in which two hardwares differ, but for parts that only one has; names do not matter."""

    def walk(mine: object, theirs: object, path: tuple[str, ...]) -> Iterator[str]:
        if isinstance(mine, dict) and isinstance(theirs, dict):
            for key in mine | theirs:
                yield from walk(mine.get(key), theirs.get(key), (*path, str(key)))
        elif mine != theirs and not (len(path) == 1 and None in (mine, theirs)):
            yield ".".join(path)

    yield from walk(one.model_dump(exclude={"name"}), other.model_dump(exclude={"name"}), ())


def replay_suite(
    workload: Workload,
    suite: Suite,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    done: Callable[[Replay, Workload, list[CaseResult]], None] | None = None,
    engine: Engine = "auto",
) -> list[list[CaseResult]]:
    """Return the results of every replay of *suite*, in its order; *done* is told each as soon as it is there.

    *jobs* and *progress* are those of :func:`run_workload`, with a replay for a case; *engine* replays.
    """
    found, recordings = [], Recordings(engine=engine)
    for replay in suite.replays:
        part = workload.model_copy(update={"tasks": replay.tasks})
        told = _summed(replay, progress)
        results = run_workload(part, replay.mode, images=replay.images, jobs=jobs, progress=told, recordings=recordings)
        found.append(results)
        if done is not None:
            done(replay, part, results)
    return found


def _summed(replay: Replay, progress: Progress | None) -> Progress | None:
    if progress is None:
        return None
    passes: dict[str, tuple[int, int]] = {}

    def report(case: str, begun: int, total: int) -> None:
        passes[case] = begun, total
        progress(replay.name, sum(one for one, _ in passes.values()), sum(one for _, one in passes.values()))

    return report


def stored_words(workload: Workload, traces: Mapping[str, Trace]) -> dict[str, list[tuple[int, int]]]:
    """Return, by case, the words stored for the first task of *workload*, the first two, and so on to all of them.

    Of each pair the first number is of all memories, the second that of on-chip non-volatile memory alone.
    """
    found: dict[str, list[tuple[int, int]]] = {case.name: [] for case in workload.cases}
    for count in range(1, len(workload.tasks) + 1):
        part = workload.model_copy(update={"tasks": workload.tasks[:count]})
        runner = Runner(part, Selection("singular", part.tasks, 1), traces)
        for case in part.cases:
            plan = runner.plan(case, runner.batches(case))
            found[case.name].append((book_storage(plan).total(), book_envm(plan).total()))
    return found


def most_tasks(scheme: Scheme, trace: Trace) -> int | None:
    """Return how many tasks there is room for; None for any number.

    Layers that are cut into units were cut for the tasks of the trace: another one would make it another network. A
    head of its own is no such cut.
    """
    units = any(node.unit is not None and not is_head(node) for node in trace.network.nodes)
    return len(trace.tasks) if units else scheme.most_tasks
