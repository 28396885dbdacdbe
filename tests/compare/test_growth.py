"""Storage over the number of tasks: against the plans of every prefix, and along the line beyond."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from mimesim.compare.growth import Growth, growths
from mimesim.compare.suite import most_tasks, stored_words
from mimesim.config import load_workload
from mimesim.inputs import build_schemes, load_traces
from mimesim.network import Network, Node
from mimesim.schedule.booking import book_storage
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import compose_batches
from mimesim.schedule.program import plan_case
from mimesim.schemes import Heads, Mime, Packnet
from mimesim.simulation import run_workload
from mimesim.trace import Trace, TraceWriter
from tests.compare.traces import write_trace, write_workload

#: Room for any number of tasks.
ANY: defaultdict[str, None] = defaultdict(lambda: None)


def test_the_curve_is_what_a_plan_of_so_many_tasks_books() -> None:
    workload = load_workload("tiny")
    traces, schemes = load_traces(workload), build_schemes(workload)
    found = {one.case: one for one in growths(stored_words(workload, traces), 16, ANY)}
    for case in workload.cases:
        for count in range(1, len(workload.tasks) + 1):
            tasks, trace = workload.tasks[:count], traces[case.name]
            batches = compose_batches(trace, tasks, "pipelined", 1, count)
            hardware, schedule = workload.hardware_for(case), workload.schedule_for(case)
            plan = plan_case(
                trace.network, schemes[case.name], case.skipping, hardware, schedule, batches, tasks, CostBook()
            )
            assert found[case.name].bytes_for(count) == 2 * book_storage(plan).total()


def test_the_whole_curve_ends_where_a_run_does() -> None:
    workload = load_workload("tiny")
    words = stored_words(workload, load_traces(workload))
    for result in run_workload(workload, "pipelined", images=1, jobs=1):
        assert words[result.case][-1] == (result.ledger.stored_words.total(), 0)


def test_shared_weights_grow_by_what_is_a_tasks_own() -> None:
    workload = load_workload("tiny")
    found = {one.case: one for one in growths(stored_words(workload, load_traces(workload)), 16, ANY)}
    ledger = run_workload(workload, "pipelined", images=1, jobs=1)[2].ledger
    own = [
        2 * sum(words for (_, owner, _), words in ledger.stored_words.items() if owner == task)
        for task in workload.tasks
    ]
    shared = 2 * sum(words for (_, owner, _), words in ledger.stored_words.items() if owner == "shared")
    assert found["case-3"].counted == tuple(shared + sum(own[:count]) for count in (1, 2, 3))


def test_the_line_goes_on() -> None:
    growth = Growth("case", (100, 130, 150), (0, 0, 0))
    assert [growth.bytes_for(count) for count in (1, 2, 3, 4, 10)] == [100, 130, 150, 175, 325]
    assert Growth("one", (100,), (0,)).bytes_for(1) == 100
    assert Growth("one", (100,), (0,)).bytes_for(2) is None


@pytest.mark.parametrize(("size", "tasks"), [(99, 0), (100, 1), (149, 2), (150, 3), (174, 3), (175, 4), (325, 10)])
def test_what_fits_is_the_line_read_the_other_way(size: int, tasks: int) -> None:
    growth = Growth("case", (100, 130, 150), (0, 0, 0))
    assert growth.fits(size) == tasks
    assert tasks == 0 or (growth.bytes_for(tasks) or 0) <= size < (growth.bytes_for(tasks + 1) or 0)


def test_what_does_not_grow_fits_as_often_as_one_likes() -> None:
    assert Growth("flat", (100, 100), (0, 0)).fits(100) is None
    assert Growth("one", (100,), (0,)).fits(200) is None


def test_what_is_cut_for_its_tasks_has_room_for_them_only(tmp_path: Path) -> None:
    write_trace(tmp_path / "units", "pam", {"a": (0.5, ["shared", "a"]), "b": (0.5, ["shared", "b"])})
    workload = write_workload(tmp_path, ["a", "b"], [("units", "pam")])
    traces, tiny = load_traces(workload), load_workload("tiny")
    assert most_tasks(build_schemes(workload)["units"], traces["units"]) == 2
    whole = load_traces(tiny)["case-3"]
    assert (most_tasks(Packnet(tasks=7), whole), most_tasks(Mime(), whole)) == (7, None)


def test_a_head_of_its_own_is_no_cut(tmp_path: Path) -> None:
    image = Node(name="image", kind="input", shape=(3, 4, 4))
    trunk = Node(name="trunk", kind="conv", inputs=("image",), shape=(4, 4, 4), activation=True)
    heads = [
        Node(name=f"head.{task}", kind="linear", inputs=("trunk",), shape=(2, 1, 1), unit=task) for task in ("a", "b")
    ]
    masks = {"trunk": np.ones((1, 4, 4, 4), dtype=bool)}
    network = Network(name="heads", nodes=(image, trunk, *heads))
    with TraceWriter(tmp_path / "heads", network=network, scheme="heads") as writer:
        for task in ("a", "b"):
            writer.add_task(task, dataset="x", classes=2, masks=masks, image_ids=[0], labels=[], units=[task])
    assert most_tasks(Heads(), Trace.load(tmp_path / "heads")) is None


def test_there_is_no_line_beyond_the_room_that_a_scheme_has() -> None:
    growth = Growth("packed", (100, 130, 150), (0, 0, 0), most=4)
    assert [growth.bytes_for(count) for count in (3, 4, 5)] == [150, 175, None]
    assert (growth.fits(160), growth.fits(1000)) == (3, 4)
    assert Growth("flat", (100, 100), (0, 0), most=5).fits(100) == 5
