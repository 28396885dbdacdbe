"""The engine jumps from command to command; a controller that steps through every clock issues the same ones."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings

from mimesim.config.standard import Standard
from mimesim.dram.channel import Channel
from mimesim.dram.queues import Work
from mimesim.dram.settings import Settings
from tests.dram import small
from tests.dram.rules import COLUMNS, check_log, taken_apart
from tests.dram.slow import SlowController


@settings(max_examples=150, deadline=None)
@given(small.PARTS, small.SETTINGS, small.DRAWN)
def test_every_command_comes_in_the_clock_of_the_stepped_controller(
    part: Standard, told: Settings, drawn: list[tuple[int, int, int, bool, int]]
) -> None:
    requests = small.requests_of(part, drawn)
    channel, work = small.run(part, told, requests)
    slow = SlowController(part, told, requests)
    slow.run()
    assert channel.log is not None
    assert taken_apart(part, channel.log) == slow.log
    assert dict(enumerate(work.done)) == slow.done


@settings(max_examples=150, deadline=None)
@given(small.PARTS, small.SETTINGS, small.DRAWN)
def test_logs_are_legal_and_every_request_is_served_once(
    part: Standard, told: Settings, drawn: list[tuple[int, int, int, bool, int]]
) -> None:
    requests = small.requests_of(part, drawn)
    channel, work = small.run(part, told, requests)
    assert channel.log is not None
    check_log(part, channel.log)
    columns = [command for command in channel.log if command[1] in COLUMNS]
    served = Counter(command[4] for command in columns)
    assert max(served.values(), default=1) == 1
    assert len(served) + channel.forwarded == len(requests)
    device = channel.device
    assert (device.reads, device.writes) == (
        sum(command[1][0] == "R" for command in columns),
        sum(command[1][0] == "W" for command in columns),
    )
    # A column command is either the first of its activation or a hit; an activation may come to nothing.
    firsts = len(columns) - channel.device.row_hits
    assert firsts <= device.activates
    assert told.page == "open" or channel.device.row_hits == 0
    assert all(end > request.arrival for end, request in zip(work.done, requests, strict=True))
    assert channel.clock == max(max(work.done), *(command[0] for command in channel.log), 0)


@settings(max_examples=60, deadline=None)
@given(small.SETTINGS, small.DRAWN)
def test_keeping_a_log_changes_nothing(told: Settings, drawn: list[tuple[int, int, int, bool, int]]) -> None:
    """Without one, long times without requests are skipped."""
    part = small.standard()
    requests = small.requests_of(part, [(*entry[:4], entry[4] * 7) for entry in drawn])
    logged, work = small.run(part, told, requests)
    again = Work(work.bank, work.row, work.block, work.write, work.arrival)
    channel = Channel(part, told, again)
    channel.run()
    assert again.done == work.done
    for name in ("activates", "reads", "writes", "precharges", "refreshes", "open_clocks"):
        assert getattr(channel.device, name) == getattr(logged.device, name), name
