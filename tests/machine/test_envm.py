"""Weights in on-chip non-volatile memory: what a fill takes, what is booked, and what must fit."""

from __future__ import annotations

from typing import Any

import pytest

from mimesim.config.energy import Prices
from mimesim.conservation import violations
from mimesim.energy import CaseEnergy, PriceList
from mimesim.errors import InputError
from mimesim.ledger import SHARED_IMAGE
from mimesim.machine import replay
from mimesim.network import Branch, Network
from mimesim.schedule.program import CasePlan
from mimesim.schemes import Memti
from tests.schedule.small import Masks, chain, conv, hardware, plan

#: A layer of 5 x 4 weights in channel tiles of 4 and 1, with an adapter of as many.
LAYER = conv(5, side=1) | {"branches": (Branch(name="adapter", input="image"),)}


def planned(envm: dict[str, Any] | None, **options: Any) -> CasePlan:
    network: Network = chain((4, 1, 1), LAYER)
    machine = hardware({"grid": {"positions": (1, 1), "channels": 4}, "noc": {"weight_words_per_cycle": 8}})
    machine = hardware(machine.model_dump(), {"envm": envm})
    return plan(Masks(network), machine, Memti(**options), tasks=("a", "b"), images=1, batch=2)


def test_a_fill_is_as_slow_as_the_slower_of_array_and_network() -> None:
    (slow,) = planned({"words_per_cycle": 3, "read_latency_cycles": 7}).phases()
    # First tile: 16 words for both, 16 of a's adapter, 16 of b's; second tile: 4 each. Norm is the task's.
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
    }
    assert ledger.stored_words["conv1", "a", "norm"] == 10
    energy = CaseEnergy(ledger, PriceList(Prices(), "paper", made.hardware))
    assert energy.by_level()["envm"] == 60 * 4.028 / 4 / 2
    assert energy.quanta() == energy.prices.total(ledger)


def test_in_dram_it_is_fetched() -> None:
    ledger = replay(planned(None, memory="dram"))
    words = ledger.words()
    assert words["dram", "weights", "read"] == words["cache", "weights", "read"] == 60
    assert not ledger.envm_words


def test_what_lies_there_must_fit() -> None:
    # 60 words of 16 bits.
    replay(planned({"capacity_kib": 120 / 1024}))
    with pytest.raises(InputError, match=r"envm.capacity_kib = .*: the case keeps 60 words there"):
        replay(planned({"capacity_kib": 119 / 1024}))
    with pytest.raises(InputError, match="keeps 60 words of weights in on-chip non-volatile memory; there is none"):
        replay(planned(None))
