"""The DRAM device: splits requests into row runs and channels (``docs/machine.md``, section 6.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from mimesim.config.dram import Dram
from mimesim.config.standard import map_fields
from mimesim.machine.dram_bank import DramChannel, Rotation
from mimesim.machine.dram_observed import ObservedChannel
from mimesim.machine.dram_plain import PlainChannel
from mimesim.machine.observer import Observer

__all__ = ["DramDevice"]


class _Lane:
    """The bursts of row runs that fall to one channel: *before* counts those among the first 0, 1, ... of a period."""

    def __init__(self, channel: int, places: list[tuple[int, int]], config: Dram) -> None:
        mine = [place == channel for place, _ in places]
        self.channel = channel
        self.before = [sum(mine[:number]) for number in range(len(mine) + 1)]
        self.rotation = Rotation([bank for (_, bank), own in zip(places, mine, strict=True) if own], config)
        self.banks = len(self.rotation.banks)


class DramDevice:
    """All channels: serves granted requests in order and says when their data is over.

    Counts *busy_clocks*, clocks of data buses with data; *activates*, *precharges*, *refreshes*, commands; *row_hits*,
    bursts that found their row open; *active_clocks*, summed over ranks, up to the last :meth:`settle`.
    """

    def __init__(self, config: Dram, keep_ends: bool = False, observer: Observer | None = None) -> None:
        organisation = config.organisation
        self._fields = fields = map_fields(config.map, organisation)
        self._banks_per_group, self._groups = organisation.banks_per_group, organisation.bank_groups
        self._burst_clocks = config.burst_clocks
        (row, rows), (column, columns) = fields["Ro"], fields["Co"]
        #: Bits of an address that tell a row run from others, and below them those in which its banks rotate.
        self._bits = column + columns.bit_length() if row > column else row
        self._turn = min(row, column)
        # In one bank the upper bits tell rows apart, if columns are not among them: no need to pick the row's.
        self._row_mask = -1 if row > column else rows
        self._span = 1 << self._bits
        places = [self._bank(address, below=True) for address in range(1 << self._turn)]
        self._lanes = [_Lane(channel, places, config) for channel in sorted({channel for channel, _ in places})]
        plain = organisation.ranks * organisation.bank_groups == max(lane.banks for lane in self._lanes) == 1
        #: The one channel, where there is no other and row runs stay in their bank.
        plain = plain and organisation.channels == 1 and not keep_ends and observer is None
        self._plain = PlainChannel(config) if plain else None
        if self._plain is not None:
            shift, banks = fields["Ba"]
            self._plain.place(self._bits, max(0, shift - self._bits), banks, self._row_mask)
        self.channels: Sequence[DramChannel]
        if self._plain is not None:
            self.channels = [self._plain]
        elif observer is not None:
            self.channels = [ObservedChannel(config, number, observer) for number in range(organisation.channels)]
        else:
            self.channels = [DramChannel(config) for _ in range(organisation.channels)]
        if keep_ends:
            #: The clock after each burst's data, channel by channel as they are served; for whoever compares.
            self.ends: list[int] = []
            for channel in self.channels:
                channel.ends = self.ends
        self._known: dict[int, tuple[int, int]] = {}
        self._bursts = 0

    @property
    def server(self) -> Callable[[int, Sequence[tuple[int, int]], bool], int]:
        """What serves requests, as :meth:`serve` does, by the shortest way."""
        return self.serve if self._plain is None else self._plain.serve

    def serve(self, clock: int, runs: Sequence[tuple[int, int]], write: bool) -> int:
        """Serve a request granted at *clock*, a list of (first burst, bursts); return the clock its data is over."""
        if self._plain is not None:
            return self._plain.serve(clock, runs, write)
        self._bursts += sum([bursts for _, bursts in runs])
        bits, span, over = self._bits, self._span, 0
        for first, bursts in runs:
            page, room = first >> bits, span - (first & (span - 1))
            while True:
                count = bursts if bursts < room else room
                end = self._split(clock, page, span - room, count, write)
                if end > over:
                    over = end
                if count == bursts:
                    break
                bursts -= count
                page += 1
                room = span
        return over

    def _split(self, clock: int, page: int, start: int, bursts: int, write: bool) -> int:
        """Serve a row run that passes through several banks or channels."""
        channel, bank = self._known.get(page) or self._locate(page)
        stop, turn, over = start + bursts, self._turn, 0
        mask = (1 << turn) - 1
        for lane in self._lanes:
            before, banks = lane.before, lane.banks
            begin = (start >> turn) * banks + before[start & mask]
            count = (stop >> turn) * banks + before[stop & mask] - begin
            if not count:
                continue
            one = self.channels[channel + lane.channel]
            if banks == 1:
                end = one.run(clock, bank + lane.rotation.banks[0], page & self._row_mask, count, write)
            else:
                end = one.rotate(clock, bank, page & self._row_mask, lane.rotation, begin, count, write)
            if end > over:
                over = end
        return over

    def _locate(self, page: int) -> tuple[int, int]:
        """Return channel and bank of the row runs with these upper bits; the lower ones are 0."""
        found = self._known[page] = self._bank(page << self._bits, below=False)
        return found

    def _bank(self, address: int, below: bool) -> tuple[int, int]:
        """Return channel and bank as far as fields *below* a row run's columns decide, or those above."""
        value = {}
        for name in ("Ch", "Ra", "Bg", "Ba"):
            shift, mask = self._fields[name]
            value[name] = (address >> shift) & mask if (shift < self._turn) == below else 0
        group = value["Ra"] * self._groups + value["Bg"]
        return value["Ch"], group * self._banks_per_group + value["Ba"]

    def settle(self, clock: int) -> None:
        """Bring all counts up to *clock*."""
        for channel in self.channels:
            channel.settle(clock)

    @property
    def free(self) -> int:
        """The clock at which all data so far is over."""
        return max(channel.free for channel in self.channels)

    @property
    def bursts(self) -> int:
        """Bursts of all channels."""
        return self._bursts if self._plain is None else self._plain.bursts

    @property
    def busy_clocks(self) -> int:
        """Clocks of data buses with data."""
        return self.bursts * self._burst_clocks

    @property
    def active_clocks(self) -> int:
        """Clocks of active ranks, as far as settled."""
        return sum(channel.active_clocks for channel in self.channels)

    @property
    def activates(self) -> int:
        """Activations."""
        return sum(channel.activates for channel in self.channels)

    @property
    def precharges(self) -> int:
        """Precharges of one bank or all, but for those that banks do by themselves."""
        return sum(channel.precharges for channel in self.channels)

    @property
    def refreshes(self) -> int:
        """Refreshes of a rank."""
        return sum(channel.refreshes for channel in self.channels)

    @property
    def row_hits(self) -> int:
        """Bursts that found their row open: all but the first after an activation."""
        return self.bursts - self.activates

    def counts(self) -> Counter[str]:
        """Return all counts of commands and bursts by name."""
        names = ("row_hits", "activates", "precharges", "refreshes", "active_clocks")
        return Counter({name: getattr(self, name) for name in names})
