"""Conflicts in the banks of a cache, worked by hand: which cycles are lost, and to whom."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Event

from mimesim.config.schedule import Schedule
from mimesim.errors import InputError
from mimesim.machine import replay
from mimesim.machine.banks import BankArbiter, check_banks, make_arbiters
from mimesim.machine.clock import Clock
from mimesim.machine.comparators import Comparators
from mimesim.machine.pe_grid import PEGrid
from mimesim.schemes import Conventional, Mime
from tests.machine.rig import Rig, job, phase
from tests.replays import SMALL, plan_tiny
from tests.schedule.small import Masks, chain, conv, hardware, run

#: Words a cycle = banks: a fill takes 2 of them, the grid 1, the weight loader 3, the comparators 2, outputs 1.
NOC = {
    "fill_words_per_cycle": 2,
    "activation_words_per_cycle": 1,
    "weight_words_per_cycle": 3,
    "threshold_words_per_cycle": 2,
    "output_words_per_cycle": 1,
    "latency_cycles": 0,
}


def machine(banks: int, ports: int, organisation: str = "private", noc: dict[str, int] | None = None) -> Any:
    caches = {
        "banks": banks,
        "ports": ports,
        "bank_words": 1,
        "organisation": organisation,
        "write_policy": "write_back",
    }
    return hardware({"noc": NOC | (noc or {}), "caches": caches})


def serve(
    banks: int,
    ports: int,
    streams: list[tuple[str, int, int]],
    fills: list[tuple[int, int]],
    noc: dict[str, int] | None = None,
) -> tuple[list[int], dict[str, int]]:
    """Return the ends of *streams*, given as (name, first cycle, cycles), and the cycles that each sort lost.

    The caches of *banks* are unified ones: three times a private one's. Fills are known when they begin, not before.
    """
    clock = Clock()
    arbiter = BankArbiter(clock, machine(banks, ports, "unified", noc))
    ends = [0] * len(streams)

    def stream(number: int, name: str, begin: int, cycles: int) -> Generator[Event, None, None]:
        yield clock.timeout(begin)
        yield from arbiter.run(name, cycles)
        ends[number] = clock.cycle

    def filling(begin: int, end: int) -> Generator[Event, None, None]:
        yield clock.timeout(begin)
        arbiter.fill(begin, end)

    for number, (name, begin, cycles) in enumerate(streams):
        clock.process(stream(number, name, begin, cycles))
    for begin, end in fills:
        clock.process(filling(begin, end))
    clock.run()
    return ends, dict(arbiter.lost)


def test_a_fill_of_one_cycle_takes_one_cycle_from_a_reader() -> None:
    # Three banks, one port: 2 + 1 fit, 2 + 3 do not.
    assert serve(1, 1, [("pe_grid", 0, 5)], [(3, 4)]) == ([5], {})
    assert serve(1, 1, [("noc", 0, 5)], [(3, 4)]) == ([6], {"noc": 1})


def test_a_fill_after_the_last_cycle_takes_nothing_and_one_in_a_lost_cycle_does() -> None:
    assert serve(1, 1, [("noc", 0, 5)], [(5, 9)]) == ([5], {})
    # Cycle 4 is lost, and so are those by which it is late, up to 8.
    assert serve(1, 1, [("noc", 0, 5)], [(4, 9)]) == ([10], {"noc": 5})
    assert serve(1, 1, [("noc", 0, 5)], [(4, 5), (5, 6), (8, 9)]) == ([7], {"noc": 2})


def test_with_two_ports_fills_and_readers_do_not_meet() -> None:
    assert serve(1, 2, [("noc", 0, 5)], [(0, 9)]) == ([5], {})


def test_the_grid_goes_before_the_loader_and_the_loader_before_the_comparators() -> None:
    # Three banks, reads alone: the grid's 1 leaves 2, too few for the loader's 3 but enough for the comparators' 2.
    assert serve(1, 2, [("pe_grid", 2, 3), ("noc", 0, 4)], []) == ([5, 7], {"noc": 3})
    assert serve(1, 2, [("noc", 0, 4), ("cmp", 0, 2)], []) == ([4, 6], {"cmp": 4})
    ends, lost = serve(1, 2, [("noc", 0, 4), ("cmp", 0, 2), ("pe_grid", 0, 2)], [])
    # The loader waits for the grid until 2; the comparators take the two banks beside the grid.
    assert (ends, lost) == ([6, 2, 2], {"noc": 2})


def test_outputs_are_writes_and_come_last() -> None:
    # Two ports: beside a fill (2 + 1) and beside a reader. One port: after the loader.
    assert serve(1, 2, [("outputs", 0, 4), ("noc", 0, 4)], [(0, 9)]) == ([4, 4], {})
    assert serve(1, 1, [("outputs", 0, 4), ("noc", 0, 4)], []) == ([8, 4], {"outputs": 4})


def test_counter_example_a_second_port_may_hold_up_a_stream_of_low_priority() -> None:
    # Three banks, and a fill that takes one. With one port the loader's three have to wait for the end of the fill, and
    # the comparators' two slip past them; with two ports the loader goes first.
    streams, narrow = [("noc", 0, 4), ("cmp", 0, 4)], {"fill_words_per_cycle": 1}

    assert serve(1, 1, streams, [(0, 4)], narrow) == ([8, 4], {"noc": 4})
    assert serve(1, 2, streams, [(0, 4)], narrow) == ([4, 8], {"cmp": 4})


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 6), st.integers(1, 8), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=5))
def test_a_second_port_never_holds_up_the_first_reader(begin: int, cycles: int, gaps: list[tuple[int, int]]) -> None:
    fills, at = [], 0
    for gap, length in gaps:
        fills.append((at + gap, at + gap + length))
        at += gap + length
    (one,), (two,) = (serve(1, ports, [("noc", begin, cycles)], fills)[0] for ports in (1, 2))

    assert begin + cycles == two <= one
    # Cycle by cycle: the reader is served in each that no fill has.
    free = [cycle for cycle in range(begin, one) if not any(first <= cycle < end for first, end in fills)]
    assert (len(free), free[-1]) == (cycles, one - 1)


def test_a_pass_hides_lost_cycles_where_its_rows_are_slower() -> None:
    # Passes of 10 and 6 cycles, 5 of which feed: the rows of the first have 4 cycles to spare, of the second none. A
    # fill takes both banks.
    made = phase([10, 6, 6], feed_cycles=[6, 6, 6])
    rig = Rig(made)
    rig.runs[0].pass_data.extend([0, 0, 0])
    (arbiter,) = {make_arbiters(rig.clock, machine(2, 1))[1]}
    assert arbiter is not None
    rig.progress(rig.stream.passes_looked_up, 0, 0, 0)
    rig.at(0, lambda: arbiter.fill(2, 5))
    rig.at(12, lambda: arbiter.fill(12, 15))
    dram: Any = rig.dram
    grid = PEGrid(rig.clock, machine(2, 1), Schedule(), rig.stream, dram, arbiter)
    ends = rig.watch(rig.stream.passes_done)
    rig.at(1000, lambda: rig.stream.close(0))
    rig.clock.run()

    # First: fed at 5 + 3, ends at 10. Second: fed at 15 + 3, ends at 19 instead of 16. Third: 19 + 6.
    assert ends == [10, 19, 25]
    assert grid.busy_cycles == 22
    record = rig.runs[0].phase.record
    assert record.row(0).stalls["cache"] == 3
    assert record.row(0).busy_cycles + record.row(0).stalls.total() == record.end_cycle


def test_a_drain_job_loads_compares_and_stores_one_after_the_other() -> None:
    details = job(0, 10)
    # 3 cycles of thresholds, 3 of comparing, 4 of outputs.
    details.load_cycles, details.store_cycles = 3, 4
    rig = Rig(phase([1], jobs=[details]))
    rig.runs[0].job_data.append(0)
    arbiters = make_arbiters(rig.clock, machine(2, 1))
    load, store = arbiters[2], arbiters[1]
    assert load is not None
    assert store is not None
    dram: Any = rig.dram
    Comparators(rig.clock, machine(2, 1), rig.stream, dram, arbiters)
    rig.progress(rig.stream.passes_done, 10)
    # Thresholds 10..13 lose 11 and 12: 15; compared at 18; outputs 18..22 lose 20: 23.
    rig.at(5, lambda: load.fill(11, 13))
    rig.at(5, lambda: store.fill(20, 21))
    ends = rig.watch(rig.stream.jobs_done)
    rig.clock.run()

    assert ends == [23]
    assert (dict(load.lost), dict(store.lost)) == ({"cmp": 2}, {"outputs": 1})


@pytest.mark.parametrize(("ports", "cycles", "noc"), [(2, 24, 1), (1, 25, 2)])
def test_one_conflict_makes_a_run_one_cycle_longer(ports: int, cycles: int, noc: int) -> None:
    # The run of test_one_image_of_one_pass with three banks of 22 words for everything: a fill of 32 words a cycle
    # takes two, the loader's 64 all three. The weights are there at 8 and would be read in cycle 8, in which the
    # activations (there at 9) are filled.
    caches = {"organisation": "unified", "banks": 1, "bank_words": 22, "ports": ports}
    ledger = run(Masks(chain((8, 1, 1), conv(1, 1))), hardware({"caches": caches}), Conventional(), "none")
    (row,) = ledger.phases[0].rows.values()

    assert ledger.cycles == cycles
    assert row.stalls["noc"] == noc
    assert dict(ledger.conflicts) == ({("unified", "noc"): 1} if ports == 1 else {})


@pytest.mark.parametrize("organisation", ["private", "unified"])
def test_four_banks_of_sixteen_words_carry_the_default_machine(organisation: str) -> None:
    changes = {"organisation": organisation, "unified_kib": 9.0}
    plain, banked = (
        replay(plan_tiny(Mime(), "per_position", hardware=hardware(SMALL.model_dump(), {"caches": changes | banks})))
        for banks in ({}, {"banks": 4, "bank_words": 16})
    )

    assert banked == plain
    assert not banked.conflicts


def test_a_single_port_is_too_few_for_private_caches_of_four_banks() -> None:
    changed = hardware(SMALL.model_dump(), {"caches": {"banks": 4, "ports": 1}})
    plain, banked = (replay(plan_tiny(Mime(), "per_position", hardware=machine)) for machine in (SMALL, changed))

    assert banked.conflicts["weights", "noc"] > 0
    assert banked.cycles > plain.cycles
    assert banked.words() == plain.words()


@pytest.mark.parametrize(
    ("caches", "barrier", "key", "words"),
    [
        ({"banks": 3}, "pass", "caches.banks", "stream noc alone needs 4 of them"),
        ({"banks": 1, "organisation": "unified"}, "pass", "caches.banks", "makes 3 banks of 16 words"),
        ({"ports": 1}, "pass", "caches.ports", "needs caches.banks"),
        ({"banks": 4, "ports": 1}, "tile", "caches.banks", "not defined with schedule.barrier = tile"),
    ],
)
def test_what_makes_no_sense_is_refused(caches: dict[str, Any], barrier: Any, key: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        check_banks(hardware({"caches": caches}), Schedule(barrier=barrier))
    assert caught.value.key == key


def test_rows_may_drift_where_nothing_collides() -> None:
    check_banks(hardware({"caches": {"banks": 4}}), Schedule(barrier="tile"))
    check_banks(hardware({"caches": {"banks": 4, "ports": 1, "organisation": "unified"}}), Schedule(barrier="tile"))
