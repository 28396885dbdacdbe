"""Points and comparisons made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from mimesim.compare import Comparison, Constraints, Suite
from mimesim.compare.growth import Growth
from mimesim.compare.point import Point, Tested, Values
from mimesim.compare.suite import Replay
from mimesim.config import Workload

TASKS = ("apples", "pears")
MIXED = Replay("pipelined", "pipelined", TASKS, 3)


def point(
    case: str,
    accuracies: float | Sequence[float | None] | None,
    costs: Sequence[float] = (1, 1, 1, 1),
    *,
    test_images: int | None = 2000,
    replay: Replay = MIXED,
    networks: str = "",
) -> Point:
    """Return a point; *accuracies* by task, or one of all, *costs* in the order of ``COSTS``."""
    tested = [accuracies] * len(replay.tasks) if accuracies is None or isinstance(accuracies, float) else accuracies
    energy, size, words, cycles = costs
    values = Values(int(size), 0, energy, energy, 2 * energy, words, 0.0, cycles, 1e6 / cycles, 10.0)
    return Point(
        case=case,
        scheme="mime",
        skipping="per_position",
        replay=replay,
        images=3,
        batch=3,
        networks=(networks or case,),
        tested=tuple(Tested(one, None if one is None else test_images) for one in tested),
        values=values,
    )


def comparison(
    points: Sequence[Point],
    asked: Constraints | None = None,
    *,
    others: Sequence[Sequence[Point]] = (),
    growth: Sequence[Growth] | None = None,
    titles: Sequence[str] = (),
    same_images: bool = False,
) -> Comparison:
    """Return a comparison whose main replay gave *points*; each case stores as much again for a second task."""
    tasks = points[0].replay.tasks
    workload = Workload.model_validate(
        {
            "name": "made",
            "tasks": list(tasks),
            "traces": {"one": "nowhere"},
            "cases": [
                {"name": one.case, "scheme": one.scheme, "trace": "one", "title": titles[number] if titles else ""}
                for number, one in enumerate(points)
            ],
        }
    )
    grown = [
        Growth(one.case, tuple((k + 1) * one.values.bytes_stored // len(tasks) for k in range(len(tasks))), (0, 0))
        for one in points
    ]
    groups = (tuple(points), *map(tuple, others))
    return Comparison(
        workload=workload,
        suite=Suite(same_images, tuple(group[0].replay for group in groups), points[0].replay),
        points=groups,
        growth=tuple(grown if growth is None else growth),
        asked=asked or Constraints(),
        clock_mhz=200.0,
        digests={"one": "0" * 64},
        violations=(),
    )
