"""Batch norm of the task's own: blocks of two words a channel, loaded where sums are drained."""

from __future__ import annotations

import pytest

from mimesim.conservation import violations
from mimesim.errors import InputError
from mimesim.ledger import SHARED_IMAGE
from mimesim.machine import replay
from mimesim.network import Node
from mimesim.schedule.memory_map import Allocator, weight_blocks
from mimesim.schemes import SHARED, BnOnly, LayerParameters, Scheme
from tests.schedule.small import Masks, chain, conv, geometry, hardware, plan

#: Six channels in tiles of four and two; 4 x 4 positions in four tiles of 2 x 2.
NETWORK = chain((1, 4, 4), conv(6, side=1))
MACHINE = hardware({"grid": {"positions": (2, 2), "channels": 4}, "noc": {"threshold_words_per_cycle": 3}})


def test_blocks_follow_the_weights() -> None:
    placement = plan(Masks(NETWORK), MACHINE, BnOnly(), tasks=("a", "b")).placement
    weights = placement.weights[0, SHARED]
    assert [(block.values, block.norm, block.filled) for block in weights.values()] == [(4, 0, 4), (2, 0, 2)]
    assert [block.values for block in placement.norms[0, "a"].values()] == [8, 4]
    found = [*weights.values(), *placement.norms[0, "a"].values(), *placement.norms[0, "b"].values()]
    assert [block.address for block in found] == [0, 1, 2, 3, 4, 5]


def test_a_drain_loads_two_words_a_channel() -> None:
    made = plan(Masks(NETWORK), MACHINE, BnOnly(), tasks=("a", "b"), images=1, batch=2)
    (phase,) = made.phases()
    # 8 or 4 words, 3 a cycle, for each of four position tiles of each image.
    assert [job.load_cycles for job in phase.jobs] == [3] * 8 + [2] * 8
    assert {(use.task, use.tensor, use.image) for job in phase.jobs for use in job.thresholds} == {
        ("a", "norm", 0),
        ("b", "norm", 1),
    }


def test_what_is_booked() -> None:
    made = plan(Masks(NETWORK), MACHINE, BnOnly(), tasks=("a", "b"), images=1, batch=2)
    ledger = replay(made)
    assert violations(made, ledger) == []
    rows = ledger.phases[0].rows
    for image in (0, 1):
        words = rows[image].words
        assert words["dram", "norm", "read"] == words["cache", "norm", "write"] == 12
        assert words["cache", "norm", "read"] == words["reg", "norm", "write"] == words["reg", "norm", "read"] == 48
        assert rows[image].bursts["dram", "norm", "read"] == 2
    assert rows[SHARED_IMAGE].words["dram", "weights", "read"] == 6
    assert not rows[SHARED_IMAGE].words["dram", "norm", "read"]
    assert ledger.stored_words == {
        ("conv1", "shared", "weights"): 6,
        ("conv1", "a", "norm"): 12,
        ("conv1", "b", "norm"): 12,
    }


def test_no_norm_at_all() -> None:
    made = geometry(NETWORK, MACHINE, "conv1")
    blocks = weight_blocks(made, LayerParameters("a", norm="none"), None, Allocator())
    assert [(block.values, block.norm) for block in blocks.values()] == [(4, 0), (2, 0)]


class Mixed(Scheme):
    """Only one task folds its norm."""

    name = "mixed"

    def parameters(self, node: Node, task: str) -> LayerParameters:
        return LayerParameters(weights_owner=task, norm="task" if task == "a" else "folded")


def test_tasks_agree_where_norm_is() -> None:
    with pytest.raises(InputError, match="layer conv1: the norm of some tasks"):
        plan(Masks(NETWORK), MACHINE, Mixed(), tasks=("a", "b"))
