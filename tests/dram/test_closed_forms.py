"""What can be said with a pencil: unloaded latencies, streams, refresh."""

from __future__ import annotations

import numpy as np
import pytest

from mimesim.config.standard import DEFAULT_MAP
from mimesim.dram import Report, Requests, Settings, Standard, load_standard, replay, shipped_standards
from mimesim.dram.channel import Command

NAMES = shipped_standards()
#: Long enough for anything to be over, before the first refresh.
APART = 1000


def requests(*lines: tuple[int, str, int]) -> Requests:
    """Make requests of (address / 64, R or W, arrival)."""
    return Requests(
        np.array([64 * line[0] for line in lines], dtype=np.uint64),
        np.array([line[1] == "W" for line in lines]),
        np.array([line[2] for line in lines], dtype=np.int64),
    )


def row_step(standard: Standard) -> int:
    """Return the distance in requests of two rows of one bank under the default map."""
    organisation = standard.organisation
    return organisation.banks * organisation.bursts_per_row * organisation.channels


@pytest.mark.parametrize("kind", ["R", "W"])
@pytest.mark.parametrize("name", NAMES)
def test_one_request_at_a_time(name: str, kind: str) -> None:
    standard = load_standard(name)
    timing, burst = standard.timing, standard.burst_clocks
    column = (timing.t_cl if kind == "R" else timing.t_cwl) + burst
    cases = [
        ([], timing.t_rcd + column),  # closed
        ([(0, kind, 0)], column),  # open: a row hit
        ([(row_step(standard), kind, 0)], timing.t_rp + timing.t_rcd + column),  # another row is open
    ]
    for before, latency in cases:
        stream = requests(*before, (0, kind, APART))
        report = replay(stream, standard, DEFAULT_MAP)
        first = timing.t_rcd + column
        assert report.max_latency_clocks == max(latency, first if before else 0)
        assert report.clocks == APART + latency
    closed = replay(requests((0, kind, 0), (0, kind, APART)), standard, DEFAULT_MAP, Settings(page="closed"))
    assert (closed.mean_latency_clocks, closed.row_hits, closed.activates) == (timing.t_rcd + column, 0, 2)


def stream(count: int, step: int = 1) -> Requests:
    return requests(*((number * step, "R", 0) for number in range(count)))


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_fills_the_data_bus(name: str) -> None:
    """Under the default map consecutive requests change the bank group, and only the first activation shows."""
    standard = load_standard(name)
    timing = standard.timing
    count = 4 * standard.organisation.bank_groups * standard.organisation.bursts_per_row
    report = replay(stream(count), standard, DEFAULT_MAP, Settings(refresh=False))
    ideal = timing.t_rcd + timing.t_cl + count * standard.burst_clocks
    assert ideal <= report.clocks <= ideal * 1.005 + timing.t_rrd_l
    assert report.activates == 4 * standard.organisation.bank_groups
    assert report.row_hits == count - report.activates


def test_a_stream_in_one_bank_group_pays_the_long_gap() -> None:
    standard = load_standard("DDR4-2400")
    timing = standard.timing
    count = standard.organisation.bursts_per_row
    report = replay(stream(count), standard, "RoBaRaCoCh")
    assert report.clocks == timing.t_rcd + (count - 1) * timing.t_ccd_l + timing.t_cl + standard.burst_clocks


@pytest.mark.parametrize("name", NAMES)
def test_conflicts_in_one_bank_pay_the_row_cycle(name: str) -> None:
    standard = load_standard(name)
    timing = standard.timing
    report = replay(stream(9, row_step(standard)), standard, DEFAULT_MAP, Settings(refresh=False))
    # Activate to activate: the row cycle, or what read and precharge take where that is longer.
    cycle = max(timing.t_rc, max(timing.t_ras, timing.t_rcd + timing.t_rtp) + timing.t_rp)
    assert report.clocks == 8 * cycle + timing.t_rcd + timing.t_cl + standard.burst_clocks
    assert (report.row_hits, report.activates, report.precharges) == (0, 9, 8)


def log_of(stream: Requests, standard: Standard, **told: object) -> list[Command]:
    logs: list[list[Command]] = []
    replay(stream, standard, DEFAULT_MAP, Settings(**told), logs=logs)  # type: ignore[arg-type]
    return logs[0]


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_idle_ranks_are_refreshed_when_they_are_due(name: str, ranks: int) -> None:
    standard = load_standard(name, [f"organisation.ranks={ranks}"])
    interval = standard.timing.t_refi
    log = log_of(requests((0, "R", 5 * interval + 1)), standard)
    found = [command[0] for command in log if command[1] == "REF"]
    assert found == [interval * number // ranks for number in range(1, 5 * ranks + 1)]
    never = log_of(requests((0, "R", 5 * interval)), standard, refresh=False)
    assert [command[1] for command in never] == ["ACT", "RD"]


@pytest.mark.parametrize("name", NAMES)
def test_a_saturated_stream_loses_the_time_of_its_refreshes(name: str) -> None:
    standard = load_standard(name)
    timing = standard.timing
    whole: Report = replay(stream(6000), standard, DEFAULT_MAP)
    without = replay(stream(6000), standard, DEFAULT_MAP, Settings(refresh=False))
    assert whole.refreshes == whole.clocks // timing.t_refi
    lost = (whole.clocks - without.clocks) / max(1, whole.refreshes)
    # Precharge, refresh, activate and the read latency of an empty bus; a little is regained by activating ahead.
    full = timing.t_rfc + (timing.t_rp_all or timing.t_rp) + timing.t_rcd + timing.t_rtp
    assert timing.t_rfc < lost <= full + timing.t_cl + timing.t_ras


def test_channels_share_a_stream() -> None:
    one = replay(stream(4096), load_standard("HBM2"), DEFAULT_MAP, Settings(refresh=False))
    eight = load_standard("HBM2", ["organisation.channels=8"])
    report = replay(stream(4096), eight, DEFAULT_MAP, Settings(refresh=False))
    assert report.peak_gb_per_s == 8 * one.peak_gb_per_s
    assert one.clocks / 8 <= report.clocks <= one.clocks / 8 * 1.1


def test_a_read_finds_what_the_write_queue_holds() -> None:
    standard = load_standard("DDR3-1600")
    report = replay(requests((0, "W", 0), (0, "R", 3)), standard, DEFAULT_MAP)
    assert (report.forwarded, report.activates) == (1, 1)
    late = replay(requests((0, "W", 0), (0, "R", 300)), standard, DEFAULT_MAP)
    assert (late.forwarded, late.row_hits) == (0, 1)


def test_a_write_waits_for_an_older_read_of_its_block() -> None:
    log = log_of(requests((0, "R", 0), (0, "W", 0)), load_standard("DDR3-1600"))
    assert [command[1] for command in log] == ["ACT", "RD", "WR"]


def test_reads_go_first_until_the_writes_reach_the_watermark() -> None:
    standard = load_standard("DDR3-1600")
    lines = [(number, "W", 0) for number in range(8)] + [(64 + number, "R", 0) for number in range(8)]

    def order(**marks: int) -> str:
        lines_in_turn = [lines[8 * (number % 2) + number // 2] for number in range(16)]
        log = log_of(requests(*lines_in_turn), standard, queue=8, **marks)
        return "".join(command[1][0] for command in log if command[1] in ("RD", "WR"))

    assert order(write_high=8, write_low=0) == "WWWWWWWW" + "RRRRRRRR"
    assert order(write_high=8, write_low=3) == "WWWWW" + "RRRRRRRR" + "WWW"


def test_the_hit_limit_lets_an_older_request_through() -> None:
    standard = load_standard("DDR3-1600")
    lines = [(0, "R", 0), (row_step(standard), "R", 0), *((number, "R", 0) for number in range(1, 12))]

    def place(limit: int) -> int:
        log = log_of(requests(*lines), standard, hit_limit=limit)
        return [command[4] for command in log if command[1] == "RD"].index(1)

    assert [place(limit) for limit in (0, 1, 4, 11)] == [12, 1, 4, 11]
    fcfs = log_of(requests(*lines), standard, scheduler="fcfs")
    assert [command[4] for command in fcfs if command[1] == "RD"] == list(range(13))


def test_energy_by_hand() -> None:
    """One read and one write in one row of DDR3-1600: TN-41-01's sums."""
    standard = load_standard("DDR3-1600")
    report = replay(requests((0, "R", 0), (1, "W", 0)), standard, DEFAULT_MAP)
    unit = 1.5 * 1.25 * 8  # pJ of a mA in a clock, eight devices
    assert report.energy_pj is not None
    assert report.energy_pj["ACT"] == pytest.approx((55 * 39 - 38 * 28 - 32 * 11) * unit)
    assert report.energy_pj["RD"] == pytest.approx((157 - 38) * 4 * unit)
    assert report.energy_pj["WR"] == pytest.approx((125 - 38) * 4 * unit)
    assert report.energy_pj["REF"] == 0
    # The row is open from the first clock to the last.
    assert report.energy_pj["background"] == pytest.approx(38 * report.clocks * unit)
    idle = replay(requests((0, "R", 6240 * 3 + 600)), standard, DEFAULT_MAP)
    assert idle.energy_pj is not None
    assert idle.energy_pj["REF"] == pytest.approx(3 * (235 - 32) * 208 * unit)
    latency = 11 + 11 + 4
    assert idle.energy_pj["background"] == pytest.approx((32 * (6240 * 3 + 600) + 38 * latency) * unit)
    assert replay(stream(1), load_standard("DDR3-1600", ["currents=[]"]), DEFAULT_MAP).energy_pj is None
