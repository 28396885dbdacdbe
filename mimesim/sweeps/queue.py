"""The order in which jobs are handed out: those that share shapes and counts next to each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, islice

from mimesim.schedule.shaping import Shaping
from mimesim.sweeps.points import Job

__all__ = ["alike_together"]

#: Jobs that are looked through for one like the last, a few dozen kilobytes each.
_MOST_WAITING = 2048
#: So many are read in one go, which takes half the time of one by one; and again after so many were handed out.
_READ, _AFTER = 32, 8


def alike_together(jobs: Iterable[Job]) -> Iterator[Job]:
    """Yield each of *jobs* once, one like the last if any that was read is: what a worker has counted serves again.

    *jobs* are read somewhat ahead of what is asked for, and the first is there at once, however many there are: what
    waits grows while workers replay.
    """
    stream = iter(jobs)
    waiting: dict[Shaping, deque[Job]] = {}
    last = None
    for handed_out in count():
        if not waiting or handed_out % _AFTER == 0:
            room = _MOST_WAITING - sum(map(len, waiting.values()))
            for job in islice(stream, min(_READ, room)):
                waiting.setdefault(job.shaping, deque()).append(job)
        if not waiting:
            return
        if last is None or last not in waiting:
            # Of the others, what has waited longest.
            last = next(iter(waiting))
        yield waiting[last].popleft()
        if not waiting[last]:
            del waiting[last]
