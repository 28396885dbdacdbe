"""The requests of one direction that wait in a channel, and the command that each bank wishes for."""

from __future__ import annotations

from dataclasses import dataclass, field

from mimesim.dram.device import CLOSED, Device
from mimesim.dram.settings import Settings

__all__ = ["ACTIVATE", "COLUMN", "PRECHARGE", "Queue", "Work"]

#: What a bank wishes for. A row command is not 0.
COLUMN, ACTIVATE, PRECHARGE = 0, 1, 2
#: Row commands come after column commands of the same clock, whatever their age.
_BEHIND = 1 << 60
_FOREVER = 1 << 62


@dataclass(slots=True)
class Work:
    """The requests of one channel in the order of arrival, one entry each; *block* is the address / 64 bytes."""

    bank: list[int]
    row: list[int]
    block: list[int]
    #: 1 for a write, 0 for a read.
    write: list[int]
    arrival: list[int]
    #: The clock after the last data of each request, once it has been served.
    done: list[int] = field(default_factory=list)


class Queue:
    """Reads, or writes, by bank and age.

    *waiting* holds each bank's requests, the oldest first; *busy* the banks that have any; *kind* and *request* what
    each of them wishes for, and for whom. A wish changes with the bank's row and its requests only, so it is kept until
    one of them does.
    """

    def __init__(self, work: Work, device: Device, settings: Settings, write: bool) -> None:
        banks = len(device.open_row)
        self.waiting: list[list[int]] = [[] for _ in range(banks)]
        self.busy: list[int] = []
        self.kind = [COLUMN] * banks
        self.request = [-1] * banks
        self.count = 0
        #: How many requests wait for a block.
        self.blocks: dict[int, int] = {}
        self._bank_of, self._row_of, self._block_of = work.bank, work.row, work.block
        self._device, self._group_of = device, device.group_of
        self._in_order = settings.scheduler == "fcfs"
        self._hit_limit = settings.hit_limit or _FOREVER
        self._room = settings.queue
        # Of a bank's requests, those in its own queue take no room of the channel's; the scheduler sees no others.
        self._own, self._seen = settings.bank_queue, settings.bank_queue or settings.queue
        column = device.group_write if write else device.group_read
        self._by_bank = (device.may_column, device.may_activate, device.may_precharge)
        self._by_group = (column, device.group_activate, [0] * len(column))

    def add(self, request: int) -> bool:
        """Take *request* in and tell whether there was room."""
        bank = self._bank_of[request]
        mine = self.waiting[bank]
        if len(mine) >= self._own:
            if not self._room:
                return False
            self._room -= 1
        mine.append(request)
        self.count += 1
        block = self._block_of[request]
        self.blocks[block] = self.blocks.get(block, 0) + 1
        if len(mine) == 1:
            self.busy.append(bank)
            self.wish(bank)
        elif self.kind[bank] == PRECHARGE:
            # It may be for the row that is open.
            self.wish(bank)
        return True

    def remove(self, request: int, bank: int) -> None:
        """Let *request* go: it has its column command."""
        mine = self.waiting[bank]
        if len(mine) > self._own:
            self._room += 1
        mine.remove(request)
        self.count -= 1
        block = self._block_of[request]
        left = self.blocks.pop(block) - 1
        if left:
            self.blocks[block] = left
        if mine:
            self.wish(bank)
        else:
            self.busy.remove(bank)

    def wish(self, bank: int) -> None:
        """Decide what *bank*, for which requests wait, wishes for."""
        mine, row, row_of = self.waiting[bank], self._device.open_row[bank], self._row_of
        kind, wanted = PRECHARGE, mine[0]
        if row == CLOSED:
            kind = ACTIVATE
        elif row_of[wanted] == row:
            kind = COLUMN
        elif not self._in_order and self._device.served[bank] < self._hit_limit:
            for request in mine if len(mine) <= self._seen else mine[: self._seen]:
                if row_of[request] == row:
                    kind, wanted = COLUMN, request
                    break
        self.kind[bank], self.request[bank] = kind, wanted

    def first(self, column_free: int, row_free: int, banned: list[int]) -> tuple[int, int]:
        """Return the clock and the bank of the wish that can be issued first, columns before rows, then by age.

        *column_free* and *row_free* are the clocks from which the command buses are free; the ranks in *banned*
        are passed over. Without a wish the clock is far away and the bank -1.
        """
        # Asked for every command, hence its plain form.
        kinds, requests, groups = self.kind, self.request, self._group_of
        by_bank, by_group = self._by_bank, self._by_group
        banks = self.busy
        if self._in_order and len(banks) > 1:
            banks = [min(banks, key=lambda bank: self.waiting[bank][0])]
        best, best_key, best_bank = _FOREVER, 0, -1
        for bank in banks:
            if banned and self._device.rank_of[bank] in banned:
                continue
            kind = kinds[bank]
            ready = by_bank[kind][bank]
            other = by_group[kind][groups[bank]]
            if other > ready:
                ready = other
            other = row_free if kind else column_free
            if other > ready:
                ready = other
            if ready <= best:
                key = requests[bank] + _BEHIND if kind else requests[bank]
                if ready < best or key < best_key:
                    best, best_key, best_bank = ready, key, bank
        return best, best_bank
