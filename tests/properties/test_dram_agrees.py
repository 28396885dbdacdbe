"""Row runs in closed form and bursts one by one: the same clocks and commands, on whatever part, map and page."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mimesim.config.dram import Dram
from mimesim.config.hardware import Hardware
from mimesim.machine.dram_device import DramDevice
from tests.oracle.dram import Device
from tests.oracle.drawn_dram import drams
from tests.oracle.storage import Block

#: Clocks after the one before, read or write, blocks of (burst, bursts): near each other, so that rows and banks recur.
REQUESTS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 7, 40, 900]),
        st.booleans(),
        st.lists(
            st.tuples(st.integers(0, 2000), st.one_of(st.integers(1, 12), st.integers(1, 80))), min_size=1, max_size=4
        ),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([2, 1 << 16]).flatmap(drams), REQUESTS)
def test_the_closed_form_agrees_burst_by_burst(
    dram: Dram, requests: list[tuple[int, bool, list[tuple[int, int]]]]
) -> None:
    # An accelerator at the DRAM's clock: cycles are clocks.
    oracle = Device(Hardware(dram=dram, clock_mhz=dram.clock_mhz))
    device = DramDevice(dram)
    bursts = dram.organisation.bursts
    clock = 0
    for wait, write, drawn in requests:
        clock += wait
        runs = [(first % bursts, min(count, bursts - first % bursts)) for first, count in drawn]
        blocks = [Block("any", (), {}, count, count, address=first) for first, count in runs]
        assert device.serve(clock, runs, write) == oracle.serve(blocks, write, clock)
    clock = max(clock, device.free)
    device.settle(clock)
    oracle.settle(clock)
    counts = [channel.counts for channel in oracle.channels]
    assert device.activates == sum(count.activates for count in counts)
    assert device.precharges == sum(count.precharges for count in counts)
    assert device.refreshes == sum(count.refreshes for count in counts)
    assert device.active_clocks == sum(channel.active_clocks(clock) for channel in oracle.channels)
