from __future__ import annotations

from typing import Any

from mimesim.machine.comparators import Comparators
from mimesim.machine.kinds import THRESHOLDS, WRITE_BACK
from mimesim.schedule.program import DrainJob
from tests.machine.rig import Rig, block, job, phase
from tests.schedule.small import hardware


def drain(
    *jobs: DrainJob, passes: list[int], buffers: int = 2, data: list[int] | None = None, arrive: Any = ()
) -> tuple[Rig, list[int], list[int]]:
    """Return the rig, the ends of the jobs and the ends of phases; passes end in the given cycles."""
    rig = Rig(phase([1] * len(passes), jobs=jobs))
    return rig, *drained_phase(rig, passes=passes, buffers=buffers, data=data, arrive=arrive)


def drained_phase(
    rig: Rig, *, passes: list[int], buffers: int = 2, data: list[int] | None = None, arrive: Any = ()
) -> tuple[list[int], list[int]]:
    """Return the ends of the jobs and of the phase on *rig*; passes end in the given cycles."""
    rig.runs[0].job_data.extend(data or [0] * len(rig.runs[0].phase.jobs))
    dram: Any = rig.dram
    Comparators(rig.clock, hardware({"writeback_buffers": buffers}), rig.stream, dram)
    rig.progress(rig.stream.passes_done, *passes)
    for kind, cycles in arrive:
        rig.arrive(kind, *cycles)
    ends = rig.watch(rig.stream.jobs_done), rig.watch(rig.stream.phases_done)
    rig.clock.run()
    return ends


def test_a_job_starts_when_its_pass_has_ended_and_the_comparators_are_free() -> None:
    _, ends, phases = drain(job(0, 4), job(1, 4), job(2, 4), passes=[10, 11, 30])

    # The second waits for the first up to 14.
    assert ends == [14, 18, 34]
    assert phases == [34]


def test_a_job_waits_for_its_thresholds() -> None:
    jobs = (job(0, 4, [block(0)]), job(1, 4, [block(1)]), job(2, 4, [block(0)]))
    # The third needs no new request: those that came first are there.
    _, ends, _ = drain(*jobs, passes=[1, 2, 3], data=[1, 2, 2], arrive=[(THRESHOLDS, (8, 20))])

    assert ends == [12, 24, 28]


def test_a_write_request_is_submitted_when_its_job_ends() -> None:
    rig, _, phases = drain(job(0, 4, writes=[(7, 1), (9, 2)]), job(1, 4), passes=[0, 0], arrive=[(WRITE_BACK, (50,))])

    assert rig.dram.submitted == [(4, WRITE_BACK, [(7, 1), (9, 2)])]
    # The phase ends when what it wrote is in DRAM.
    assert phases == [50]


def test_as_many_writes_as_there_are_buffers_may_be_incomplete() -> None:
    jobs = [job(number, 4, writes=[(number, 1)]) for number in range(4)]
    arrive = [(WRITE_BACK, (20, 30, 40, 50))]

    # With two, the third job starts when the first write is complete at 20, the fourth at 30.
    rig, ends, _ = drain(*jobs, passes=[0] * 4, arrive=arrive)
    assert ends == [4, 8, 24, 34]
    assert [cycle for cycle, *_ in rig.dram.submitted] == ends
    # With one, each waits for the one before: the second starts at 20.
    assert drain(*jobs, passes=[0] * 4, buffers=1, arrive=arrive)[1] == [4, 24, 34, 44]
    assert drain(*jobs, passes=[0] * 4, buffers=4, arrive=arrive)[1] == [4, 8, 12, 16]


def test_a_job_that_writes_nothing_needs_no_buffer() -> None:
    jobs = [job(0, 4, writes=[(0, 1)]), job(1, 4), job(2, 4, writes=[(2, 1)])]
    _, ends, _ = drain(*jobs, passes=[0] * 3, buffers=1, arrive=[(WRITE_BACK, (60, 90))])

    assert ends == [4, 8, 64]


def test_buffers_are_shared_by_the_phases_but_a_phase_waits_for_its_writes() -> None:
    rig = Rig(phase([1], jobs=[job(0, 4, writes=[(0, 1)])]), phase([1], jobs=[job(0, 4, writes=[(1, 1)])]))
    for run in rig.runs:
        run.job_data.append(0)
    dram: Any = rig.dram
    made = Comparators(rig.clock, hardware({"writeback_buffers": 1}), rig.stream, dram)
    rig.progress(rig.stream.passes_done, 0, 0)
    rig.arrive(WRITE_BACK, 30, 70)
    jobs, phases = rig.watch(rig.stream.jobs_done), rig.watch(rig.stream.phases_done)
    rig.clock.run()

    assert (jobs, phases) == ([4, 34], [30, 70])
    assert made.busy_cycles == 8
