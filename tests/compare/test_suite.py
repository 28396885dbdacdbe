"""What is replayed of which workload, what is refused, and what a comparison is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimesim.compare import compare_workload, plan_suite
from mimesim.compare.suite import check_alike
from mimesim.config import Workload, load_workload
from mimesim.errors import InputError
from mimesim.inputs import load_traces
from mimesim.results.summary import summary_rows
from mimesim.simulation import run_workload
from tests.compare.traces import same_pictures, write_trace, write_workload


def names(workload: Workload, **options: object) -> list[str]:
    return [one.name for one in plan_suite(workload, load_traces(workload), **options).replays]  # type: ignore[arg-type]


def test_tasks_with_images_of_their_own_run_alone_and_mixed() -> None:
    tiny = load_workload("tiny")
    suite = plan_suite(tiny, load_traces(tiny))
    singles = [f"singular-{task}-single" for task in tiny.tasks]
    assert [one.name for one in suite.replays] == ["singular", *singles, "pipelined"]
    assert (suite.same_images, suite.main.name, suite.main.images) == (False, "pipelined", 3)
    assert names(tiny, modes=("pipelined",)) == ["pipelined"]
    assert names(load_workload("tiny", ["tasks=[cifar10]"])) == ["singular", "singular-cifar10-single"]


def test_tasks_on_the_same_pictures_run_in_every_combination(tmp_path: Path) -> None:
    workload = same_pictures(tmp_path)
    suite = plan_suite(workload, load_traces(workload))
    singles = ["singular-a-single", "singular-b-single"]
    combined = ["multitask", "multitask-a", "multitask-b", "multitask-single"]
    assert [one.name for one in suite.replays] == [*combined, "singular", *singles]
    assert (suite.same_images, suite.main.name, suite.main.images) == (True, "multitask", 2)


def test_many_tasks_run_alone_and_all_together(tmp_path: Path) -> None:
    tasks = [f"task{number}" for number in range(5)]
    write_trace(tmp_path / "many", "pam", {task: (0.5, ["shared", task]) for task in tasks})
    workload = write_workload(tmp_path, tasks, [("many", "pam")])
    found = names(workload, modes=("multitask",))
    assert found == ["multitask", *(f"multitask-{task}" for task in tasks), "multitask-single"]


def test_pictures_of_two_data_sets_are_not_the_same(tmp_path: Path) -> None:
    write_trace(tmp_path / "one", "pam", {"a": (0.5, ["shared"]), "b": (0.5, ["shared"])}, dataset=("x", "y"))
    workload = write_workload(tmp_path, ["a", "b"], [("one", "pam")])
    assert not plan_suite(workload, load_traces(workload)).same_images


def test_no_more_images_than_the_traces_hold() -> None:
    tiny = load_workload("tiny", ["batch_images=8"])
    assert plan_suite(tiny, load_traces(tiny)).main.images == 3
    assert plan_suite(tiny, load_traces(tiny), images=2).main.images == 2
    with pytest.raises(InputError, match=r"^--images: 0: must be at least 1$"):
        plan_suite(tiny, load_traces(tiny), images=0)
    with pytest.raises(InputError, match="images_per_task = 4: must be at most 3"):
        compare_workload(tiny, images=4)


def test_other_hardware_is_refused_but_for_a_part_of_its_own() -> None:
    envm = "{words_per_cycle: 16, read_latency_cycles: 1, capacity_kib: 2048}"
    allowed = load_workload("tiny", [f"cases.case-2.hardware.envm={envm}", "cases.case-3.schedule.barrier=tile"])
    traces = load_traces(allowed)
    check_alike(allowed, traces, plan_suite(allowed, traces))
    refused = load_workload("tiny", ["cases.case-3.hardware.caches.weights_kib=64"])
    with pytest.raises(InputError, match=r"cases\.2\.hardware: case 'case-3': schemes are compared on one hardware, "
                                         r"but 'case-1' has another caches\.weights_kib$"):  # fmt: skip
        compare_workload(refused)


def test_other_images_are_refused(tmp_path: Path) -> None:
    write_trace(tmp_path / "one", "pam", {"a": (0.5, ["shared"]), "b": (0.5, ["shared"])})
    write_trace(tmp_path / "other", "pam", {"a": (0.5, ["shared"]), "b": (0.5, ["shared"])}, order=(10, 12, 11))
    workload = write_workload(tmp_path, ["a", "b"], [("one", "pam"), ("other", "pam")])
    with pytest.raises(InputError) as caught:
        compare_workload(workload)
    assert str(caught.value) == (
        f"{tmp_path}/parts.yaml:9: cases.1.trace = 'other': case 'other': schemes are compared on the same images, but "
        "of task 'a' this trace has 10, 12 of pictures, that of 'one' 10, 11 of pictures"
    )


def test_points_are_the_runs_by_image() -> None:
    tiny = load_workload("tiny")
    found = compare_workload(tiny, jobs=1)
    results = run_workload(tiny, "pipelined", images=3, jobs=1)
    for point, result, row in zip(found.main, results, summary_rows(results, tiny.energy), strict=True):
        assert (point.case, point.images, point.batch) == (result.case, 9, 3)
        assert point.values.cycles == result.ledger.cycles / 9
        assert point.values.energy == row["energy_total"] / 9  # type: ignore[operator]
        assert point.values.energy_full == row["energy_total_full"] / 9  # type: ignore[operator]
        assert point.values.dram_words == row["dram_words"] / 9  # type: ignore[operator]
        assert point.values.images_per_second == pytest.approx(row["images_per_second"])
        assert (point.values.bytes_stored, point.accuracy) == (row["bytes_stored"], None)
    assert [points[0].replay.tasks for points in found.single] == [(task,) for task in tiny.tasks]
    assert all(point.images == point.batch == 1 for points in found.single for point in points)
    assert found.violations == ()


def test_a_picture_counts_once_however_many_tasks_see_it(tmp_path: Path) -> None:
    found = compare_workload(same_pictures(tmp_path), jobs=1)
    merged, trunk, apart = found.main
    assert [point.images for point in found.main] == [2, 2, 2]
    # what is computed once is a batch of two pictures, what is not one of two tasks' images of one
    assert [point.batch for point in found.main] == [2, 2, 2]
    alone = {points[0].replay.tasks: points for points in found.parts if len(points[0].replay.tasks) == 1}
    macs = [sum(points[place].values.macs for points in alone.values()) for place in range(3)]
    assert apart.values.macs == macs[2]
    assert trunk.values.macs == macs[1] / 2
    assert macs[0] / 2 < merged.values.macs < macs[0]
    assert merged.accuracy == pytest.approx(0.75)
    assert [points[1].accuracy for points in alone.values()] == [0.7, 0.6]


def test_the_number_of_processes_changes_nothing() -> None:
    tiny = load_workload("tiny")
    assert compare_workload(tiny, images=1, jobs=1) == compare_workload(tiny, images=1, jobs=2)


def test_progress_goes_by_replay() -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    tiny = load_workload("tiny")

    def report(name: str, done: int, total: int) -> None:
        seen.setdefault(name, []).append((done, total))

    found = compare_workload(tiny, images=1, jobs=1, progress=report)
    assert list(seen) == [one.name for one in found.suite.replays]
    for steps in seen.values():
        assert steps[0][0] == 0
        assert steps[-1][0] == steps[-1][1] > 0
        assert [done for done, _ in steps] == sorted(done for done, _ in steps)
