"""One channel: scheduler, refresh. It jumps from one clock at which a command is issued to the next."""

from __future__ import annotations

from collections.abc import Callable

from mimesim.config.standard import Standard
from mimesim.dram.device import Device
from mimesim.dram.queues import ACTIVATE, COLUMN, Queue, Work
from mimesim.dram.settings import Settings

__all__ = ["Channel", "Command"]

#: Clock, name, bank (the first of its rank for PREA and REF), row (-1 for those), number of the request (-1 likewise).
Command = tuple[int, str, int, int, int]

_FOREVER = 1 << 62
_TELL_EVERY = 1 << 15


class Channel:
    """A controller with its ranks, for the requests of *work*.

    Requests wait at the door until their queue has room, in the order of arrival. *clock* is that of the last command,
    and in the end that after the last data. *forwarded* reads were answered from the write queue. With *log* every
    command is kept in :attr:`log`.
    """

    def __init__(self, standard: Standard, settings: Settings, work: Work, log: bool = False) -> None:
        self.device = Device(standard)
        self.log: list[Command] | None = [] if log else None
        self.forwarded = 0
        self.clock = 0
        self._work, self._total = work, len(work.arrival)
        work.done = [0] * self._total
        self._head = self._served = 0
        self._reads, self._writes = (Queue(work, self.device, settings, write) for write in (False, True))
        self._draining = False
        self._low, self._high = settings.watermarks
        self._closing = settings.page == "closed"
        self._column_free = self._row_free = 0
        self._commands, self._interval = standard.commands, standard.timing.t_refi
        self._read_latency = standard.timing.t_cl + standard.burst_clocks
        self._write_latency = standard.timing.t_cwl + standard.burst_clocks
        ranks = standard.organisation.ranks
        # Ranks take turns, so that they are not all away at once.
        due = [self._interval * (rank + 1) // ranks if settings.refresh else _FOREVER for rank in range(ranks)]
        self._due, self._next_due = due, min(due)
        self._refreshing: list[int] = []

    def run(self, tell: Callable[[int], None] | None = None) -> None:
        """Serve all requests; *tell* hears now and then how many have been served."""
        reads, writes, refreshing = self._reads, self._writes, self._refreshing
        while True:
            arrives = self._admit()
            if self._head == self._total and not reads.count and not writes.count:
                break
            if writes.count or self._draining:
                self._turn()
            queue = writes if self._draining else reads
            clock = self.clock
            column_free = self._column_free if self._column_free > clock else clock
            row_free = self._row_free if self._row_free > clock else clock
            ready, bank = queue.first(column_free, row_free, refreshing)
            rank = -1
            if refreshing:
                due, rank = self._first_refresh(row_free)
                if due <= ready:
                    ready = due
                else:
                    rank = -1
            if arrives <= ready or self._next_due <= ready:
                self._wait(arrives, idle=ready == _FOREVER)
                continue
            self.clock = ready
            if rank >= 0:
                self._refresh(rank)
            elif queue.kind[bank] == COLUMN:
                self._column(queue, bank)
                if tell is not None and not self._served % _TELL_EVERY:
                    tell(self._served)
            else:
                self._row(queue, bank)
        self.clock = max(self.clock, max(self._work.done, default=0))
        self.device.finish(self.clock)

    def _admit(self) -> int:
        """Let in who has arrived and finds room; return when the next one arrives, if that alone keeps it out."""
        work, clock, head, total = self._work, self.clock, self._head, self._total
        reads, writes = self._reads, self._writes
        while head < total:
            arrival = work.arrival[head]
            if arrival > clock:
                self._head = head
                return arrival
            if work.write[head]:
                # An older read of the same block has to be served before the write may change it.
                if work.block[head] in reads.blocks or not writes.add(head):
                    break
            elif work.block[head] in writes.blocks:
                work.done[head] = clock + 1
                self.forwarded += 1
                self._served += 1
            elif not reads.add(head):
                break
            head += 1
        self._head = head
        return _FOREVER

    def _turn(self) -> None:
        """Decide whether reads or writes are served."""
        reads, writes = self._reads.count, self._writes.count
        if self._draining:
            self._draining = writes > (self._low if reads else 0)
        else:
            self._draining = writes >= self._high or not reads

    def _wait(self, arrives: int, idle: bool) -> None:
        """Go to the clock at which a request arrives or a refresh falls due, whichever is first."""
        if idle and self.log is None and arrives < _FOREVER:
            self._sleep(arrives)
        self.clock = min(arrives, self._next_due)
        if self.clock == self._next_due:
            for rank, due in enumerate(self._due):
                if due == self.clock:
                    self._due[rank] += self._interval
                    self._refreshing.append(rank)
            self._next_due = min(self._due)

    def _sleep(self, until: int) -> None:
        """Book the refreshes of a long time without requests at once, where each takes place when it is due."""
        device = self.device
        if any(device.is_open(rank) for rank in range(device.ranks)):
            return
        for rank, due in enumerate(self._due):
            # The last ones are left to the loop: until then everything has settled.
            count = (until - due) // self._interval - 1
            if count > 0 and device.earliest_refresh(rank) <= due:
                device.refresh(due + (count - 1) * self._interval, rank)
                device.refreshes += count - 1
                self._due[rank] = due + count * self._interval
        self._next_due = min(self._due)

    def _first_refresh(self, row_free: int) -> tuple[int, int]:
        """Return the clock and the rank of the first command that a refresh needs."""
        device = self.device
        ready = [
            max(
                row_free, device.earliest_precharge_all(rank) if device.is_open(rank) else device.earliest_refresh(rank)
            )
            for rank in self._refreshing
        ]
        first = min(ready)
        return first, self._refreshing[ready.index(first)]

    def _refresh(self, rank: int) -> None:
        """Close all banks of *rank*, or refresh it."""
        device, clock = self.device, self.clock
        first = rank * device.banks_per_rank
        if device.is_open(rank):
            device.precharge_all(clock, rank)
            self._take_row_bus(self._commands.precharge_clocks)
            for bank in range(first, first + device.banks_per_rank):
                self._wish_again(bank)
            name = "PREA"
        else:
            device.refresh(clock, rank)
            self._refreshing.remove(rank)
            self._take_row_bus(self._commands.refresh_clocks)
            name = "REF"
        if self.log is not None:
            self.log.append((clock, name, first, -1, -1))

    def _column(self, queue: Queue, bank: int) -> None:
        """Read or write for the request that *bank* has chosen."""
        clock, request, write = self.clock, queue.request[bank], self._draining
        self.device.column(clock, bank, write, self._closing)
        self._column_free = clock + self._commands.column_clocks
        if not self._commands.separate_buses:
            self._row_free = self._column_free
        self._work.done[request] = clock + (self._write_latency if write else self._read_latency)
        self._served += 1
        queue.remove(request, bank)
        other = self._reads if write else self._writes
        if other.waiting[bank]:
            other.wish(bank)
        if self.log is not None:
            name = ("WR" if write else "RD") + ("A" if self._closing else "")
            self.log.append((clock, name, bank, self._work.row[request], request))

    def _row(self, queue: Queue, bank: int) -> None:
        """Activate or precharge *bank*."""
        clock, request = self.clock, queue.request[bank]
        row = self._work.row[request]
        activate = queue.kind[bank] == ACTIVATE
        if activate:
            self.device.activate(clock, bank, row)
            self._take_row_bus(self._commands.activate_clocks)
        else:
            self.device.precharge(clock, bank)
            self._take_row_bus(self._commands.precharge_clocks)
        self._wish_again(bank)
        if self.log is not None:
            self.log.append((clock, "ACT" if activate else "PRE", bank, row, request))

    def _wish_again(self, bank: int) -> None:
        for queue in (self._reads, self._writes):
            if queue.waiting[bank]:
                queue.wish(bank)

    def _take_row_bus(self, clocks: int) -> None:
        self._row_free = self.clock + clocks
        if not self._commands.separate_buses:
            self._column_free = self._row_free
