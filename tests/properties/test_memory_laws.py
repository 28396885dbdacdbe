"""Laws of caches and DRAM: what is read does not depend on time, larger caches read no more, ideal memory is fastest.

LRU over blocks has the stack property whatever the sizes of the blocks: what is resident is always a prefix of the
blocks in the order of their last use, and that of a larger cache is longer. So the law holds for unequal blocks too.
Pinning breaks it, and the order in which DRAM serves what competes for it breaks "more bandwidth is never slower": the
counter-examples are below.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimesim.config.hardware import Hardware
from mimesim.config.workload import merge
from mimesim.machine.cache import Cache, no_victims
from mimesim.machine.clock import Clock
from mimesim.machine.dram import Dram
from mimesim.machine.kinds import WEIGHTS
from mimesim.machine.progress import when_done
from mimesim.schemes import Conventional
from tests.oracle.strategies import Scenario, scenarios
from tests.properties.test_oracle_agrees import replayed
from tests.schedule.small import IDEAL, UNBANKED, Masks, chain, conv, hardware, run

SETTINGS = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
KINDS = ("weights", "activations", "thresholds")
READS = ("weights", "index", "norm", "activations", "mask", "thresholds")


def changed(scenario: Scenario, change: dict[str, Any]) -> Scenario:
    """Return *scenario* on a changed machine."""
    return replace(scenario, hardware=Hardware.model_validate(merge(scenario.hardware.model_dump(), change)))


def misses(capacity: int, trace: str, sizes: dict[str, int], *, pin: bool = False) -> list[str]:
    """Return the blocks of a trace that miss, all within one scope."""
    cache = Cache(capacity, pin=pin)
    return [name for name in trace if not cache.lookup(ord(name), sizes[name], 0, 0, no_victims())]


@settings(max_examples=200, deadline=None)
@given(
    st.text("ABCDEF", max_size=40),
    st.lists(st.integers(1, 5), min_size=6, max_size=6),
    st.integers(5, 20),
    st.integers(1, 10),
)
def test_what_misses_in_a_larger_lru_cache_misses_in_a_smaller_one(
    trace: str, sizes: list[int], capacity: int, more: int
) -> None:
    by_name = dict(zip("ABCDEF", sizes, strict=True))
    small, large = (misses(size, trace, by_name) for size in (capacity, capacity + more))

    # More than counts: each block misses at most as often.
    assert all(large.count(name) <= small.count(name) for name in by_name)


@SETTINGS
@given(
    scenarios(2, 8, 6), st.sampled_from([1.25, 2.0, 16.0]), st.sampled_from(["weights", "activations", "thresholds"])
)
def test_a_larger_cache_never_reads_more_from_dram(scenario: Scenario, factor: float, kind: str) -> None:
    caches = scenario.hardware.caches
    key = "unified_kib" if caches.organisation == "unified" else f"{kind}_kib"
    small = changed(scenario, {"caches": {"policy": "lru"}})
    large = changed(small, {"caches": {key: getattr(caches, key) * factor}})

    before, after = replayed(small), replayed(large)
    for tensor in READS:
        assert after.words()["dram", tensor, "read"] <= before.words()["dram", tensor, "read"]
        assert after.bursts()["dram", tensor, "read"] <= before.bursts()["dram", tensor, "read"]


def test_counter_example_a_larger_cache_that_pins_may_read_more() -> None:
    # Blocks of 1, 2 and 1 words in the order A B C C, all of one scope. With room for 2, B does not fit beside A and
    # passes by; C fits and is found again: A, B, C miss. With room for 3, B stays and C passes by, twice.
    sizes = {"A": 1, "B": 2, "C": 1}

    assert misses(2, "ABCC", sizes, pin=True) == ["A", "B", "C"]
    assert misses(3, "ABCC", sizes, pin=True) == ["A", "B", "C", "C"]
    # In words: 4, and 5.


@settings(max_examples=200, deadline=None)
@given(st.text("ABCDEF", max_size=40), st.integers(1, 6))
def test_pinning_blocks_of_one_size_in_one_scope_reads_no_more_from_a_larger_cache(trace: str, capacity: int) -> None:
    sizes = dict.fromkeys("ABCDEF", 1)

    assert len(misses(capacity + 1, trace, sizes, pin=True)) <= len(misses(capacity, trace, sizes, pin=True))


#: Everything that has to do with time alone.
FASTER: list[dict[str, Any]] = [
    {"dram": {"clock_mhz": 4000.0}},
    {"dram": {"timing": {"t_rcd": 40, "t_rp": 30, "t_cl": 30, "t_ras": 90}}},
    {"dram": {"refresh": False, "queue": 9, "channels": 2, "ranks": 4, "map": "RoCoRaBaBgCh", "page": "closed"}},
    {"clock_mhz": 77.7},
    UNBANKED | {"noc": {"fill_words_per_cycle": 100, "weight_words_per_cycle": 100, "latency_cycles": 9}},
    UNBANKED | {"noc": dict.fromkeys(("activation_words_per_cycle", "output_words_per_cycle"), 100)},
    UNBANKED | {"noc": {"threshold_words_per_cycle": 100}},
    {"prefetch_passes": 20, "writeback_buffers": 9, "compare_cycles": 7},
    {"caches": {"lookup_cycles": 5}},
    UNBANKED,
]


@SETTINGS
@given(scenarios(2, 8, 6), st.sampled_from(FASTER))
def test_words_do_not_depend_on_time(scenario: Scenario, change: dict[str, Any]) -> None:
    before, after = replayed(scenario), replayed(changed(scenario, change))

    assert after.words() == before.words()
    assert after.bursts() == before.bursts()


@SETTINGS
@given(scenarios(2, 8, 6))
def test_nothing_is_faster_than_memory_that_answers_at_once(scenario: Scenario) -> None:
    ideal = UNBANKED | {"dram": IDEAL["dram"], "noc": {"fill_words_per_cycle": 10**9}}

    assert replayed(changed(scenario, ideal)).cycles <= replayed(scenario).cycles


def test_counter_example_a_wider_output_network_may_be_slower() -> None:
    # Nine tiles of 2 x 2 positions, DRAM at the machine's clock, one pass of prefetch. With 4 words a cycle the third
    # write-back is submitted in cycle 208, with 8 words in 204: just before the read of the last channel tile's weights
    # in 205. Served in the order of submission, the read now waits for the write and for the bus to turn: its data come
    # in 241 instead of 232, and everything after it is as late.
    network = chain((4, 6, 6), conv(12, 1))
    machine = hardware(
        {
            "grid": {"positions": (2, 2), "channels": 4},
            "dram": {"clock_mhz": 200, "refresh": False},
            "noc": {"activation_words_per_cycle": 4},
            "prefetch_passes": 1,
        }
    )
    cycles = {}
    for words in (4, 8):
        faster = hardware(machine.model_dump(), {"noc": {"output_words_per_cycle": words}})
        cycles[words] = run(Masks(network), faster, Conventional(), "none").cycles

    assert cycles == {4: 304, 8: 311}


def test_counter_example_a_faster_clock_alone_refreshes_more_often() -> None:
    # t_refi counts clocks. One burst, read in cycle 59: at the machine's clock the first refresh is due in 118 and the
    # read is over in 63. At twice the clock, it is due as the read is granted: over in clock 218 + 4, cycle 111.
    ends = {}
    for clock in (100, 200):
        dram_of = {"clock_mhz": clock, "timing": {"t_refi": 118, "t_rfc": 100, "t_rp": 0, "t_rcd": 0, "t_cl": 0}}
        simulated = Clock()
        dram = Dram(simulated, hardware({"clock_mhz": 100, "dram": dram_of}))
        when_done(simulated.timeout(59), lambda _, dram=dram: dram.submit(WEIGHTS, [(0, 1)]))
        simulated.run()
        ends[clock] = dram.arrivals[WEIGHTS][0]

    assert ends == {100: 63, 200: 111}
