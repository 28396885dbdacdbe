"""A request: an image of a task, and when it comes."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

__all__ = ["PICOSECONDS", "Arrival", "Request", "arrival_cycle"]

PICOSECONDS = 10**12


class Arrival(NamedTuple):
    """Image number *image* of *task* arrives *picoseconds* after the start: whole, and equal for all machines."""

    picoseconds: int
    task: str
    image: int


class Request(NamedTuple):
    """An arrival at one machine: *arrival* counts its cycles, *number* all requests of the stream."""

    number: int
    arrival: int
    task: str
    image: int


def arrival_cycle(picoseconds: int, clock_mhz: float) -> int:
    """Return the first cycle that begins when *picoseconds* have passed, or later."""
    clock = Fraction(str(clock_mhz))
    return -(-picoseconds * clock.numerator // (clock.denominator * 10**6))
