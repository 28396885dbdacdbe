"""Weights in on-chip non-volatile memory: what a fill takes, what is booked, and what must fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mimesim.config.energy import Prices
from mimesim.config.schedule import Mode
from mimesim.conservation import violations
from mimesim.energy import CaseEnergy, PriceList
from mimesim.errors import InputError
from mimesim.ledger import SHARED_IMAGE, EnvmUse
from mimesim.machine import replay
from mimesim.network import Branch, Network
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Memti
from tests.schedule.small import Masks, chain, conv, hardware, plan

#: A layer of 5 x 4 weights in channel tiles of 4 and 1, with an adapter of as many.
LAYER = conv(5, side=1) | {"branches": (Branch(name="adapter", input="image"),)}


def planned(
    envm: dict[str, Any] | None, batch: int = 2, images: int = 1, mode: Mode = "pipelined", **options: Any
) -> CasePlan:
    network: Network = chain((4, 1, 1), LAYER)
    machine = hardware({"grid": {"positions": (1, 1), "channels": 4}, "noc": {"weight_words_per_cycle": 8}})
    machine = hardware(machine.model_dump(), {"envm": envm})
    return plan(Masks(network), machine, Memti(**options), tasks=("a", "b"), images=images, batch=batch, mode=mode)


def test_a_fill_is_as_slow_as_the_slower_of_array_and_network() -> None:
    (slow,) = planned({"words_per_cycle": 3, "read_latency_cycles": 7}).phases()
    # First tile: 16 words for both, 16 of a's adapter, 16 of b's; second tile: 4 each. Norm is the drain jobs'.
    assert [(fill.owner, fill.cycles) for fill in slow.fills] == [
        ("shared", 6 + 1 + 7),
        ("a", 6 + 1 + 7),
        ("b", 6 + 1 + 7),
        ("shared", 2 + 1 + 7),
        ("a", 2 + 1 + 7),
        ("b", 2 + 1 + 7),
    ]
    (fast,) = planned({"words_per_cycle": 100, "read_latency_cycles": 0}).phases()
    assert [fill.cycles for fill in fast.fills] == [3, 3, 3, 2, 2, 2]


def test_nothing_of_it_comes_from_dram() -> None:
    made = planned({"words_per_cycle": 16, "read_latency_cycles": 1})
    ledger = replay(made)
    assert violations(made, ledger) == []
    words = ledger.words()
    assert words["dram", "weights", "read"] == words["cache", "weights", "read"] == 0
    rows = ledger.phases[0].rows
    assert rows[SHARED_IMAGE].words["envm", "weights", "read"] == 20
    assert [rows[image].words["envm", "weights", "read"] for image in (0, 1)] == [20, 20]
    assert ledger.envm_words == {
        ("conv1", "shared", "weights"): 20,
        ("conv1", "a", "weights"): 20,
        ("conv1", "b", "weights"): 20,
        ("conv1", "a", "norm"): 10,
        ("conv1", "b", "norm"): 10,
    }
    assert [rows[image].words["envm", "norm", "read"] for image in (0, 1)] == [10, 10]
    assert ledger.envm == EnvmUse(words=80)
    energy = CaseEnergy(ledger, PriceList(Prices(), "paper", made.hardware))
    # 4.028 pJ for four words, 2 pJ for a MAC
    assert energy.by_level()["envm"] == pytest.approx(80 * 4.028 / 4 / 2)
    assert energy.quanta() == energy.prices.total(ledger)


def test_in_dram_it_is_fetched() -> None:
    ledger = replay(planned(None, memory="dram"))
    words = ledger.words()
    assert words["dram", "weights", "read"] == words["cache", "weights", "read"] == 60
    assert not ledger.envm_words


def test_what_lies_there_must_fit() -> None:
    # 60 words of weights and 20 of norm, of 16 bits.
    replay(planned({"capacity_kib": 160 / 1024}))
    with pytest.raises(InputError, match=r"envm.capacity_kib = .*: the case keeps 80 words there"):
        replay(planned({"capacity_kib": 159 / 1024}))
    # One task's own words: 20 shared, 20 of an adapter, 10 of norm.
    replay(planned({"capacity_kib": 100 / 1024, "switch": "rewrite"}))
    with pytest.raises(InputError, match=r"envm.capacity_kib = .*: the case keeps 50 words there"):
        replay(planned({"capacity_kib": 99 / 1024, "switch": "rewrite"}))
    with pytest.raises(InputError, match="keeps 80 words of parameters in on-chip non-volatile memory; there is none"):
        replay(planned(None))


def test_a_drain_job_reads_norm_from_the_array() -> None:
    (slow,) = planned({"words_per_cycle": 3, "read_latency_cycles": 7}).phases()
    machine = hardware()
    # Two words a channel: 8 of the first tile, 2 of the second, for each task; the array gives 3 a cycle.
    loads = [-(-8 // 3) + 1 + 7, -(-2 // 3) + 1 + 7]
    stored = machine.compare_cycles + 1
    assert [job.cycles for job in slow.jobs] == [loads[0] + stored] * 2 + [loads[1] + stored] * 2
    assert all(not job.thresholds and not job.load_cycles for job in slow.jobs)


#: Four words in three cycles.
REWRITE = {"switch": "rewrite", "read_latency_cycles": 1, "write_words": 4, "write_latency_cycles": 3}


def test_a_task_rewrites_what_another_left() -> None:
    made = planned(REWRITE)
    ledger = replay(made)
    assert violations(made, ledger) == []
    words, bursts = ledger.words(), ledger.bursts()
    # Both tasks write their adapter and their norm once: the batch mixes them, and a chunk of both follows another.
    assert words["envm", "weights", "write"] == words["dram", "weights", "read"] == 40
    assert words["envm", "norm", "write"] == words["dram", "norm", "read"] == 20
    assert words["cache", "weights", "write"] == words["cache", "norm", "write"] == 0
    assert (bursts["dram", "weights", "read"], bursts["dram", "norm", "read"]) == (4, 4)
    # 16 and 4 words of weights, 8 and 2 of norm, each in whole writes of 4 words, for both tasks.
    assert ledger.envm == EnvmUse(words=50, rewrites=8, most_writes=2, write_cycles=2 * 3 * (4 + 1 + 2 + 1))
    assert {owner for _, owner, _ in ledger.envm_words} == {"shared"}
    energy = CaseEnergy(ledger, PriceList(Prices(envm_read=0, envm_write=3), "paper", made.hardware))
    assert energy.by_level()["envm"] == 60 * 3
    assert energy.quanta() == energy.prices.total(ledger)


def test_rewriting_lengthens_its_fill() -> None:
    resident, (rewritten,) = next(planned(REWRITE | {"switch": "resident"}).phases()), planned(REWRITE).phases()
    longer = [fill.cycles - other.cycles for fill, other in zip(rewritten.fills, resident.fills, strict=True)]
    assert longer == [0, 12, 12, 0, 3, 3]
    assert [job.cycles - other.cycles for job, other in zip(rewritten.jobs, resident.jobs, strict=True)] == [6, 6, 3, 3]


def test_a_task_that_comes_back_to_its_words_writes_nothing() -> None:
    # Each task's two images in a batch of their own, then once more from what that left: b's words.
    made = planned(REWRITE, images=2, mode="singular")
    ledger = replay(made)
    assert violations(made, ledger) == []
    assert (ledger.envm.rewrites, ledger.envm.most_writes) == (8, 2)
    assert len(made.batches) == 2
    again = replace(made, batches=made.batches[1:])
    warm = replay(again, residents=ledger.residents)
    assert violations(again, warm) == []
    assert (warm.envm.rewrites, warm.envm.warm) == (0, True)
    assert warm.words()["envm", "weights", "write"] == 0


def test_no_word_of_parameters_comes_from_dram() -> None:
    """MEMTI with everything in its array: the frozen weights, and every task's adapters, batch norm and head."""
    network = chain((4, 4, 4), LAYER | {"activation": True}, {"kind": "linear", "shape": (3, 1, 1)})
    made = plan(Masks(network), hardware({"envm": {"technology": "rram"}}), Memti(), tasks=("a", "b"), batch=2)
    ledger = replay(made)
    assert violations(made, ledger) == []
    read = {
        tensor for (level, tensor, way), words in ledger.words().items() if (level, way) == ("dram", "read") and words
    }
    assert read == {"activations", "mask"}
    assert ledger.envm_words == ledger.stored_words


def test_the_second_count_sees_what_is_not_rewritten() -> None:
    made = planned(REWRITE, mode="singular")
    ledger = replay(made)
    assert violations(made, ledger) == []
    row = next(row for row in ledger.phases[0].rows.values() if row.words["envm", "weights", "write"])
    row.words["envm", "weights", "write"] -= 1
    row.words["dram", "weights", "read"] -= 1
    assert any("words rewritten, recounted" in law for law in violations(made, ledger))
