"""Timelines of whole runs, read back: tracks, nesting, and sums that are those of the results."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest

from mimesim.config import load_workload
from mimesim.errors import InputError
from mimesim.recordings import Recordings
from mimesim.simulation import CaseResult, run_workload
from mimesim.timeline import Timelines, Window
from tests.timeline.reading import Timeline, read_timeline

#: What makes parts do what they do not do on the default machine.
MACHINES = {
    "default": (),
    "banks": ("hardware.caches.banks=4", "hardware.caches.ports=1"),
    "write-back": ("hardware.caches.write_policy=write_back", "hardware.caches.organisation=unified"),
    "tiles": ("schedule.barrier=tile", "hardware.scratchpad.psum_banks=2"),
    "HBM2": ("hardware.dram.standard=HBM2", "hardware.dram.channels=2"),
    "ranks": ("hardware.dram.standard=DDR4-2400", "hardware.dram.ranks=2", "hardware.dram.page=closed"),
}


def recorded(
    path: Path, *settings: str, window: Window | None = None, name: str = "tiny", jobs: int = 1
) -> tuple[list[CaseResult], Timeline]:
    timelines = Timelines(path, window or Window(limit=10**7))
    workload = load_workload(name, settings)
    results = run_workload(workload, "pipelined", jobs=jobs, recordings=Recordings(timelines=timelines))
    return results, read_timeline(path)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_recorded_is_what_is_counted(tmp_path: Path, machine: str) -> None:
    results, timeline = recorded(tmp_path / "t", *MACHINES[machine])
    plain = run_workload(load_workload("tiny", MACHINES[machine]), "pipelined", jobs=1)
    assert results == plain, "watching changes nothing"

    for result in results:
        ledger, case = result.ledger, result.case
        phases = timeline.on(case, "PE grid", depth=0)
        assert [(one.name, one.start // 1000, one.end // 1000) for one in phases] == [
            (phase.layer, phase.start_cycle, phase.end_cycle) for phase in ledger.phases
        ]
        passes = [one for one in timeline.on(case, "PE grid", depth=1) if one.name == "pass"]
        assert len(passes) == ledger.passes
        assert sum(one.cycles for one in passes) == ledger.busy["pe_grid"]
        stalls: Counter[str] = Counter()
        for one in timeline.on(case, "PE grid", depth=1):
            if one.name != "pass":
                stalls[one.name.removeprefix("stall: ")] += int(one.cycles)
        counted: Counter[str] = Counter()
        for phase in ledger.phases:
            for row in phase.rows.values():
                counted += row.stalls
        assert stalls == counted
        assert sum(one.cycles for one in timeline.on(case, "caches", "tag lookups")) == ledger.busy["controller"]
        lost = Counter({name: lost for (_, name), lost in ledger.conflicts.items()})
        assert sum(one.cycles for one in timeline.on(case, "NoC", "weights")) == ledger.busy["noc"] + lost["noc"]
        assert sum(one.cycles for one in timeline.on(case, "CMP")) == ledger.busy["cmp"] + lost["cmp"] + lost["outputs"]
        check_dram(timeline, result)


def check_dram(timeline: Timeline, result: CaseResult) -> None:
    ledger, case = result.ledger, result.case
    bursts = sum(count for phase in ledger.phases for row in phase.rows.values() for count in row.bursts.values())
    buses = [path for path in timeline.slices if path[:2] == (case, "DRAM") and path[-1] == "data bus"]
    banks = [path for path in timeline.tracks if path[:2] == (case, "DRAM") and path[-1].startswith("bank")]
    assert len(buses) == result.hardware.dram.organisation.channels
    for paths in (buses, banks):
        assert sum(one.details["bursts"] for path in paths for one in timeline.slices[path]) == bursts
    activates = [name for path in banks for _, name in timeline.instants[path]]
    assert len(activates) == ledger.dram_events["activates"]
    refreshes = [path for path in timeline.slices if path[:2] == (case, "DRAM") and path[-1].startswith("refresh")]
    assert sum(len(timeline.slices[path]) for path in refreshes) == ledger.dram_events["refreshes"]
    fills = [path for path in timeline.slices if path[:2] == (case, "caches") and path[-1].startswith("fill")]
    writes = [path for path in timeline.slices if path[:2] == (case, "write-back")]
    assert sum(one.details["bursts"] for path in (*fills, *writes) for one in timeline.slices[path]) == bursts
    words = sum(value for _, value in timeline.counters[case, "DRAM", "words in 256 cycles"])
    assert words == bursts * result.hardware.burst_words
    waiting = timeline.counters[case, "DRAM", "requests"]
    assert waiting[-1][1] == 0 < max(value for _, value in waiting)
    sizes = result.hardware.caches
    for name in ("weights", "activations", "thresholds"):
        held = [value for _, value in timeline.counters[case, "caches", f"words in {name}"]]
        assert all(0 <= value <= getattr(sizes, f"{name}_kib") * 512 for value in held)


def test_every_task_and_every_case_has_tracks(tmp_path: Path) -> None:
    results, timeline = recorded(tmp_path / "t", jobs=2)

    assert [path[0] for path in timeline.tracks if len(path) == 1] == [result.case for result in results]
    for result in results:
        for task in result.tasks:
            layers = [name for name, _ in groupby(one.name for one in timeline.on(result.case, "tasks", task))]
            assert layers == [phase.layer for phase in result.ledger.phases]
    tops = [path[1] for path in timeline.tracks if len(path) == 2 and path[0] == results[0].case]
    assert tops == ["tasks", "PE grid", "CMP", "NoC", "caches", "write-back", "DRAM"]


def test_the_same_run_leaves_the_same_bytes_however_many_processes(tmp_path: Path) -> None:
    recorded(tmp_path / "one", jobs=1)
    recorded(tmp_path / "two", jobs=2)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_layer_is_that_part_of_the_whole(tmp_path: Path) -> None:
    _, whole = recorded(tmp_path / "whole")
    results, part = recorded(tmp_path / "part", window=Window(layers=frozenset({"conv2"})))

    phase = next(phase for phase in results[0].ledger.phases if phase.layer == "conv2")
    case = results[0].case
    assert [one.name for one in part.on(case, "PE grid", depth=0)] == ["conv2"]
    assert len([one for one in part.on(case, "PE grid") if one.name == "pass"]) == phase.passes
    for path, slices in part.slices.items():
        begun = [one.start for one in slices]
        assert begun == sorted(begun)
        assert set(begun) <= {one.start for one in whole.slices[path]}, path
        inside = [
            one
            for one in whole.slices[path]
            if phase.start_cycle * 1000 <= one.start < phase.end_cycle * 1000 and path[0] == case
        ]
        assert len(inside) <= len(slices) or path[0] != case


def test_cycles_are_that_part_of_the_whole(tmp_path: Path) -> None:
    _, whole = recorded(tmp_path / "whole")
    results, part = recorded(tmp_path / "part", window=Window(1000, 2000))

    case = results[0].case
    for path in (case, "PE grid"), (case, "NoC", "weights"), (case, "caches", "tag lookups"):
        inside = [one.start for one in whole.on(*path) if 1_000_000 <= one.start < 2_000_000]
        assert [one.start for one in part.on(*path) if one.start >= 1_000_000] == inside
        assert inside
    assert all(one.end > 1_000_000 for one in part.on(case, "PE grid"))


def test_a_limit_ends_the_recording_and_says_where(tmp_path: Path) -> None:
    results, part = recorded(tmp_path / "part", window=Window(limit=500))
    for result in results:
        assert result.timeline_end is not None
        assert 0 < result.timeline_end < result.ledger.cycles
        marks = part.instants[(result.case,)]
        assert [(tick // 1000, name) for tick, name in marks] == [
            (result.timeline_end, "recording ends: the limit is reached")
        ]
    assert sum(len(slices) for slices in part.slices.values()) <= 510 * len(results)


@pytest.mark.parametrize(
    ("window", "rule"), [({"first": 5, "end": 5}, "FROM:TO"), ({"first": -1}, "FROM:TO"), ({"limit": 0}, "at least 1")]
)
def test_a_window_holds_something(window: dict[str, int], rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        Window(**window)


def test_an_unknown_case_is_named(tmp_path: Path) -> None:
    timelines = Timelines(tmp_path / "t", cases=frozenset({"case-9"}))
    with pytest.raises(InputError, match=r"case = 'case-9': must be a case: case-1"):
        run_workload(load_workload("tiny"), "pipelined", jobs=1, recordings=Recordings(timelines=timelines))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_perfetto")
def test_the_package_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs the package perfetto: pip install 'mimesim\[timeline\]'"):
        Timelines(tmp_path / "t")


def test_what_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    recordings = Recordings(timelines=Timelines(tmp_path / "file" / "t"))
    with pytest.raises(InputError, match="cannot be written"):
        run_workload(load_workload("tiny"), "pipelined", jobs=1, recordings=recordings)


def test_a_run_that_breaks_off_leaves_an_earlier_file_alone(tmp_path: Path) -> None:
    recorded(tmp_path / "t")
    before = (tmp_path / "t").read_bytes()

    def stop(_case: str, passes: int, _total: int) -> None:
        if passes:
            raise KeyboardInterrupt

    recordings = Recordings(timelines=Timelines(tmp_path / "t"))
    with pytest.raises(KeyboardInterrupt):
        run_workload(load_workload("tiny"), "pipelined", jobs=1, recordings=recordings, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert (tmp_path / "t").read_bytes() == before
