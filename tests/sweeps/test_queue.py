"""Jobs that share shapes are handed out next to each other, and the first before the last is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from mimesim.sweeps.points import Job
from mimesim.sweeps.queue import alike_together


@dataclass(frozen=True)
class Shaped:
    """As much of a job as decides its place."""

    number: int
    shaping: int


def jobs(shapes: list[int]) -> list[Job]:
    return [cast("Any", Shaped(number, shape)) for number, shape in enumerate(shapes)]


@given(st.lists(st.integers(0, 5), max_size=400))
def test_each_comes_once_and_those_alike_in_their_order(shapes: list[int]) -> None:
    made = jobs(shapes)
    found = list(alike_together(made))
    assert len(found) == len(made)
    for shape in set(shapes):
        assert [job for job in found if job.shaping == shape] == [job for job in made if job.shaping == shape]


def test_the_shape_that_changes_fastest_changes_slowly() -> None:
    found = list(alike_together(jobs([number % 12 for number in range(12 * 500)])))
    turns = [len(list(group)) for _, group in groupby(job.shaping for job in found)]
    # One by one, as they are read, a worker would count each of them anew.
    assert len(turns) < 12 * 6


def test_the_first_is_there_before_most_are_read() -> None:
    read = 0

    def stream() -> Iterator[Job]:
        nonlocal read
        for job in jobs(list(range(100_000))):
            read += 1
            yield job

    handed_out = alike_together(stream())
    next(handed_out)
    assert read == 32
    assert len(list(islice(handed_out, 999))) == 999
    assert read < 4000
