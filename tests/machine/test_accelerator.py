"""All parts together: what they keep towards each other, whatever the timing."""

from __future__ import annotations

from typing import Any

import pytest

from mimesim.errors import InputError
from mimesim.machine import replay
from mimesim.machine.kinds import WRITE_BACK
from mimesim.schedule.program import Phase
from mimesim.schemes import Conventional, Mime
from tests.machine.recorded import record
from tests.schedule.small import Masks, chain, conv, drawn_masks, hardware, plan, pool, run

NETWORK = chain(
    (4, 10, 10), conv(24), conv(20), pool(2), conv(12, 1), pool(5, "avg_pool"), {"kind": "linear", "channels": 6}
)
TASKS = ("a", "b")
MACHINE = hardware(
    {
        "grid": {"channels": 8},
        "caches": {"weights_kib": 2.5, "activations_kib": 4.0, "thresholds_kib": 0.5},
        "dram": {"clock_mhz": 333.0},
    }
)


def made(**options: Any) -> Any:
    masks = drawn_masks(NETWORK, TASKS, 2, 0.4, seed=1)
    return plan(masks, MACHINE, Mime(), tasks=TASKS, images=2, **options)


@pytest.mark.parametrize("barrier", ["pass", "tile"])
def test_the_parts_keep_their_promises(barrier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = made(barrier=barrier)
    found = record(case, monkeypatch)
    phases = list(case.phases())
    passes, fills, jobs = found.ends["passes_done"], found.ends["fills_done"], found.ends["jobs_done"]
    assert found.ends["phases_done"] == [phase.end_cycle for phase in found.ledger.phases]

    first_pass = first_fill = first_job = 0
    for phase, ended in zip(phases, found.ends["phases_done"], strict=True):
        count = len(phase.cycles)
        for place in range(count):
            number = first_pass + place
            # Never further ahead than it may be, and nothing runs before it is looked up and filled.
            if number >= MACHINE.prefetch_passes:
                assert found.ends["passes_looked_up"][number] > passes[number - MACHINE.prefetch_passes]
            assert passes[number] > found.ends["passes_looked_up"][number]
            if phase.fill[place] >= 0:
                assert passes[number] > fills[first_fill + phase.fill[place]]
        for number, fill in enumerate(phase.fills, start=first_fill):
            users = [first_pass + p for p in range(count) if phase.fill[p] == number - first_fill - 2]
            if users:
                # The bank's passes had ended when it was overwritten.
                assert fills[number] - fill.cycles >= passes[users[-1]]
        for number, job in enumerate(phase.jobs, start=first_job):
            assert jobs[number] - job.cycles >= passes[first_pass + job.after]
        assert ended >= jobs[first_job + len(phase.jobs) - 1]
        first_pass, first_fill, first_job = (
            first_pass + count,
            first_fill + len(phase.fills),
            first_job + len(phase.jobs),
        )
    assert first_pass == len(passes) == found.ledger.passes


def test_reads_of_a_cycle_go_before_the_write_of_that_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: dict[int, list[int]] = {}
    for kind, submitted, _, _ in record(made(), monkeypatch).requests:
        kinds.setdefault(submitted, []).append(kind)

    together = [order for order in kinds.values() if len(order) > 1]
    assert all(order == sorted(order) for order in together)
    # Otherwise the test would be empty.
    assert any(WRITE_BACK in order for order in together)


def test_the_ledger_holds_what_the_parts_did() -> None:
    ledger = replay(made())

    assert ledger.cycles == ledger.phases[-1].end_cycle
    assert [phase.start_cycle for phase in ledger.phases] == [0, *(phase.end_cycle for phase in ledger.phases[:-1])]
    for phase in ledger.phases:
        rows = phase.rows.values()
        assert sum(row.busy_cycles + row.stalls.total() for row in rows) == phase.end_cycle - phase.start_cycle
    assert set(ledger.busy) == {"controller", "dram", "noc", "pe_grid", "cmp"}
    assert ledger.busy["pe_grid"] == sum(row.busy_cycles for phase in ledger.phases for row in phase.rows.values())
    bursts = sum(ledger.bursts().values())
    assert ledger.busy["dram"] == bursts * MACHINE.dram.burst_clocks
    # A run of bursts in one row either finds it open or activates it.
    assert ledger.dram_events["activates"] >= ledger.dram_events["precharges"] > 0
    assert ledger.dram_events["refreshes"] == pytest.approx(ledger.cycles * 333 / 200 / 6240, abs=1)


def test_progress_is_told_of_each_phase() -> None:
    seen: list[Phase] = []
    ledger = replay(made(), seen.append)

    assert [phase.record for phase in seen] == ledger.phases


def test_nothing_runs_where_a_cache_is_too_small() -> None:
    network = chain((4, 4, 4), conv(8))
    seen: list[Phase] = []

    with pytest.raises(InputError, match="layer conv1 needs"):
        replay(plan(Masks(network), hardware({"caches": {"weights_kib": 0.1}})), seen.append)
    assert seen == []


def test_one_image_of_one_pass() -> None:
    # 8 channels, one position, one output, everything at its default: 4 DRAM clocks a cycle.
    # Weights: looked up in 0..1; 8 weights and 1 of norm: one burst. Granted in clock 4: 4 + 11 + 11 + 4 = 30, over in
    # cycle 7.5: 8. Activations: looked up in 1..2; the same row, clock 8; data after the first's: 34, cycle 8.5: 9. The
    # fill starts at 8 and takes ceil(9 / 64) + 1 = 2: 10. The pass: 8 taps and a swap: 19. The drain: 1 + 1: 21. The
    # write: clock 84, the row is open: 84 + 8 + 4 = 96, cycle 24.
    ledger = run(Masks(chain((8, 1, 1), conv(1, 1))), hardware(), Conventional(), "none")
    (row,) = ledger.phases[0].rows.values()

    assert ledger.cycles == 24
    assert (row.busy_cycles, dict(row.stalls)) == (9, {"cache": 2, "dram": 7, "noc": 1, "drain": 5})
