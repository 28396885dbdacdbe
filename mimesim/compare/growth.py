"""Bytes stored over the number of tasks: counted as far as the workload goes, then along a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Growth", "growths"]


@dataclass(frozen=True, slots=True)
class Growth:
    """*counted* are the bytes of one case for its first task, its first two, ...; *on_chip* those of them in eNVM.

    *most* is how many tasks there is room for, None for any number.
    """

    case: str
    counted: tuple[int, ...]
    on_chip: tuple[int, ...]
    most: int | None = None

    def bytes_for(self, tasks: int) -> int | None:
        """Return the bytes for so many *tasks*: counted, or beyond them extrapolated.

        Every further task then adds what a task beyond the first added in the mean; None where there is but one, or no
        room.
        """
        count = len(self.counted)
        if tasks <= count:
            return self.counted[tasks - 1]
        if count < 2 or (self.most is not None and tasks > self.most):
            return None
        return self.counted[-1] + round((tasks - count) * (self.counted[-1] - self.counted[0]) / (count - 1))

    def fits(self, size: int) -> int | None:
        """Return how many tasks fit in *size* bytes, along the same line; None if any number does."""
        count = len(self.counted)
        if self.counted[-1] > size:
            return sum(one <= size for one in self.counted)
        step = (self.counted[-1] - self.counted[0]) / (count - 1) if count > 1 else 0
        if step <= 0:
            return self.most
        room = count + int((size - self.counted[-1]) / step)
        return room if self.most is None else min(room, self.most)


def growths(
    words: Mapping[str, Sequence[tuple[int, int]]], word_bits: int, most: Mapping[str, int | None]
) -> list[Growth]:
    """Return the growth of each case from its *words*: (in all memories, in eNVM) for 1, 2, ... tasks.

    *most* is the number of tasks that each has room for.
    """
    return [
        Growth(
            case,
            tuple(total * word_bits // 8 for total, _ in found),
            tuple(on_chip * word_bits // 8 for _, on_chip in found),
            most=most[case],
        )
        for case, found in words.items()
    ]
