"""A part small and quick enough for the slow controller, and requests for it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from mimesim.config.standard import Standard
from mimesim.dram.channel import Channel
from mimesim.dram.queues import Work
from mimesim.dram.settings import Settings
from tests.dram.slow import Request

ORGANISATION = {
    "channels": 1, "ranks": 1, "bank_groups": 2, "banks_per_group": 2, "rows": 8, "columns": 64, "device_bits": 8,
    "bus_bits": 64, "burst_length": 8,
}  # fmt: skip
TIMING = {
    "t_rcd": 5, "t_rp": 4, "t_cl": 6, "t_cwl": 3, "t_ras": 11, "t_rc": 16, "t_ccd_s": 4, "t_ccd_l": 6, "t_rrd_s": 3,
    "t_rrd_l": 5, "t_faw": 19, "t_wr": 7, "t_wtr_s": 2, "t_wtr_l": 4, "t_rtp": 3, "t_rtw": 2, "t_rtrs": 1,
    "t_rp_all": 6, "t_rfc": 21, "t_refi": 90,
}  # fmt: skip


def standard(
    organisation: dict[str, int] | None = None, commands: dict[str, Any] | None = None, **timing: int
) -> Standard:
    return Standard.model_validate(
        {
            "name": "small",
            "source": "made up",
            "clock_mhz": 1000.0,
            "organisation": ORGANISATION | (organisation or {}),
            "commands": commands or {},
            "timing": TIMING | timing,
        }
    )


def requests_of(part: Standard, drawn: list[tuple[int, int, int, bool, int]]) -> list[Request]:
    """Make requests of (bank, row, column, write, clocks since the one before)."""
    organisation = part.organisation
    made, clock = [], 0
    for number, (flat, row, column, write, wait) in enumerate(drawn):
        clock += wait
        above, bank = divmod(flat % organisation.banks, organisation.banks_per_group)
        rank, group = divmod(above, organisation.bank_groups)
        block = (row * organisation.banks + flat % organisation.banks) * organisation.bursts_per_row + column
        made.append(Request(number, rank, group, bank, row, block, write, clock))
    return made


def run(part: Standard, settings: Settings, requests: list[Request]) -> tuple[Channel, Work]:
    """Serve *requests* with the real thing, keeping the log."""
    organisation = part.organisation
    banks = [
        (one.rank * organisation.bank_groups + one.group) * organisation.banks_per_group + one.bank for one in requests
    ]
    work = Work(
        bank=banks,
        row=[one.row for one in requests],
        block=[one.block for one in requests],
        write=[int(one.write) for one in requests],
        arrival=[one.arrival for one in requests],
    )
    channel = Channel(part, settings, work, log=True)
    channel.run()
    return channel, work


#: Few rows and columns, so that hits, conflicts and repeated blocks are common; long waits now and then.
DRAWN = st.lists(
    st.tuples(
        st.integers(0, 7), st.integers(0, 2), st.integers(0, 1), st.booleans(), st.sampled_from((0, 0, 0, 1, 20, 150))
    ),
    min_size=1,
    max_size=14,
)  # fmt: skip
PARTS = st.builds(
    lambda ranks, commands, faw, overlap: standard({"ranks": ranks}, commands, t_faw=faw, t_rtrs=overlap),
    st.sampled_from((1, 2)),
    st.sampled_from(({}, {"separate_buses": True}, {"activate_clocks": 3, "column_clocks": 2, "precharge_clocks": 2})),
    st.sampled_from((0, 19, 30)),
    st.sampled_from((0, 1, 3)),
)
SETTINGS = st.builds(
    Settings,
    queue=st.sampled_from((1, 2, 5, 8)),
    page=st.sampled_from(("open", "closed")),
    scheduler=st.sampled_from(("fr-fcfs", "fcfs")),
    refresh=st.booleans(),
    hit_limit=st.sampled_from((0, 1, 3)),
    bank_queue=st.sampled_from((0, 0, 1, 3)),
)
