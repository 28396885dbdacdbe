"""The rules of docs/dram.md a second time: which command may follow which, and when; from the standard alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mimesim.config.standard import Standard

COLUMNS = ("RD", "WR", "RDA", "WRA")


class Issued(NamedTuple):
    """A command of the log with its place taken apart; *bank* counts in its group, *group* in its rank."""

    clock: int
    name: str
    rank: int
    group: int
    bank: int
    row: int
    request: int


def taken_apart(standard: Standard, log: Sequence[tuple[int, str, int, int, int]]) -> list[Issued]:
    organisation = standard.organisation
    apart = []
    for clock, name, flat, row, request in log:
        above, bank = divmod(flat, organisation.banks_per_group)
        rank, group = divmod(above, organisation.bank_groups)
        apart.append(Issued(clock, name, rank, group, bank, row, request))
    return apart


def data_of(standard: Standard, command: Issued) -> tuple[int, int]:
    """Return the first clock of a column command's data and the first clock after them."""
    timing = standard.timing
    first = command.clock + (timing.t_cl if command.name[0] == "R" else timing.t_cwl)
    return first, first + standard.burst_clocks


def recovery(standard: Standard, column: Issued) -> int:
    """Return the clocks from a column command to a precharge of its bank."""
    timing = standard.timing
    return timing.t_rtp if column.name[0] == "R" else timing.t_cwl + standard.burst_clocks + timing.t_wr


def least_gap(standard: Standard, first: Issued, second: Issued) -> int | None:
    """Return the least clocks from one command to the other that the part itself asks for; None: any."""
    timing = standard.timing
    if first.rank != second.rank:
        return None
    same_group = first.group == second.group
    same_bank = same_group and first.bank == second.bank
    before, after = first.name[:2] if first.name in COLUMNS else first.name, second.name[:2]
    concerns = same_bank or second.name in ("PREA", "REF")
    match (before, after):
        case ("ACT", "AC"):
            return timing.t_rc if same_bank else timing.t_rrd_l if same_group else timing.t_rrd_s
        case ("ACT", "RD" | "WR"):
            return timing.t_rcd if same_bank else None
        case ("ACT", "PR"):
            return timing.t_ras if concerns else None
        case ("ACT", "RE"):
            return timing.t_rc
        case ("RD", "RD") | ("WR", "WR"):
            return timing.t_ccd_l if same_group else timing.t_ccd_s
        case ("WR", "RD"):
            wait = timing.t_wtr_l if same_group else timing.t_wtr_s
            return timing.t_cwl + standard.burst_clocks + wait
        case ("RD" | "WR", "PR"):
            return recovery(standard, first) if concerns else None
        case ("PRE", "AC" | "RE"):
            return timing.t_rp if concerns else None
        case ("PREA", "AC" | "RE"):
            return timing.t_rp_all or timing.t_rp
        case ("REF", "AC" | "RE"):
            return timing.t_rfc
    return None


def length(standard: Standard, name: str) -> int:
    commands = standard.commands
    if name in COLUMNS:
        return commands.column_clocks
    lengths = {"ACT": commands.activate_clocks, "REF": commands.refresh_clocks}
    return lengths.get(name, commands.precharge_clocks)


def closings(standard: Standard, log: Sequence[Issued]) -> list[Issued]:
    """Return the precharges that read and write with auto-precharge stand for, when they take place."""
    found = []
    for index, command in enumerate(log):
        if command.name in ("RDA", "WRA"):
            place = command[2:5]
            opened = max(one.clock for one in log[:index] if one.name == "ACT" and one[2:5] == place)
            clock = max(opened + standard.timing.t_ras, command.clock + recovery(standard, command))
            found.append(Issued(clock, "PRE", *place, -1, -1))
    return found


def broken(standard: Standard, log: Sequence[Issued], new: Issued, hidden: Sequence[Issued] = ()) -> str | None:
    """Return the rule that *new*, issued after everything in *log*, breaks. *hidden*: see :func:`closings`."""
    timing, burst = standard.timing, standard.burst_clocks
    for old in (*log, *hidden):
        gap = least_gap(standard, old, new)
        if gap is not None and new.clock - old.clock < gap:
            return f"{new} comes {new.clock - old.clock} clocks after {old}: less than {gap}"
    column = new.name in COLUMNS
    for old in log:
        if standard.commands.separate_buses and column != (old.name in COLUMNS):
            continue
        if new.clock - old.clock < length(standard, old.name):
            return f"{new} meets {old} on the command bus"
    if new.name == "ACT":
        window = [old for old in log if old.name == "ACT" and old.rank == new.rank][-4:]
        if len(window) == 4 and new.clock - window[0].clock < timing.t_faw:
            return f"{new} is the fifth activation since {window[0]}"
    if column:
        first, _ = data_of(standard, new)
        for old in log:
            if old.name in COLUMNS:
                _, after = data_of(standard, old)
                turn = timing.t_rtw if old.name[0] == "R" and new.name[0] == "W" else 0
                idle = timing.t_rtrs if old.rank != new.rank else turn
                if first < after + idle and data_of(standard, old)[0] < first + burst + idle:
                    return f"{new} meets {old} on the data bus"
    return wrong_state(log, new)


def wrong_state(log: Sequence[Issued], new: Issued) -> str | None:
    """Return what is wrong with the rows that are open."""
    rows = open_rows([old for old in log if old.rank == new.rank])
    row = rows.get((new.rank, new.group, new.bank))
    if new.name in COLUMNS and row != new.row:
        return f"{new}: the open row is {row}"
    if new.name == "ACT" and row is not None:
        return f"{new}: row {row} is open"
    if new.name == "PRE" and row is None:
        return f"{new}: no row is open"
    if new.name == "REF" and rows:
        return f"{new}: rows are open: {rows}"
    return None


def open_rows(log: Sequence[Issued]) -> dict[tuple[int, int, int], int]:
    rows: dict[tuple[int, int, int], int] = {}
    for command in log:
        place = command[2:5]
        if command.name == "ACT":
            rows[place] = command.row
        elif command.name in ("PRE", "RDA", "WRA"):
            del rows[place]
        elif command.name == "PREA":
            rows = {key: row for key, row in rows.items() if key[0] != command.rank}
    return rows


def check_log(standard: Standard, log: Sequence[tuple[int, str, int, int, int]]) -> None:
    """Assert that every command of *log* was legal when it was issued."""
    apart = taken_apart(standard, log)
    for index, command in enumerate(apart):
        assert not index or command.clock >= apart[index - 1].clock
        # What lies further back than the longest gap cannot matter but for the rows it opened.
        before = apart[:index]
        assert (rule := broken(standard, before, command, closings(standard, before))) is None, rule
