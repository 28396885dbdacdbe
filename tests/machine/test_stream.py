from __future__ import annotations

import pytest

from mimesim.machine.clock import Clock
from mimesim.machine.stream import PassStream
from mimesim.schedule.program import Phase
from tests.machine.rig import block, fill, job, phase


def test_phases_are_built_when_they_are_asked_for_and_numbered_through() -> None:
    built: list[int] = []

    def phases() -> list[Phase]:
        return [
            phase([1, 1, 1], fill_of=[0, 0, 1], fills=[fill(block(0)), fill(block(1))], jobs=[job(2)]),
            phase([1], jobs=[job(0)]),
            phase([1]),
        ]

    def one_by_one():  # type: ignore[no-untyped-def]
        for number, made in enumerate(phases()):
            built.append(number)
            yield made

    stream = PassStream(Clock(), one_by_one())
    assert built == []
    first, second = stream.phase(0), stream.phase(1)
    assert built == [0, 1]
    assert first is not None
    assert second is not None
    assert stream.phase(0) is first
    assert (first.first_pass, first.first_fill, first.first_job) == (0, 0, 0)
    assert (second.first_pass, second.first_fill, second.first_job) == (3, 2, 1)
    assert stream.phase(3) is None
    assert built == [0, 1, 2]


def test_a_phase_that_has_ended_is_dropped() -> None:
    stream = PassStream(Clock(), iter([phase([1])]))
    stream.phase(0)
    stream.close(0)

    assert stream.phases_done.value == 1
    with pytest.raises(KeyError):
        stream.phase(0)
