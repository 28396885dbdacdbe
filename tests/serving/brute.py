"""The server a second time, from ``docs/serving.md``: a loop over cycles, without events and without lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mimesim.serving.request import Request


class Rules(NamedTuple):
    """What a server is told; times in cycles, *capacity* None for any number."""

    policy: str
    batch_images: int
    wait: int
    deadline: int
    capacity: int | None


class Ran(NamedTuple):
    """A batch: when it ran, and the numbers of its requests."""

    start: int
    end: int
    numbers: list[int]


def serve_slowly(
    requests: Sequence[Request], rules: Rules, cycles: Callable[[Sequence[Request]], int]
) -> tuple[list[Ran], list[int]]:
    """Return the batches that run, and the numbers of the requests that are rejected."""
    coming, queue = list(requests), []
    ran: list[Ran] = []
    rejected: list[int] = []
    free_at, last_task, now = 0, None, 0
    while coming or queue:
        while coming and coming[0].arrival == now:
            request = coming.pop(0)
            if rules.capacity is not None and len(queue) >= rules.capacity:
                rejected.append(request.number)
            else:
                queue.append(request)
        if now >= free_at:
            batch = _choose(queue, rules, now, last_task)
            if batch:
                queue = [request for request in queue if request not in batch]
                free_at, last_task = now + cycles(batch), batch[-1].task
                ran.append(Ran(now, free_at, [request.number for request in batch]))
        now += 1
    return ran, rejected


def _choose(queue: list[Request], rules: Rules, now: int, last_task: str | None) -> list[Request]:
    candidates = []
    for head in queue:
        alike = [other for other in queue if rules.policy == "fifo" or other.task == head.task]
        if alike[0] is not head:
            continue
        patience = min(rules.wait, rules.deadline) if rules.policy == "deadline" else rules.wait
        if len(alike) >= rules.batch_images or now - head.arrival >= patience:
            candidates.append(alike[: rules.batch_images])
    if not candidates:
        return []
    # The queue is in order of arrival, so the first candidate has the oldest request.
    if rules.policy != "deadline" or now - candidates[0][0].arrival >= rules.deadline:
        return candidates[0]
    fullest = max(len(candidate) for candidate in candidates)
    best = [candidate for candidate in candidates if len(candidate) == fullest]
    same = [candidate for candidate in best if candidate[0].task == last_task]
    return (same or best)[0]
