"""Requests, their order and the fill ports, in accelerator cycles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram
from mimesim.machine.kinds import ACTIVATIONS, THRESHOLDS, WEIGHTS, WRITE_BACK
from mimesim.machine.progress import when_done
from tests.oracle.bench import part
from tests.schedule.small import hardware

#: One clock a cycle; a request of n bursts takes 2 n clocks and nothing else. A burst is 32 words.
PLAIN: dict[str, Any] = {
    "clock_mhz": 100,
    "dram": part(burst_bytes=64, transfers=4, clock_mhz=100.0, refresh=False).model_dump(),
    "noc": {"fill_words_per_cycle": 10**6},
}
NAMES = {WEIGHTS: "w", ACTIVATIONS: "a", THRESHOLDS: "t", WRITE_BACK: "o"}

Request = tuple[int, int, int, int]  # submitted in cycle, kind, first burst, bursts


def completions(requests: Sequence[Request], *changes: dict[str, Any]) -> list[tuple[str, int]]:
    """Return what completes when, in that order; requests are submitted in the order given."""
    clock = Clock()
    dram = Dram(clock, hardware(PLAIN, *changes))

    def submit(kind: int, first: int, bursts: int) -> Any:
        return lambda _: dram.submit(kind, [(first, bursts)])

    for cycle, *request in requests:
        when_done(clock.timeout(cycle), submit(*request))
    clock.run()
    return sorted(
        ((NAMES[kind], cycle) for kind, cycles in enumerate(dram.arrivals) for cycle in cycles), key=lambda end: end[1]
    )


def test_a_request_takes_its_time() -> None:
    assert completions([(7, WEIGHTS, 0, 5)]) == [("w", 17)]


def test_requests_are_served_in_the_order_of_submission() -> None:
    assert completions([(0, WRITE_BACK, 0, 5), (1, WEIGHTS, 0, 5), (2, ACTIVATIONS, 0, 5)]) == [
        ("o", 10),
        ("w", 20),
        ("a", 30),
    ]


def test_requests_of_one_cycle_are_served_one_after_the_other() -> None:
    requests = [(3, kind, 0, 5) for kind in (WEIGHTS, ACTIVATIONS, THRESHOLDS, WRITE_BACK)]

    assert completions(requests) == [("w", 13), ("a", 23), ("t", 33), ("o", 43)]


def test_a_full_queue_holds_requests_back_in_their_order() -> None:
    requests = [(0, WRITE_BACK, 0, 5), (1, WRITE_BACK, 0, 5), (2, WRITE_BACK, 0, 5), (3, WEIGHTS, 0, 5)]

    # With room for one, the second is granted at 10: still in the order of submission.
    assert completions(requests, {"dram": {"queue": 1}}) == [("o", 10), ("o", 20), ("o", 30), ("w", 40)]


def test_a_waiting_request_does_not_see_the_device_before_it_is_granted() -> None:
    # Latency 10 before the data of each: with two in the queue the second's command overlaps the first's data.
    slow = {"dram": {"timing": {"t_cl": 10}}}
    requests = [(0, WEIGHTS, 0, 1), (0, ACTIVATIONS, 0, 1)]

    assert completions(requests, slow, {"dram": {"queue": 2}}) == [("w", 12), ("a", 14)]
    # Alone in it, it begins when the first is complete: at 12.
    assert completions(requests, slow, {"dram": {"queue": 1}}) == [("w", 12), ("a", 24)]


@pytest.mark.parametrize(
    ("clock", "dram_clock", "submitted", "expected"),
    [
        # A cycle is 4 clocks: submitted at clock 4, 10 clocks: over at 14, that is cycle 3.5.
        (200, 800, 1, 4),
        # A cycle is 1.5 clocks. Cycle 3 is clock 4.5, so 5; over at 15, exactly cycle 10.
        (200, 300, 3, 10),
        # Cycle 1 is clock 1.5, so 2; over at 12: cycle 8.
        (200, 300, 1, 8),
        # A cycle is 2/3 of a clock. Cycle 1 is clock 2/3, so 1; over at 11: cycle 16.5.
        (300, 200, 1, 17),
        # 933.25 MHz over 200: cycle 4 is clock 18.665, so 19; over at 29: cycle 6.215.
        (200, 933.25, 4, 7),
    ],
)
def test_clocks_and_cycles_are_whole_whatever_their_ratio(
    clock: float, dram_clock: float, submitted: int, expected: int
) -> None:
    ratio = {"clock_mhz": clock, "dram": {"clock_mhz": dram_clock}}

    assert completions([(submitted, WEIGHTS, 0, 5)], ratio) == [("w", expected)]


def test_late_cycles_are_as_exact_as_early_ones() -> None:
    # A third of a clock each cycle: 20 000 bursts are 40 000 clocks, 120 000 cycles. The next request, granted in cycle
    # 120 001, begins in clock 40 001 (not 40 000.33) and is over at 40 003.
    ratio = {"clock_mhz": 300, "dram": {"clock_mhz": 100}}
    requests = [(0, WEIGHTS, 0, 20_000), (120_001, WEIGHTS, 0, 1)]

    assert completions(requests, ratio) == [("w", 120_000), ("w", 120_009)]


# Fill ports: 8 words a cycle, so a burst of 32 words takes 4 cycles, twice as long as from DRAM.
PORT = {"noc": {"fill_words_per_cycle": 8}}


def test_a_read_passes_the_fill_port_of_its_cache() -> None:
    # 5 bursts: over at 10, but 160 words take 20 cycles from the grant.
    assert completions([(0, WEIGHTS, 0, 5)], PORT) == [("w", 20)]
    # Writes have no port.
    assert completions([(0, WRITE_BACK, 0, 5)], PORT) == [("o", 10)]


def test_reads_of_one_cache_share_its_port() -> None:
    # The second is granted at 2, but the port is free only at 20.
    assert completions([(0, WEIGHTS, 0, 5), (2, WEIGHTS, 0, 5)], PORT) == [("w", 20), ("w", 40)]
    # An idle port counts from the grant: 30 + 20.
    assert completions([(0, WEIGHTS, 0, 5), (30, WEIGHTS, 0, 5)], PORT) == [("w", 20), ("w", 50)]


def test_a_wide_port_waits_for_the_data() -> None:
    # 160 words at 33 a cycle take 5 cycles, the data 10.
    assert completions([(0, WEIGHTS, 0, 5)], {"noc": {"fill_words_per_cycle": 33}}) == [("w", 10)]


def test_private_caches_have_ports_of_their_own_and_a_unified_one_has_one() -> None:
    requests = [(0, WEIGHTS, 0, 5), (0, ACTIVATIONS, 0, 5), (0, THRESHOLDS, 0, 5)]

    # Data over at 10, 20 and 30; each port was granted at 0.
    assert completions(requests, PORT) == [("w", 20), ("a", 20), ("t", 30)]
    unified = {"caches": {"organisation": "unified"}}
    assert completions(requests, PORT, unified) == [("w", 20), ("a", 40), ("t", 60)]


def test_all_runs_of_a_request_pass_the_port_together() -> None:
    # Runs of 1 and 2 bursts: 96 words.
    dram = Dram(Clock(), hardware(PLAIN, PORT))
    dram.submit(WEIGHTS, [(0, 1), (500, 2)])

    assert dram.arrivals[WEIGHTS].tolist() == [12]
    assert dram.device.busy_clocks == 6


def test_writes_complete_in_order_whatever_their_channel() -> None:
    # Rows of 128 bursts on two channels in turn. The second is done after one burst, but waits for the first.
    two = {"dram": {"channels": 2, "map": "RoRaBaBgChCo"}}
    requests = [(0, WRITE_BACK, 0, 50), (0, WRITE_BACK, 128, 1)]

    assert completions(requests, two) == [("o", 100), ("o", 100)]
    # Reads of two caches do not wait for each other.
    assert completions([(0, WEIGHTS, 0, 50), (0, ACTIVATIONS, 128, 1)], two) == [("a", 2), ("w", 100)]
