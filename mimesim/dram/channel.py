"""One channel: queues, scheduler, refresh. It jumps from one clock at which a command is issued to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mimesim.dram.device import CLOSED, Device
from mimesim.dram.settings import Settings
from mimesim.dram.standard import Standard

__all__ = ["Channel", "Command", "Work"]

#: Clock, name, bank (the first of its rank for PREA and REF), row (-1 for those), number of the request (-1 likewise).
Command = tuple[int, str, int, int, int]

_COLUMN, _ACTIVATE, _PRECHARGE = 0, 1, 2
#: Row commands come after column commands of the same clock, whatever their age.
_BEHIND = 1 << 60
_FOREVER = 1 << 62
_TELL_EVERY = 1 << 15


@dataclass(slots=True)
class Work:
    """The requests of one channel in the order of arrival, one entry each; *block* is the address / 64 bytes."""

    bank: list[int]
    row: list[int]
    block: list[int]
    #: 1 for a write, 0 for a read.
    write: list[int]
    arrival: list[int]
    #: The clock after the last data of each request; filled by :meth:`Channel.run`.
    done: list[int] = field(default_factory=list)


class Channel:
    """A controller with its ranks.

    Requests wait at the door until their queue has room, in the order of arrival; the queue's slot is free again in the
    clock of the column command. *row_hits* counts column commands after the first of an activation, *forwarded* reads
    answered from the write queue, *wasted* nothing: activations without a column command are ``activates + row_hits``
    less the column commands. With *log* every command is kept.
    """

    def __init__(self, standard: Standard, settings: Settings, log: bool = False) -> None:
        self.device = Device(standard)
        self.log: list[Command] | None = [] if log else None
        self.row_hits = self.forwarded = 0
        self.clock = 0
        self._settings = settings
        self._standard = standard
        ranks, interval = standard.organisation.ranks, standard.timing.t_refi
        # Ranks take turns, so that they are not all away at once.
        due = [interval * (rank + 1) // ranks if settings.refresh else _FOREVER for rank in range(ranks)]
        self._due = due
        self._refreshing: list[int] = []

    def run(self, work: Work, tell: Callable[[int], None] | None = None) -> None:
        """Serve all requests of *work*; *tell* hears now and then how many have been served."""
        # One function and local names throughout: this loop runs for every command.
        device, settings, log = self.device, self._settings, self.log
        commands, timing, burst = self._standard.commands, self._standard.timing, self._standard.burst_clocks
        first_come, closing = settings.scheduler == "fcfs", settings.page == "closed"
        limit = settings.hit_limit or _FOREVER
        low, high = settings.watermarks
        bank_of, row_of, block_of, is_write, arrival = work.bank, work.row, work.block, work.write, work.arrival
        total, head, served, row_hits = len(arrival), 0, 0, 0
        done = work.done = [0] * total
        open_row, group_of, rank_of = device.open_row, device.group_of, device.rank_of
        own = (device.may_column, device.may_activate, device.may_precharge)
        group_activate, free_always = device.group_activate, [0] * len(device.group_activate)
        shared = (
            (device.group_read, group_activate, free_always),
            (device.group_write, group_activate, free_always),
        )
        latency = (timing.t_cl + burst, timing.t_cwl + burst)
        banks = range(len(open_row))
        # By direction, reads then writes: waiting requests of each bank, banks that have any, the bank's next command.
        waiting: tuple[list[list[int]], ...] = ([[] for _ in banks], [[] for _ in banks])
        busy: tuple[list[int], ...] = ([], [])
        kinds: tuple[list[int], ...] = ([0 for _ in banks], [0 for _ in banks])
        chosen: tuple[list[int], ...] = ([0 for _ in banks], [0 for _ in banks])
        room, count, served_of_row = [settings.queue, settings.queue], [0, 0], [0 for _ in banks]
        # Of a bank's requests, those in its own queue take no room of the channel's; the scheduler sees no others.
        own_queue, seen = settings.bank_queue, settings.bank_queue or settings.queue
        blocks: tuple[dict[int, int], ...] = ({}, {})
        hazards = any(is_write)
        draining = 0
        clock = self.clock
        column_free = row_free = clock
        separate = commands.separate_buses
        occupied = (commands.column_clocks, commands.activate_clocks, commands.precharge_clocks)
        due = min(self._due)

        def choose(way: int, bank: int) -> None:
            """Decide the next command of *bank* for the requests of one direction."""
            queue, row = waiting[way][bank], open_row[bank]
            oldest = queue[0]
            if row == CLOSED:
                kinds[way][bank], chosen[way][bank] = _ACTIVATE, oldest
                return
            if row_of[oldest] == row:
                kinds[way][bank], chosen[way][bank] = _COLUMN, oldest
                return
            if not first_come and served_of_row[bank] < limit:
                for request in queue if len(queue) <= seen else queue[:seen]:
                    if row_of[request] == row:
                        kinds[way][bank], chosen[way][bank] = _COLUMN, request
                        return
            kinds[way][bank], chosen[way][bank] = _PRECHARGE, oldest

        while True:
            # Whoever has arrived and finds room comes in.
            while head < total and arrival[head] <= clock:
                way, bank = is_write[head], bank_of[head]
                queue = waiting[way][bank]
                if hazards:
                    block = block_of[head]
                    if way:
                        if block in blocks[0]:
                            break  # an older read of the same block has to be served first
                    elif block in blocks[1]:
                        done[head] = clock + 1  # the write queue has the data
                        self.forwarded += 1
                        head += 1
                        served += 1
                        continue
                if len(queue) >= own_queue:
                    if not room[way]:
                        break
                    room[way] -= 1
                if hazards:
                    blocks[way][block] = blocks[way].get(block, 0) + 1
                count[way] += 1
                queue.append(head)
                if len(queue) == 1:
                    busy[way].append(bank)
                    choose(way, bank)
                elif kinds[way][bank] == _PRECHARGE:
                    choose(way, bank)
                head += 1
            if head == total and not busy[0] and not busy[1]:
                break
            if hazards:
                reads, writes = count
                if draining:
                    if not writes or (reads and writes <= low):
                        draining = 0
                elif writes >= high or (writes and not reads):
                    draining = 1

            # The command that can be issued first; at one clock refresh, then columns, then rows, the oldest first.
            best, best_key, best_bank = _FOREVER, 0, -1
            candidates = busy[draining]
            if first_come and len(candidates) > 1:
                queues = waiting[draining]
                candidates = [min(candidates, key=lambda bank: queues[bank][0])]
            kind_of, request_of, limits = kinds[draining], chosen[draining], shared[draining]
            refreshing = self._refreshing
            for bank in candidates:
                if refreshing and rank_of[bank] in refreshing:
                    continue
                kind = kind_of[bank]
                ready = own[kind][bank]
                other = limits[kind][group_of[bank]]
                if other > ready:
                    ready = other
                other = row_free if kind else column_free
                if other > ready:
                    ready = other
                if ready < clock:
                    ready = clock
                if ready <= best:
                    key = request_of[bank] + _BEHIND if kind else request_of[bank]
                    if ready < best or key < best_key:
                        best, best_key, best_bank = ready, key, bank
            refresh_rank = -1
            for rank in refreshing:
                ready = device.earliest_precharge_all(rank) if device.is_open(rank) else device.earliest_refresh(rank)
                ready = max(ready, row_free, clock)
                if ready < best or (ready == best and refresh_rank < 0):
                    best, refresh_rank = ready, rank

            horizon = due
            if head < total and clock < arrival[head] < horizon:
                horizon = arrival[head]
            if horizon <= best:
                if best == _FOREVER and log is None:
                    self._sleep(arrival[head] if head < total else 0)
                    due = min(self._due)
                    horizon = min(due, arrival[head]) if head < total else due
                clock = horizon
                if clock >= due:
                    due = self._fall_due(clock)
                continue

            clock = best
            if refresh_rank >= 0:
                if device.is_open(refresh_rank):
                    device.precharge_all(clock, refresh_rank)
                    row_free = clock + commands.precharge_clocks
                    name = "PREA"
                else:
                    device.refresh(clock, refresh_rank)
                    refreshing.remove(refresh_rank)
                    row_free = clock + commands.refresh_clocks
                    name = "REF"
                first = refresh_rank * device.banks_per_rank
                for bank in range(first, first + device.banks_per_rank):
                    for way in (0, 1):
                        if waiting[way][bank]:
                            choose(way, bank)
                if not separate:
                    column_free = row_free
                if log is not None:
                    log.append((clock, name, first, -1, -1))
                continue
            bank, kind, request = best_bank, kind_of[best_bank], request_of[best_bank]
            other_way = 1 - draining
            if kind == _COLUMN:
                device.column(clock, bank, draining == 1, closing)
                column_free = clock + occupied[0]
                if not separate:
                    row_free = column_free
                if served_of_row[bank]:
                    row_hits += 1
                served_of_row[bank] += 1
                done[request] = clock + latency[draining]
                served += 1
                if tell is not None and not served % _TELL_EVERY:
                    tell(served)
                queue = waiting[draining][bank]
                if len(queue) > own_queue:
                    room[draining] += 1
                count[draining] -= 1
                if queue[0] == request:
                    del queue[0]
                else:
                    queue.remove(request)
                if hazards:
                    block, pending = block_of[request], blocks[draining]
                    if pending[block] == 1:
                        del pending[block]
                    else:
                        pending[block] -= 1
                if queue:
                    choose(draining, bank)
                else:
                    busy[draining].remove(bank)
                name = ("WR" if draining else "RD") + ("A" if closing else "")
            else:
                if kind == _ACTIVATE:
                    device.activate(clock, bank, row_of[request])
                    served_of_row[bank] = 0
                    name = "ACT"
                else:
                    device.precharge(clock, bank)
                    name = "PRE"
                row_free = clock + occupied[kind]
                if not separate:
                    column_free = row_free
                choose(draining, bank)
            if hazards and waiting[other_way][bank]:
                choose(other_way, bank)
            if log is not None:
                log.append((clock, name, bank, row_of[request], request))

        self.row_hits += row_hits
        self.clock = max(clock, max(done, default=0))
        device.finish(self.clock)

    def _fall_due(self, clock: int) -> int:
        """Note the ranks whose refresh is due by *clock*; return when the next one is."""
        interval = self._standard.timing.t_refi
        for rank, due in enumerate(self._due):
            if due <= clock:
                self._due[rank] = due + interval
                self._refreshing.append(rank)
        return min(self._due)

    def _sleep(self, until: int) -> None:
        """Book the refreshes of a long time without requests at once, where each takes place when it is due."""
        device, timing = self.device, self._standard.timing
        if any(device.is_open(rank) for rank in range(device.ranks)):
            return
        for rank, due in enumerate(self._due):
            # The last ones are left to the loop: until then everything has settled.
            count = (until - due) // timing.t_refi - 1
            if count > 0 and device.earliest_refresh(rank) <= due:
                device.refresh(due + (count - 1) * timing.t_refi, rank)
                device.refreshes += count - 1
                self._due[rank] = due + count * timing.t_refi
