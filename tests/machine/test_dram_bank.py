"""The DRAM's timing worked by hand, in clocks. Bursts 0..7 are row 0 of bank 0, 8..15 row 0 of bank 1, and so on."""

from __future__ import annotations

from typing import Any

import pytest

from mimesim.config.hardware import Dram
from mimesim.machine.dram_device import DramDevice
from tests.oracle.bench import part

#: rcd 5, rp 4, cl 6, cwl 3, ras 9, rtp 2, wr 7, wtr 3, rtw 2, rfc 20; a burst takes 2 clocks.
TIMING = {
    "t_rcd": 5, "t_rp": 4, "t_cl": 6, "t_cwl": 3, "t_ras": 9, "t_rtp": 2, "t_wr": 7, "t_wtr_s": 3, "t_wtr_l": 3,
    "t_rtw": 2, "t_rfc": 20, "t_refi": 100,
}  # fmt: skip
OTHER_ROW = 32  # 4 banks of 8 bursts a row: burst 32 is row 1 of bank 0

Request = tuple[int, str, int, int]  # granted at, "read" or "write", first burst, bursts


def device(refresh: bool = False, **changes: Any) -> DramDevice:
    shape = {"transfers": 4, "banks": 4, "row_bursts": 8}
    return DramDevice(part(**(TIMING | shape | changes), refresh=refresh))


def ends(*requests: Request, **options: Any) -> list[int]:
    """Return the clock in which each request's data is over."""
    made = device(**options)
    return [made.serve(clock, [(first, bursts)], way == "write") for clock, way, first, bursts in requests]


@pytest.mark.parametrize("bursts", [1, 3, 8])
def test_an_unloaded_read(bursts: int) -> None:
    # Activate at 10, read at 10 + rcd, data from 10 + rcd + cl.
    assert ends((10, "read", 0, bursts)) == [10 + 5 + 6 + 2 * bursts]


def test_an_unloaded_write() -> None:
    assert ends((10, "write", 0, 3)) == [10 + 5 + 3 + 2 * 3]


def test_an_open_row_needs_no_activation() -> None:
    # The second read comes at 50, long after the first: cl and a burst.
    assert ends((0, "read", 0, 1), (50, "read", 7, 1)) == [13, 50 + 6 + 2]


def test_another_row_of_the_bank_is_closed_first() -> None:
    assert ends((0, "read", 0, 1), (50, "read", OTHER_ROW, 1)) == [13, 50 + 4 + 5 + 6 + 2]


def test_columns_may_lie_above_rows() -> None:
    # Bursts 0 to 65,535 are the first columns of as many rows; burst 65,536 is the second column of row 0.
    above = {"map": "RaBgChBaCoRo"}
    assert ends((0, "read", 0, 1), (50, "read", 1 << 16, 1), **above) == [13, 50 + 6 + 2]
    assert ends((0, "read", 0, 1), (50, "read", 1, 1), **above) == [13, 50 + 4 + 5 + 6 + 2]


def test_another_bank_is_activated_at_once() -> None:
    # Activated at 1: the command may come at 6, but the bus is busy up to 13, so at 7: data follow without a gap.
    assert ends((0, "read", 0, 1), (1, "read", 8, 1)) == [13, 15]


def test_hits_follow_each_other_without_a_gap() -> None:
    assert ends((0, "read", 0, 1), (0, "read", 1, 1), (0, "read", 2, 2)) == [13, 15, 19]


def test_events_are_counted() -> None:
    made = device()
    made.serve(0, [(0, 2), (4, 1)], False)  # opens bank 0; the second run finds it open
    made.serve(0, [(OTHER_ROW, 1), (8, 1)], True)  # closes and opens bank 0; opens bank 1

    # Five bursts, three of which opened a row.
    assert (made.activates, made.precharges, made.row_hits, made.refreshes) == (3, 1, 2, 0)
    assert made.busy_clocks == 2 * 5


def test_a_block_that_crosses_the_end_of_a_row_is_two_runs() -> None:
    # Bursts 6, 7 of bank 0, then 8, 9 of bank 1, activated at the same time: no gap.
    made = device()
    assert made.serve(0, [(6, 4)], False) == 5 + 6 + 2 * 4
    assert made.activates == 2


def test_the_row_after_the_last_bank_is_the_next_row_of_the_first() -> None:
    # 34 bursts from 0: banks 0 to 3, then row 1 of bank 0. Precharged long before it is needed: at 0 + ras = 9, but
    # its last read was at 5 + 14 = 19, + rtp = 21. Activated at 25, open at 30; the bus is busy up to 11 + 64.
    made = device()
    assert made.serve(0, [(0, 34)], False) == 5 + 6 + 2 * 34
    assert (made.activates, made.precharges) == (5, 1)


# In each case one parameter decides the end of the last request: one clock more or less moves it by one. The end itself
# is worked out for the numbers above.
TIGHT: list[Any] = [
    pytest.param("t_rcd", [(10, "read", 0, 1)], 23, id="activate to read"),
    pytest.param("t_rcd", [(10, "write", 0, 1)], 20, id="activate to write"),
    pytest.param("t_cl", [(10, "read", 0, 1)], 23, id="read latency"),
    pytest.param("t_cwl", [(10, "write", 0, 1)], 20, id="write latency"),
    # Precharge at 50, activate at 54, read at 59.
    pytest.param("t_rp", [(0, "read", 0, 1), (50, "read", OTHER_ROW, 1)], 67, id="precharge to activate"),
    # Activated at 0, last read at 5: precharge not before 0 + 9 (5 + rtp = 7). Then 4 + 5 + 6 + 2.
    pytest.param("t_ras", [(0, "read", 0, 1), (0, "read", OTHER_ROW, 1)], 26, id="activate to precharge"),
    # Three bursts: the last read at 9, precharge at 9 + 2 = 11.
    pytest.param("t_rtp", [(0, "read", 0, 3), (0, "read", OTHER_ROW, 1)], 28, id="read to precharge"),
    # Written from 8 to 10, precharge at 10 + 7 = 17.
    pytest.param("t_wr", [(0, "write", 0, 1), (0, "read", OTHER_ROW, 1)], 34, id="write recovery"),
    # Written up to 10, read at 10 + 3, data from 19.
    pytest.param("t_wtr_s t_wtr_l", [(0, "write", 0, 1), (0, "read", 1, 1)], 21, id="write to read"),
    # Read up to 13, written from 13 + 2.
    pytest.param("t_rtw", [(0, "read", 0, 1), (0, "write", 1, 1)], 17, id="read to write"),
]


@pytest.mark.parametrize(("parameter", "requests", "end"), TIGHT)
def test_each_timing_parameter_is_kept_to_the_clock(parameter: str, requests: list[Request], end: int) -> None:
    results = {
        change: ends(*requests, **{one: TIMING[one] + change for one in parameter.split()})[-1] for change in (-1, 0, 1)
    }

    assert results == {-1: end - 1, 0: end, 1: end + 1}


def test_turning_from_write_to_read_waits_for_other_banks_too() -> None:
    # The bus turns, not the bank: written up to 10, read of bank 1 (open at 5) at 13.
    assert ends((0, "write", 0, 1), (0, "read", 8, 1)) == [10, 21]


def test_writes_and_reads_of_one_kind_do_not_turn() -> None:
    assert ends((0, "write", 0, 1), (0, "write", 1, 1)) == [10, 12]


# Refresh. It is due at 100; nothing is activated for rfc = 20 clocks, and rows are closed rp = 4 clocks before.


def test_a_refresh_that_is_due_comes_first() -> None:
    # The read is granted at 100, when it is due; no row is open: activate at 120.
    assert ends((100, "read", 0, 1), refresh=True) == [120 + 5 + 6 + 2]
    # One clock earlier it is not.
    assert ends((99, "read", 0, 1), refresh=True) == [99 + 13]


@pytest.mark.parametrize("parameter", ["t_rp", "t_rp_all", "t_rfc"])
def test_the_length_of_a_refresh_is_kept_to_the_clock(parameter: str) -> None:
    # A row is open: closed at 100, refreshed at 104, activated at 124.
    base = TIMING | {"t_rp_all": 4}
    found = [
        ends((0, "read", 0, 1), (100, "read", 0, 1), refresh=True, **(base | {parameter: base[parameter] + change}))[1]
        for change in (-1, 0, 1)
    ]
    assert found == ([137, 137, 137] if parameter == "t_rp" else [136, 137, 138])


def test_without_a_time_of_its_own_a_precharge_of_all_takes_that_of_one() -> None:
    assert ends((0, "read", 0, 1), (100, "read", 0, 1), refresh=True)[1] == 137
    assert ends((0, "read", 0, 1), (100, "read", 0, 1), refresh=True, t_rp=5)[1] == 138


def test_a_refresh_comes_every_t_refi() -> None:
    for t_refi, refreshes in ((99, 5), (100, 5), (101, 4), (501, 0)):
        made = device(refresh=True, t_refi=t_refi)
        made.serve(500, [(0, 1)], False)
        assert made.refreshes == refreshes


def test_refreshes_that_are_due_come_one_after_the_other() -> None:
    # Read at 5, data 11..13; the write of 40 bursts at 12 up to 90, its data 15..95: three refreshes fall due, at 30,
    # 60 and 90. The row may be closed at 95 + 7 = 102: refreshes at 106, 126 and 146, activate at 166.
    made = device(refresh=True, t_refi=30, row_bursts=64)
    made.serve(0, [(0, 1)], False)
    assert made.serve(1, [(1, 40)], True) == 95
    assert made.serve(1, [(64, 1)], False) == 166 + 13
    assert made.refreshes == 3


def test_a_refresh_closes_all_rows() -> None:
    # Bank 0 is open from 0; after the refresh it has to be activated again.
    made = device(refresh=True)
    made.serve(0, [(0, 1)], False)
    made.serve(150, [(0, 1)], False)

    # The refresh ended at 100 + 24, long before 150.
    assert made.serve(200 - 1, [(1, 1)], False) == 199 + 6 + 2
    assert (made.activates, made.row_hits) == (2, 1)


def test_a_refresh_waits_for_open_banks_to_be_precharged() -> None:
    # Written at 95 + 5 + 3 = 103..105, precharge allowed at 105 + 7 = 112: the rows, to be closed at 100, are at 112.
    # A read granted at 106: activate at 112 + 24 = 136.
    assert ends((95, "write", 0, 1), (106, "read", 0, 1), refresh=True) == [105, 136 + 13]


def test_a_refresh_does_not_interrupt_a_run() -> None:
    # 8 bursts granted at 95: data from 106 to 122, although a refresh is due at 100.
    assert ends((95, "read", 0, 8), refresh=True) == [122]


def test_a_refresh_comes_between_the_runs_of_a_request() -> None:
    # The same and one burst of bank 1: the bus is free at 122, past 100. The last read of bank 0 was at 100 + 14 = 114,
    # precharge at 116, refresh at 120; activate at 140.
    made = device(refresh=True)
    assert made.serve(95, [(0, 9)], False) == 140 + 13
    assert made.refreshes == 1


def test_a_refresh_waits_for_t_rc() -> None:
    # Activated at 99, read at 104, closed at 108; the refresh waits for 99 + 30.
    assert ends((99, "read", 0, 1), (106, "read", 8, 1), refresh=True, t_rc=30)[1] == 129 + 20 + 13


def test_without_refresh_there_is_none() -> None:
    made = device()
    made.serve(10**6, [(0, 1)], False)
    assert made.refreshes == 0


# Long streams reach the bandwidth of the bus.


@pytest.mark.parametrize("write", [False, True])
def test_a_sequential_stream_keeps_the_bus_busy(write: bool) -> None:
    made = DramDevice(Dram(refresh=False))
    bursts = 20_000
    latency = 11 + (8 if write else 11)

    assert made.serve(0, [(0, bursts)], write) == latency + 4 * bursts


def test_refresh_costs_the_default_device_its_share() -> None:
    # Every 6240 clocks the rows are closed for 11 + 208, then opened and read after 11 + 11 more. Refreshes come
    # between rows, so all of that is idle: about 241 / 6240 of the time.
    made = DramDevice(Dram())
    bursts = 200_000
    end = made.serve(0, [(0, bursts)], False)

    assert 241 - 30 < (end - 4 * bursts) / made.refreshes < 241 + 30
    assert made.refreshes == pytest.approx(end / 6240, abs=1)


def test_requests_one_after_the_other_stream_as_one_long_request() -> None:
    one, many = DramDevice(Dram(refresh=False)), DramDevice(Dram(refresh=False))
    ends = [many.serve(0, [(first, 25)], False) for first in range(0, 2000, 25)]

    assert ends[-1] == one.serve(0, [(0, 2000)], False)
