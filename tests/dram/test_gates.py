"""Every gate of every shipped standard: blocked one clock before, allowed at it, by the device and by the rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from mimesim.config.standard import Timing
from mimesim.dram import Standard, load_standard, shipped_standards
from mimesim.dram.device import Device
from tests.dram.rules import broken, taken_apart

#: (clock, command, bank); bank is "same", "group" (another bank of its group), "other" (another group) or "rank".
Script = list[tuple[int, str, str]]
#: Long after everything before has settled.
LATE = 5000


@dataclass(frozen=True)
class Gate:
    """After *script*, *command* may come at *allowed* and no clock earlier."""

    name: str
    script: Script
    command: str
    bank: str
    allowed: Callable[[Timing, int], int]


OPEN_BOTH = [(0, "ACT", "same"), (200, "ACT", "group"), (400, "ACT", "other"), (600, "ACT", "rank")]

GATES = [
    Gate("t_rcd", [(0, "ACT", "same")], "RD", "same", lambda t, _: t.t_rcd),
    Gate("t_rcd", [(0, "ACT", "same")], "WR", "same", lambda t, _: t.t_rcd),
    Gate("t_ras", [(0, "ACT", "same")], "PRE", "same", lambda t, _: t.t_ras),
    Gate("t_ras", [(0, "ACT", "same")], "PREA", "same", lambda t, _: t.t_ras),
    Gate("t_rp", [(0, "ACT", "same"), (LATE, "PRE", "same")], "ACT", "same", lambda t, _: LATE + t.t_rp),
    Gate("t_rp", [(0, "ACT", "same"), (LATE, "PRE", "same")], "REF", "same", lambda t, _: LATE + t.t_rp),
    Gate("t_rp_all", [(0, "ACT", "same"), (LATE, "PREA", "same")], "REF", "same",
         lambda t, _: LATE + (t.t_rp_all or t.t_rp)),
    Gate("t_rrd_l", [(LATE, "ACT", "same")], "ACT", "group", lambda t, _: LATE + t.t_rrd_l),
    Gate("t_rrd_s", [(LATE, "ACT", "same")], "ACT", "other", lambda t, _: LATE + t.t_rrd_s),
    Gate("t_rtp", [*OPEN_BOTH, (LATE, "RD", "same")], "PRE", "same", lambda t, _: LATE + t.t_rtp),
    Gate("t_wr", [*OPEN_BOTH, (LATE, "WR", "same")], "PRE", "same", lambda t, b: LATE + t.t_cwl + b + t.t_wr),
    Gate("t_wr", [*OPEN_BOTH, (LATE, "WR", "same")], "PREA", "same", lambda t, b: LATE + t.t_cwl + b + t.t_wr),
    Gate("t_ccd_l", [*OPEN_BOTH, (LATE, "RD", "same")], "RD", "same", lambda t, b: LATE + max(t.t_ccd_l, b)),
    Gate("t_ccd_l", [*OPEN_BOTH, (LATE, "WR", "same")], "WR", "group", lambda t, b: LATE + max(t.t_ccd_l, b)),
    Gate("t_ccd_s", [*OPEN_BOTH, (LATE, "RD", "same")], "RD", "other", lambda t, b: LATE + max(t.t_ccd_s, b)),
    Gate("t_ccd_s", [*OPEN_BOTH, (LATE, "WR", "same")], "WR", "other", lambda t, b: LATE + max(t.t_ccd_s, b)),
    Gate("t_wtr_l", [*OPEN_BOTH, (LATE, "WR", "same")], "RD", "group", lambda t, b: LATE + t.t_cwl + b + t.t_wtr_l),
    Gate("t_wtr_s", [*OPEN_BOTH, (LATE, "WR", "same")], "RD", "other", lambda t, b: LATE + t.t_cwl + b + t.t_wtr_s),
    Gate("t_rtw", [*OPEN_BOTH, (LATE, "RD", "same")], "WR", "group",
         lambda t, b: LATE + t.t_cl + b + t.t_rtw - t.t_cwl),
    Gate("t_rtrs", [*OPEN_BOTH, (LATE, "RD", "same")], "RD", "rank", lambda t, b: LATE + b + t.t_rtrs),
    Gate("t_rtrs", [*OPEN_BOTH, (LATE, "WR", "same")], "WR", "rank", lambda t, b: LATE + b + t.t_rtrs),
    Gate("t_rtrs", [*OPEN_BOTH, (LATE, "RD", "same")], "WR", "rank",
         lambda t, b: LATE + t.t_cl - t.t_cwl + b + t.t_rtrs),
    Gate("t_rfc", [(LATE, "REF", "same")], "ACT", "same", lambda t, _: LATE + t.t_rfc),
    Gate("t_rfc", [(LATE, "REF", "same")], "REF", "same", lambda t, _: LATE + t.t_rfc),
]  # fmt: skip


def flat(standard: Standard, place: str) -> int:
    organisation = standard.organisation
    numbers = {"same": 0, "group": 1, "rank": organisation.banks // organisation.ranks}
    # Without bank groups, the other group is a bank as well.
    return numbers.get(place, organisation.banks_per_group if organisation.bank_groups > 1 else 2)


def issue(device: Device, clock: int, name: str, bank: int) -> None:
    match name:
        case "ACT":
            device.activate(clock, bank, 7)
        case "RD" | "WR":
            device.column(clock, bank, name == "WR")
        case "PRE":
            device.precharge(clock, bank)
        case "PREA":
            device.precharge_all(clock, device.rank_of[bank])
        case "REF":
            device.refresh(clock, device.rank_of[bank])


def earliest(device: Device, name: str, bank: int) -> int:
    match name:
        case "ACT":
            return device.earliest_activate(bank)
        case "RD" | "WR":
            return device.earliest_column(bank, name == "WR")
        case "PRE":
            return device.earliest_precharge(bank)
        case "PREA":
            return device.earliest_precharge_all(device.rank_of[bank])
    return device.earliest_refresh(device.rank_of[bank])


def assert_tight(standard: Standard, script: Script, command: str, place: str, allowed: int) -> None:
    device, log = Device(standard), []
    for clock, name, where in script:
        bank = flat(standard, where)
        assert earliest(device, name, bank) <= clock
        issue(device, clock, name, bank)
        log.append((clock, name, bank, 7, -1))
    bank = flat(standard, place)
    assert earliest(device, command, bank) == allowed
    before = taken_apart(standard, log)
    early, right = taken_apart(standard, [(allowed - 1, command, bank, 7, -1), (allowed, command, bank, 7, -1)])
    assert broken(standard, before, right) is None
    assert broken(standard, before, early) is not None


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: f"{gate.name}-{gate.command}-{gate.bank}")
@pytest.mark.parametrize("name", shipped_standards())
def test_a_gate_opens_in_its_clock(name: str, gate: Gate) -> None:
    standard = load_standard(name, ["organisation.ranks=2"])
    # On a part without groups, short and long are one.
    assert_tight(standard, gate.script, gate.command, gate.bank, gate.allowed(standard.timing, standard.burst_clocks))


@pytest.mark.parametrize("name", shipped_standards())
def test_a_write_then_a_read_of_another_rank(name: str) -> None:
    standard = load_standard(name, ["organisation.ranks=2", "timing.t_cwl=40"])
    timing = standard.timing
    script = [*OPEN_BOTH, (LATE, "WR", "same")]
    allowed = LATE + timing.t_cwl + standard.burst_clocks + timing.t_rtrs - timing.t_cl
    assert_tight(standard, script, "RD", "rank", allowed)


@pytest.mark.parametrize("name", shipped_standards())
def test_the_row_cycle_holds_where_precharging_is_quick(name: str) -> None:
    standard = load_standard(name, ["timing.t_rp=1"])
    timing = standard.timing
    assert timing.t_rc > timing.t_ras + 1
    assert_tight(standard, [(0, "ACT", "same"), (timing.t_ras, "PRE", "same")], "ACT", "same", timing.t_rc)


@pytest.mark.parametrize("name", shipped_standards())
def test_a_fifth_activation_waits_for_the_window(name: str) -> None:
    standard = load_standard(name, ["timing.t_faw=500"])
    banks = range(5)
    device, log = Device(standard), []
    clock = 0
    for bank in banks[:4]:
        clock = max(LATE, device.earliest_activate(bank))
        device.activate(clock, bank, 7)
        log.append((clock, "ACT", bank, 7, -1))
    assert clock == LATE + 3 * standard.timing.t_rrd_l
    assert device.earliest_activate(4) == LATE + 500
    before = taken_apart(standard, log)
    early, right = taken_apart(standard, [(LATE + 499, "ACT", 4, 7, -1), (LATE + 500, "ACT", 4, 7, -1)])
    assert broken(standard, before, right) is None
    assert broken(standard, before, early) is not None


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("name", shipped_standards())
def test_a_bank_that_closes_by_itself_is_free_after_recovery_and_precharge(name: str, write: bool) -> None:
    standard = load_standard(name)
    timing, device = standard.timing, Device(standard)
    device.activate(0, 0, 7)
    device.column(LATE, 0, write, precharge=True)
    recovery = timing.t_cwl + standard.burst_clocks + timing.t_wr if write else timing.t_rtp
    assert device.earliest_activate(0) == LATE + recovery + timing.t_rp
    assert device.earliest_precharge_all(0) == LATE + recovery
    early = Device(standard)
    early.activate(0, 0, 7)
    early.column(timing.t_rcd, 0, write, precharge=True)
    assert early.earliest_activate(0) == max(timing.t_rc, max(timing.t_ras, timing.t_rcd + recovery) + timing.t_rp)
