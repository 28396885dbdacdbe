"""Gates between banks, groups, ranks and channels: each decides, to the clock; and every standard's latencies."""

from __future__ import annotations

from typing import Any

import pytest

from mimesim.config.dram import Dram
from mimesim.config.shipped import shipped_standards
from mimesim.machine.dram_device import DramDevice
from tests.oracle.bench import part

#: A burst takes 2 clocks; 8 of them a row.
TIMING = {
    "t_rcd": 5, "t_rp": 4, "t_cl": 6, "t_cwl": 3, "t_ras": 9, "t_rc": 14, "t_ccd_s": 3, "t_ccd_l": 4, "t_rrd_s": 4,
    "t_rrd_l": 6, "t_faw": 20, "t_rtp": 2, "t_wr": 7, "t_wtr_s": 2, "t_wtr_l": 4, "t_rtw": 2, "t_rtrs": 1,
    "t_rfc": 20, "t_refi": 100,
}  # fmt: skip
#: Two ranks of two groups of four banks: bursts 0.. are row 0 of bank 0, 8.. of the next bank, ...
BANK, GROUP, RANK, ROW = 8, 32, 64, 128

Request = tuple[int, str, int, int]  # granted at, "read" or "write", first burst, bursts


def ends(*requests: Request, **changes: Any) -> list[int]:
    """Return the clock in which each request's data is over."""
    organisation = {"bank_groups": 2, "banks_per_group": 4, "ranks": 2}
    use = {"map": "RoRaBgBaCoCh", "refresh": False, "organisation": organisation, "transfers": 4, "row_bursts": 8}
    made = DramDevice(part(**(use | TIMING | changes)))
    return [made.serve(clock, [(first, bursts)], way == "write") for clock, way, first, bursts in requests]


# In each case one parameter decides the end of the last request: one clock more or less moves it by one.
TIGHT: list[Any] = [
    # Activated at 0 and 6: read at 11, not at 5 + 4.
    pytest.param("t_rrd_l", [(0, "read", 0, 1), (0, "read", BANK, 1)], {}, 19, id="activate, same group"),
    # Activated at 0 and 4: read at 9, not at 5 + 3.
    pytest.param("t_rrd_s", [(0, "read", 0, 1), (0, "read", GROUP, 1)], {}, 17, id="activate, other group"),
    # Activated at 0, 4, 8, 12, and 20 in place of 16.
    pytest.param(
        "t_faw",
        [(0, "read", place, 1) for place in (0, GROUP, BANK, GROUP + BANK, 2 * BANK)],
        {},
        33,
        id="five activations",
    ),
    # Closed at 9, but activated at 14, not 13.
    pytest.param("t_rc", [(0, "read", 0, 1), (0, "read", ROW, 1)], {}, 27, id="activate, same bank"),
    pytest.param("t_ccd_l", [(0, "read", 0, 2)], {}, 5 + 4 + 8, id="read, same group"),
    pytest.param("t_ccd_l", [(0, "write", 0, 2)], {}, 5 + 4 + 5, id="write, same group"),
    # Both rows are open from before.
    pytest.param(
        "t_ccd_s",
        [(0, "read", 0, 1), (0, "read", GROUP, 1), (50, "read", 1, 1), (50, "read", GROUP + 1, 1)],
        {},
        50 + 3 + 8,
        id="read, other group",
    ),
    # Written from 8 to 10.
    pytest.param("t_wtr_l", [(0, "write", 0, 1), (0, "read", 1, 1)], {}, 10 + 4 + 8, id="write to read, same group"),
    pytest.param("t_wtr_s", [(0, "write", 0, 1), (0, "read", GROUP, 1)], {}, 20, id="write to read, other group"),
    # Read from 11 to 13.
    pytest.param("t_rtw", [(0, "read", 0, 1), (0, "write", 1, 1)], {}, 13 + 2 + 2, id="read to write"),
    # Nothing else is between ranks, whatever the direction.
    pytest.param("t_rtrs", [(0, "read", 0, 1), (0, "read", RANK, 1)], {}, 13 + 1 + 2, id="read, other rank"),
    pytest.param("t_rtrs", [(0, "read", 0, 1), (0, "write", RANK, 1)], {}, 13 + 1 + 2, id="read to write, other rank"),
    pytest.param("t_rtrs", [(0, "write", 0, 3), (0, "read", RANK, 1)], {}, 18 + 1 + 2, id="write to read, other rank"),
    # Closed by itself at 9, activated at 13.
    pytest.param(
        "t_ras", [(0, "read", 0, 1), (0, "read", ROW, 1)], {"page": "closed", "t_rc": 0}, 26, id="closed: t_ras"
    ),
    # Two reads, the last at 9 + 4: closed at 15, at 19 activated.
    pytest.param("t_rtp", [(0, "read", 0, 3), (0, "read", ROW, 1)], {"page": "closed"}, 32, id="closed: t_rtp"),
    # Written up to 10: closed at 17, activated at 21.
    pytest.param("t_wr", [(0, "write", 0, 1), (0, "read", ROW, 1)], {"page": "closed"}, 34, id="closed: t_wr"),
    pytest.param("t_rp", [(0, "write", 0, 1), (0, "read", ROW, 1)], {"page": "closed"}, 34, id="closed: t_rp"),
]


@pytest.mark.parametrize(("parameter", "requests", "changes", "end"), TIGHT)
def test_each_gate_is_kept_to_the_clock(
    parameter: str, requests: list[Request], changes: dict[str, Any], end: int
) -> None:
    results = {
        change: ends(*requests, **(changes | {parameter: (TIMING | changes)[parameter] + change}))[-1]
        for change in (-1, 0, 1)
    }

    assert results == {-1: end - 1, 0: end, 1: end + 1}


def test_an_activation_waits_for_none_in_another_rank() -> None:
    # Both activated at 0; but for the bus the second would be read at 5.
    assert ends((0, "read", 0, 1), (0, "read", RANK, 1), t_rrd_s=40, t_rrd_l=40, t_rtrs=0) == [13, 15]


def test_ranks_are_refreshed_in_turn() -> None:
    # Rank 0 at 50, rank 1 at 100: only who is away waits.
    assert ends((60, "read", 0, 1), refresh=True) == [50 + 20 + 13]
    assert ends((60, "read", RANK, 1), refresh=True) == [60 + 13]
    assert ends((100, "read", RANK, 1), refresh=True) == [100 + 20 + 13]


def test_a_closed_bank_needs_no_precharge_and_an_open_row_saves_the_activation() -> None:
    requests: tuple[Request, ...] = ((0, "read", 0, 1), (100, "read", 1, 1), (200, "read", ROW, 1))
    assert ends(*requests) == [13, 108, 217]
    assert ends(*requests, page="closed") == [13, 113, 213]


def test_channels_work_at_the_same_time() -> None:
    # Four bursts on one channel end 4 apart; on two, bursts 0 and 2, 1 and 3 go together.
    assert ends((0, "read", 0, 4)) == [13 + 3 * 4]
    assert ends((0, "read", 0, 4), channels=2) == [13 + 4]
    # A request is over when its last channel is: the second has five of nine bursts.
    assert ends((0, "read", 1, 9), channels=2, map="RoRaBgBaCoCh") == [13 + 4 * 4]


def test_bursts_in_turn_over_bank_groups_are_t_ccd_s_apart() -> None:
    # Rows of both groups are open; then 0, 1, 2, ... lie in them in turn.
    made = {"map": "RoRaBaCoBgCh"}
    assert ends((0, "read", 0, 2), (100, "read", 2, 7), **made)[1] == 100 + 6 * 3 + 8


def test_where_a_gate_reaches_past_the_neighbour_it_decides() -> None:
    # Two groups in turn, t_ccd_l more than two t_ccd_s: 0, 3, 8, 11, 16, 19, 24.
    made = {"map": "RoRaBaCoBgCh", "t_ccd_l": 8}
    assert ends((0, "read", 0, 2), (100, "read", 2, 7), **made)[1] == 100 + 24 + 8


@pytest.mark.parametrize("name", shipped_standards())
def test_unloaded_latencies_are_exact(name: str) -> None:
    # The formulas of docs/dram.md, for a row that is open, none, and another; each long after the one before.
    dram = Dram.model_validate({"standard": name, "refresh": False})
    timing, burst = dram.timing, dram.burst_clocks
    row = dram.organisation.banks * dram.organisation.bursts_per_row
    for write, latency in ((False, timing.t_cl), (True, timing.t_cwl)):
        made = DramDevice(dram)
        assert made.serve(1000, [(0, 1)], write) == 1000 + timing.t_rcd + latency + burst
        assert made.serve(2000, [(0, 1)], write) == 2000 + latency + burst
        assert made.serve(3000, [(row, 1)], write) == 3000 + timing.t_rp + timing.t_rcd + latency + burst


@pytest.mark.parametrize("name", shipped_standards())
def test_a_stream_keeps_the_bus_busy(name: str) -> None:
    dram = Dram.model_validate({"standard": name, "refresh": False})
    bursts = 4096
    first = dram.timing.t_rcd + dram.timing.t_cl + dram.burst_clocks
    end = DramDevice(dram).serve(0, [(0, bursts)], False)

    # The first activations of the four groups come t_rrd_s apart; otherwise there is no gap.
    gaps = (dram.organisation.bank_groups - 1) * max(0, dram.timing.t_rrd_s - dram.burst_clocks)
    assert end == first + (bursts - 1) * dram.burst_clocks + gaps
