"""Outputs that stay in a cache: what is allocated, when a dirty block is written, and what it saves."""

from __future__ import annotations

from typing import Any

import pytest

from mimesim.conservation import violations
from mimesim.errors import InputError
from mimesim.ledger import CaseLedger
from mimesim.machine import replay
from mimesim.machine.kinds import ACTIVATIONS, WRITE_BACK
from mimesim.schedule.program import Phase
from tests.machine.rig import Rig, job, phase, region
from tests.machine.test_comparators import drained_phase
from tests.machine.test_controller import Walk, reading
from tests.schedule.small import IDEAL, Masks, chain, conv, hardware, plan, run

BACK = {"write_policy": "write_back"}
#: 8 x 4 x 4 elements and 8 words of bitmap: five bursts of 32 words.
NETWORK = chain((8, 4, 4), conv(8), conv(8), conv(8))


def walk(*phases: Phase, bursts: int, **options: Any) -> Walk:
    """Walk the phases with a cache for so many blocks of activations."""
    caches = options.pop("caches", {})
    return Walk(*phases, bursts=(100, bursts, 100), caches=BACK | caches, **options)


def test_a_dirty_block_is_written_by_the_step_that_evicts_it() -> None:
    outputs = region(2000, 1)
    made = phase([1] * 3, jobs=[job(0, outputs=[(outputs, [0])])], lookups=reading([0], [1], [2]))
    found = walk(made, bursts=2, passes=[10, 20, 30], jobs=[25], writes=[99])

    # Pass 1 evicts block 0 of the tensor it reads (pass 0 ends at 10). Pass 2 evicts the output, which job 0 has in
    # hand until 25: the write goes before the read.
    assert found.ends == [1, 11, 26]
    assert found.asked == [
        (1, ACTIVATIONS, [(1000, 1)]),
        (11, ACTIVATIONS, [(1001, 1)]),
        (26, WRITE_BACK, [(2000, 1)]),
        (26, ACTIVATIONS, [(1002, 1)]),
    ]
    words = found.rig.runs[0].phase.record.row(0).words
    assert words["cache", "outputs", "write"] == words["cache", "outputs", "read"] == 32
    assert words["dram", "outputs", "write"] == 32
    assert found.rig.runs[0].written_back == 99


@pytest.mark.parametrize(("buffers", "last"), [(1, 41), (2, 8)])
def test_a_step_waits_while_too_many_writes_are_incomplete(buffers: int, last: int) -> None:
    # Room for three. Pass 2 evicts output 0, pass 3 the tensor's block 0, pass 4 output 1.
    outputs = region(2000, 2)
    jobs = [job(number, outputs=[(outputs, [number])]) for number in (0, 1)]
    made = phase([1] * 5, jobs=jobs, lookups=reading([0], [0], [1], [2], [3]))
    found = walk(made, bursts=3, passes=[3, 4, 50, 60, 70], jobs=[5, 6], writes=[40, 80], writeback_buffers=buffers)

    # Pass 2 waits for job 0; the first write, submitted at 6, is complete at 40.
    assert found.ends == [1, 2, 6, 7, last]
    assert [(cycle, runs) for cycle, kind, runs in found.asked if kind == WRITE_BACK] == [
        (6, [(2000, 1)]),
        (last, [(2001, 1)]),
    ]


def two_phases(**lists: Any) -> tuple[Phase, Phase]:
    """Return a phase that writes a block and one that reads it, then two others of another tensor."""
    outputs = region(2000, 1)
    first = phase([1], jobs=[job(0, outputs=[(outputs, [0])])], lookups=reading([0]))
    second = phase([1] * 3, lookups=[[(outputs, [0])], *reading([5], [6])], **lists)
    return first, second


def test_what_is_there_need_not_be_read() -> None:
    found = walk(*two_phases(), bursts=3, passes=[10, 20, 30, 40], jobs=[12], closed=[14], writes=[99])

    # The output hits. Block 5 finds room, block 6 evicts block 0 of pass 0.
    assert [runs for _, kind, runs in found.asked if kind == ACTIVATIONS] == [[(1000, 1)], [(1005, 1)], [(1006, 1)]]
    assert found.ends == [1, 15, 16, 17]
    assert found.rig.dram.writes == [99], "nothing was written"


def test_a_block_that_was_looked_up_is_in_use_until_that_pass_has_ended() -> None:
    # Room for two: block 5 evicts block 0, block 6 the output, last used by pass 1. It is dirty still.
    found = walk(*two_phases(), bursts=2, passes=[10, 20, 30, 40], jobs=[12], closed=[14], writes=[99])

    assert found.ends == [1, 15, 16, 21]
    assert found.asked[-2:] == [(21, WRITE_BACK, [(2000, 1)]), (21, ACTIVATIONS, [(1006, 1)])]


def test_what_nobody_will_read_is_dropped() -> None:
    # The output dies with the second phase: the third finds its room free, and nothing is written.
    first, second = two_phases()
    second.dead.append(second.lookups[0][0][0])
    third = phase([1] * 2, lookups=reading([7], [4]))
    found = walk(first, second, third, bursts=3, passes=[10, 20, 30, 40, 50, 60], jobs=[12], closed=[14, 50])

    assert all(kind != WRITE_BACK for _, kind, _ in found.asked)
    assert found.lookups.count_blocks() == {"inserted": 6, "evicted": 2, "dropped": 1, "resident": 3}


def test_what_finds_no_room_is_written_around() -> None:
    # Pinned: block 0 stays for the whole phase, and the cache holds one block.
    outputs = region(2000, 1)
    made = phase([1], jobs=[job(0, outputs=[(outputs, [0])])], lookups=reading([0]))
    found = walk(made, bursts=1, caches={"policy": "pin"})

    assert made.jobs[0].writes == [(2000, 1)]
    words = found.rig.runs[0].phase.record.row(0).words
    assert words["dram", "outputs", "write"] == 32
    assert ("cache", "outputs", "write") not in words


def test_a_phase_ends_when_what_its_lookups_evicted_is_written() -> None:
    rig = Rig(phase([1], jobs=[job(0, 4)]))
    rig.runs[0].written_back = 50

    assert drained_phase(rig, passes=[10]) == ([14], [50])


def ledgers(caches: dict[str, Any], **options: Any) -> list[CaseLedger]:
    """Return the ledgers of the network with outputs written around, and back."""
    machine = hardware({"caches": caches}, options)
    return [run(Masks(NETWORK), hardware(machine.model_dump(), {"caches": change})) for change in ({}, BACK)]


@pytest.mark.parametrize("organisation", ["private", "unified"])
def test_in_a_large_cache_nothing_but_the_image_is_read_and_nothing_but_the_result_written(organisation: str) -> None:
    around, back = ledgers({"organisation": organisation})

    for number, phase_ in enumerate(back.phases):
        row = phase_.rows[0]
        last = number == len(back.phases) - 1
        assert row.words["dram", "activations", "read"] == (128 if number == 0 else 0)
        assert row.words["dram", "outputs", "write"] == (128 if last else 0)
        assert row.words["cache", "outputs", "write"] == (0 if last else 128)
        assert row.words["cache", "outputs_mask", "write"] == (0 if last else 8)
    # Of the two that stay, the last dies with the run.
    assert back.cache_blocks["dropped"] == 1
    assert around.words()["dram", "outputs", "write"] == 3 * 128
    # What the PE grid does is the same.
    assert [row for row in back.words() if row[0] == "reg"] == [row for row in around.words() if row[0] == "reg"]
    assert back.cycles < around.cycles


def test_the_cache_must_hold_what_a_pass_reads_and_what_its_job_writes() -> None:
    # One block of five bursts each.
    words = 2 * 5 * 32
    for capacity in (words, words - 1):
        caches = BACK | {"activations_kib": capacity * 2 / 1024}
        case = plan(Masks(NETWORK), hardware({"caches": caches}))
        if capacity == words:
            assert violations(case, replay(case)) == []
            continue
        with pytest.raises(InputError, match=r"needs 320 words .*activations 160 \+ outputs 160"):
            replay(case)


def test_with_ideal_memory_the_policy_of_writes_does_not_matter() -> None:
    # Reads are there in the next cycle and writes are complete in it, so all that is left is one cycle for each wait.
    around, back = (run(Masks(NETWORK), hardware(IDEAL, {"caches": change})).cycles for change in ({}, BACK))
    assert 0 <= around - back <= 3 * 2
