"""The DRAM device (section 6.5): every burst on its own, every command checked against those before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from mimesim.config.hardware import Hardware

from .storage import Block

__all__ = ["Channel", "Device", "Place"]

LETTERS = ("Ro", "Ra", "Bg", "Ba", "Co", "Ch")


class Place(NamedTuple):
    """Where a burst lies; *run* tells its row run from others of its block."""

    channel: int
    rank: int
    group: int
    bank: int
    row: int
    run: int

    @property
    def of_bank(self) -> tuple[int, int, int]:
        return self.rank, self.group, self.bank


@dataclass
class Counts:
    activates: int = 0
    precharges: int = 0
    refreshes: int = 0


class Channel:
    """One channel: what was issued, which rows are open, when refreshes are due."""

    def __init__(self, hardware: Hardware) -> None:
        self.dram = hardware.dram
        self.timing = hardware.dram.timing
        self.ranks = hardware.dram.organisation.ranks
        self.gap = cache(self._gap)
        # By rank: the latest command of each kind (name, group, bank), and the last activations. ACT, PRE, RD, WR are a
        # bank's; PREA and REF are a rank's: their group and bank are -1.
        self.latest: list[dict[tuple[str, int, int], int]] = [{} for _ in range(self.ranks)]
        self.activated: list[list[int]] = [[] for _ in range(self.ranks)]
        self.rows: dict[tuple[int, int, int], int] = {}
        self.due = [self.timing.t_refi * (rank + 1) // self.ranks for rank in range(self.ranks)]
        self.data_end = 0
        self.data_rank: int | None = None
        self.counts = Counts()
        # By rank: the clocks in which a bank is taken to be open, as (from, to); still open: (from, None).
        self.active: list[list[tuple[int, int | None]]] = [[] for _ in range(self.ranks)]

    def _gap(self, old: str, name: str, same_group: bool, same_bank: bool) -> int | None:
        """Return the least clocks from a command to another of its rank, by the table of dram.md; None: any."""
        timing, burst = self.timing, self.dram.burst_clocks
        whole = name in ("PREA", "REF")
        recovery = {"RD": timing.t_rtp, "WR": timing.t_cwl + burst + timing.t_wr}
        if old == "ACT":
            if name == "ACT":
                reach = timing.t_rrd_l if same_group else timing.t_rrd_s
                return max(reach, timing.t_rc) if same_bank else reach
            if name in ("RD", "WR"):
                return timing.t_rcd if same_bank else None
            if name == "REF":
                return timing.t_rc
            return timing.t_ras if same_bank or whole else None
        if old in recovery:
            if name in ("PRE", "PREA"):
                return recovery[old] if same_bank or whole else None
            if name == old:
                return max(timing.t_ccd_l if same_group else timing.t_ccd_s, burst)
            if name == "RD":
                return timing.t_cwl + burst + (timing.t_wtr_l if same_group else timing.t_wtr_s)
            if name == "WR":
                return timing.t_cl + burst + timing.t_rtw - timing.t_cwl
            return None
        if name not in ("ACT", "REF"):
            return None
        if old == "PRE":
            return timing.t_rp if same_bank or whole else None
        if old == "PREA":
            return timing.t_rp_all or timing.t_rp
        return timing.t_rfc

    def issue(self, name: str, not_before: int, rank: int, group: int = -1, bank: int = -1) -> int:
        """Place a command at its earliest clock and return that."""
        clock = not_before
        for (before, old_group, old_bank), at in self.latest[rank].items():
            same_group = old_group == group
            gap = self.gap(before, name, same_group, same_group and old_bank == bank)
            if gap is not None:
                clock = max(clock, at + gap)
        if name == "ACT":
            activated = self.activated[rank]
            if len(activated) >= 4:
                clock = max(clock, activated[-4] + self.timing.t_faw)
            activated.append(clock)
        self.latest[rank][name, group, bank] = clock
        return clock

    def refresh(self, now: int) -> None:
        while self.dram.refresh and min(self.due) <= now:
            due = min(self.due)
            rank = self.due.index(due)
            if any(place[0] == rank for place in self.rows):
                clock = self.issue("PREA", due, rank)
                self.counts.precharges += 1
                self.rows = {place: row for place, row in self.rows.items() if place[0] != rank}
                begun, _ = self.active[rank].pop()
                self.active[rank].append((begun, clock))
            self.issue("REF", due, rank)
            self.counts.refreshes += 1
            self.due[rank] += self.timing.t_refi

    def serve(self, places: list[Place], grant: int, write: bool) -> int:
        """Serve the bursts of one row run; return the clock at which the channel's data is over."""
        self.refresh(max(grant, self.data_end))
        for number, place in enumerate(places):
            self.open(place, grant)
            to_data = self.timing.t_cwl if write else self.timing.t_cl
            idle = self.timing.t_rtrs if self.data_rank not in (None, place.rank) else 0
            earliest = max(grant, self.data_end + idle - to_data)
            clock = self.issue("WR" if write else "RD", earliest, *place.of_bank)
            self.data_end = clock + to_data + self.dram.burst_clocks
            self.data_rank = place.rank
            last = all(other.of_bank != place.of_bank for other in places[number + 1 :])
            if self.dram.page == "closed" and last:
                closed = self.issue("PRE", 0, *place.of_bank)
                del self.rows[place.of_bank]
                self.active[place.rank].append((self.latest[place.rank]["ACT", place.group, place.bank], closed))
        return self.data_end

    def open(self, place: Place, grant: int) -> None:
        if self.rows.get(place.of_bank) == place.row:
            return
        if place.of_bank in self.rows:
            self.issue("PRE", grant, *place.of_bank)
            self.counts.precharges += 1
        clock = self.issue("ACT", grant, *place.of_bank)
        self.counts.activates += 1
        active = self.active[place.rank]
        if self.dram.page == "open" and (not active or active[-1][1] is not None):
            active.append((clock, None))
        self.rows[place.of_bank] = place.row

    def active_clocks(self, end: int) -> int:
        """Return the clocks of active ranks; what is still open counts up to *end*."""
        total = 0
        for spans in self.active:
            covered = -1
            for begin, until in sorted((b, max(b, end) if e is None else e) for b, e in spans):
                total += max(0, until - max(begin, covered))
                covered = max(covered, until)
        return total


class Device:
    """All channels; requests are served in the order in which they are granted."""

    def __init__(self, hardware: Hardware) -> None:
        self.dram = hardware.dram
        self.clocks_per_cycle = Fraction(hardware.dram.clock_mhz) / Fraction(hardware.clock_mhz)
        self.channels = [Channel(hardware) for _ in range(hardware.dram.organisation.channels)]

    def clock_of(self, cycle: int) -> int:
        return -((-cycle * self.clocks_per_cycle) // 1)

    def cycle_of(self, clock: int) -> int:
        return -((-clock / self.clocks_per_cycle) // 1)

    def place(self, address: int) -> Place:
        """Take an address apart, the lowest field first."""
        organisation = self.dram.organisation
        letters = [self.dram.map[at : at + 2] for at in range(0, len(self.dram.map), 2)]
        if "Bg" not in letters:
            letters.insert(letters.index("Ba") + 1, "Bg")
        size = {
            "Ro": organisation.rows,
            "Ra": organisation.ranks,
            "Bg": organisation.bank_groups,
            "Ba": organisation.banks_per_group,
            "Co": organisation.columns // organisation.burst_length,
            "Ch": organisation.channels,
        }
        rest, found, run = address, {}, None
        for letter in reversed(letters):
            if letter == "Ro" and run is None:
                run = rest
            found[letter], rest = rest % size[letter], rest // size[letter]
            if letter == "Co" and run is None:
                run = rest
        assert rest == 0, "beyond the capacity"
        assert run is not None
        return Place(found["Ch"], found["Ra"], found["Bg"], found["Ba"], found["Ro"], run)

    def runs(self, blocks: list[Block]) -> Iterator[list[Place]]:
        """Yield the row runs of a request, each in one channel."""
        for block in blocks:
            places = [self.place(address) for address in range(block.address, block.address + block.bursts)]
            for run in sorted({place.run for place in places}):
                for channel in range(len(self.channels)):
                    if found := [place for place in places if (place.run, place.channel) == (run, channel)]:
                        yield found

    def serve(self, blocks: list[Block], write: bool, grant_cycle: int) -> int:
        """Transfer *blocks* and return the clock at which the last data is over."""
        grant = self.clock_of(grant_cycle)
        return max(self.channels[run[0].channel].serve(run, grant, write) for run in self.runs(blocks))

    def settle(self, clock: int) -> None:
        """Do the refreshes that are due by *clock*."""
        for channel in self.channels:
            channel.refresh(clock)
