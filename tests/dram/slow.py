"""The controller of docs/dram.md a second time, clock by clock, asking :mod:`tests.dram.rules` what is legal."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from mimesim.config.standard import Standard
from mimesim.dram.settings import Settings
from tests.dram.rules import COLUMNS, Issued, broken, closings, data_of, open_rows


class Request(NamedTuple):
    number: int
    rank: int
    group: int
    bank: int
    row: int
    block: int
    write: bool
    arrival: int


class SlowController:
    """Serves *requests* of one channel; leaves the log, and the clock after each request's data."""

    def __init__(self, standard: Standard, settings: Settings, requests: list[Request]) -> None:
        self.standard, self.settings = standard, settings
        self.door = list(requests)
        self.reads: list[Request] = []
        self.writes: list[Request] = []
        self.log: list[Issued] = []
        self.done: dict[int, int] = {}
        self.draining = False
        self.refreshing: list[int] = []

    def run(self) -> None:
        clock = 0
        while True:
            self.fall_due(clock)
            while True:
                self.admit(clock)
                self.turn()
                command = self.best(clock)
                if command is None:
                    break
                self.issue(command)
            if not (self.door or self.reads or self.writes):
                return
            clock += 1

    def fall_due(self, clock: int) -> None:
        ranks, interval = self.standard.organisation.ranks, self.standard.timing.t_refi
        for rank in range(ranks) if self.settings.refresh else ():
            since = clock - interval * (rank + 1) // ranks
            if since >= 0 and since % interval == 0:
                self.refreshing.append(rank)

    def admit(self, clock: int) -> None:
        while self.door and self.door[0].arrival <= clock:
            new = self.door[0]
            if new.write:
                if any(read.block == new.block for read in self.reads) or self.full(self.writes, new):
                    return
                self.writes.append(new)
            elif any(write.block == new.block for write in self.writes):
                self.done[new.number] = clock + 1
            elif self.full(self.reads, new):
                return
            else:
                self.reads.append(new)
            del self.door[0]

    def full(self, queue: list[Request], new: Request) -> bool:
        """Tell whether *new* finds neither its bank's queue nor the channel's with room."""
        each = Counter(request[1:4] for request in queue)
        shared = sum(max(0, count - self.settings.bank_queue) for count in each.values())
        return each[new[1:4]] >= self.settings.bank_queue and shared == self.settings.queue

    def turn(self) -> None:
        low, high = self.settings.watermarks
        if self.draining:
            self.draining = bool(self.writes) and not (self.reads and len(self.writes) <= low)
        else:
            self.draining = len(self.writes) >= high or bool(self.writes and not self.reads)

    def best(self, clock: int) -> Issued | None:
        if not (self.door or self.reads or self.writes):
            return None
        rows = open_rows(self.log)
        wished: list[tuple[int, int, Issued]] = []
        for order, rank in enumerate(self.refreshing):
            name = "PREA" if any(place[0] == rank for place in rows) else "REF"
            wished.append((0, order, Issued(clock, name, rank, 0, 0, -1, -1)))
        wished += [(1 if wish.name in COLUMNS else 2, wish.request, wish) for wish in self.wishes(clock, rows)]
        hidden = closings(self.standard, self.log)
        legal = [wish for wish in wished if broken(self.standard, self.log, wish[2], hidden) is None]
        return min(legal)[2] if legal else None

    def wishes(self, clock: int, rows: dict[tuple[int, int, int], int]) -> list[Issued]:
        """Return the next command of each bank, or of the oldest request only."""
        queue = self.writes if self.draining else self.reads
        in_order = self.settings.scheduler == "fcfs"
        column = ("WR" if self.draining else "RD") + ("A" if self.settings.page == "closed" else "")
        found = []
        for place in {request[1:4] for request in (queue[:1] if in_order else queue)}:
            if place[0] in self.refreshing:
                continue
            mine = [request for request in queue if request[1:4] == place]
            seen = mine[: self.settings.bank_queue or None]
            hits = [request for request in seen if request.row == rows.get(place)]
            limit = self.settings.hit_limit
            if in_order or (limit and self.served_of_row(place) >= limit):
                hits = [request for request in hits if request is mine[0]]
            name, request = (column, hits[0]) if hits else ("PRE" if place in rows else "ACT", mine[0])
            found.append(Issued(clock, name, *place, request.row, request.number))
        return found

    def served_of_row(self, place: tuple[int, int, int]) -> int:
        """Return the column commands since the bank was last activated."""
        count = 0
        for command in self.log:
            if command[2:5] == place:
                count = 0 if command.name == "ACT" else count + (command.name in COLUMNS)
        return count

    def issue(self, command: Issued) -> None:
        self.log.append(command)
        if command.name == "REF":
            self.refreshing.remove(command.rank)
        if command.name in COLUMNS:
            queue = self.writes if self.draining else self.reads
            queue[:] = [request for request in queue if request.number != command.request]
            self.done[command.request] = data_of(self.standard, command)[1]
