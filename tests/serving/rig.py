"""Streams, costs and observers for tests of the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mimesim.serving.costs import BatchCost
from mimesim.serving.request import Request


def fixed_cost(cycles: int) -> BatchCost:
    """Return the cost of a batch of one that costs no energy."""
    return BatchCost(cycles, 0, (0,), 0)


def cost_of(batch: Sequence[Request], cycles: int) -> BatchCost:
    """Return a cost whose energies tell images apart."""
    return BatchCost(cycles, 10 * len(batch), tuple(100 + request.number for request in batch), 7 * len(batch))


@dataclass
class Notes:
    """An observer that remembers."""

    ran: list[tuple[int, int, list[int]]] = field(default_factory=list)
    rejected: list[int] = field(default_factory=list)

    def arrived(self, request: Request, accepted: bool, waiting: int) -> None:
        if not accepted:
            self.rejected.append(request.number)

    def started(self, batch: Sequence[Request], cycle: int, waiting: int) -> None:
        pass

    def ended(self, batch: Sequence[Request], start: int, end: int, cost: BatchCost) -> None:
        self.ran.append((start, end, [request.number for request in batch]))
