"""A comparison from a workload to points, storage and advice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mimesim.compare.advice import Advice, Constraints, Evidence, advise
from mimesim.compare.growth import Growth, growths
from mimesim.compare.point import Point, points_of
from mimesim.compare.suite import (
    Replay,
    Suite,
    added_parts,
    check_alike,
    most_tasks,
    plan_suite,
    replay_suite,
    stored_words,
)
from mimesim.config.schedule import Mode
from mimesim.config.workload import Workload
from mimesim.engine import Engine
from mimesim.inputs import build_schemes, load_traces
from mimesim.results import all_violations
from mimesim.simulation import CaseResult, Progress

__all__ = ["Comparison", "Done", "compare_workload"]

#: Called with a replay, the workload of its tasks and the results, as soon as they are there.
Done = Callable[[Replay, Workload, list[CaseResult]], None]


@dataclass(frozen=True)
class Comparison:
    """Everything that a comparison found; *points* by replay, in the order of the suite, then by case.

    *engines* says who replayed each case.
    """

    workload: Workload
    suite: Suite
    points: tuple[tuple[Point, ...], ...]
    growth: tuple[Growth, ...]
    asked: Constraints
    clock_mhz: float
    digests: dict[str, str]
    violations: tuple[str, ...]
    engines: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def whole(self) -> list[tuple[Point, ...]]:
        """The points of the replays of all tasks in full batches, the main one first."""
        found = [points for points in self.points if self.is_whole(points[0].replay)]
        return sorted(found, key=lambda points: points[0].replay != self.suite.main)

    @property
    def main(self) -> tuple[Point, ...]:
        """The points that schemes are judged by."""
        return self.whole[0]

    @property
    def single(self) -> list[tuple[Point, ...]]:
        """The points of single images."""
        return [points for points in self.points if points[0].replay.single]

    @property
    def parts(self) -> list[tuple[Point, ...]]:
        """The points of the combinations of tasks on the same images."""
        return [
            points for points in self.points if points[0].replay.mode == "multitask" and not points[0].replay.single
        ]

    def is_whole(self, replay: Replay) -> bool:
        """Return whether a *replay* is of all tasks, in full batches."""
        return replay.tasks == self.workload.tasks and not replay.single

    @cached_property
    def advice(self) -> list[Advice]:
        """Which scheme to take under which constraint."""
        apart = [points for points in self.whole[1:] if points[0].replay.mode == "singular"]
        same = self.suite.main.mode == "multitask"
        words = {"multitask": "all tasks on one image", "pipelined": "tasks mixed", "singular": "one task at a time"}
        return advise(
            Evidence(
                together=self.main,
                apart=apart[0] if apart else (),
                # One image that all tasks see, if they do.
                single=[points for points in self.single if (points[0].replay.mode == "multitask") == same],
                growth=self.growth,
                together_is=words[self.suite.main.mode],
                added={case.name: parts for case in self.workload.cases if (parts := added_parts(self.workload, case))},
                unit=self.workload.energy.prices.unit,
                clock_mhz=self.clock_mhz,
            ),
            self.asked,
        )


def compare_workload(
    workload: Workload,
    suite: Suite | None = None,
    asked: Constraints | None = None,
    *,
    modes: Sequence[Mode] = (),
    images: int | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    done: Done | None = None,
    engine: Engine = "auto",
) -> Comparison:
    """Replay all that :func:`plan_suite` makes of *workload*, or *suite*, and return what was found.

    *jobs*, *progress*, *done* and *engine* are those of :func:`replay_suite`. Raises :class:`InputError` for whatever
    does not fit together, before anything is replayed.
    """
    schemes, traces = build_schemes(workload), load_traces(workload)
    suite = plan_suite(workload, traces, modes, images) if suite is None else suite
    check_alike(workload, traces, suite)
    words = stored_words(workload, traces)
    room = {name: most_tasks(scheme, traces[name]) for name, scheme in schemes.items()}
    broken: list[str] = []

    def note(replay: Replay, part: Workload, results: list[CaseResult]) -> None:
        broken.extend(f"{replay.name}: {one}" for one in all_violations(results, part))
        if done is not None:
            done(replay, part, results)

    found = replay_suite(workload, suite, jobs=jobs, progress=progress, done=note, engine=engine)
    ordered = [traces[case.name] for case in workload.cases]
    hardware = workload.hardware_for(workload.cases[0])
    return Comparison(
        workload=workload,
        suite=suite,
        points=tuple(
            tuple(points_of(replay, results, ordered, workload.energy, same_images=suite.same_images))
            for replay, results in zip(suite.replays, found, strict=True)
        ),
        growth=tuple(growths(words, hardware.word_bits, room)),
        asked=asked or Constraints(),
        clock_mhz=hardware.clock_mhz,
        digests={case.trace: traces[case.name].digest() for case in workload.cases},
        violations=tuple(broken),
        engines={result.case: result.engine for results in found for result in results},
    )
