"""Views of shared weights: cached once, filled for each view, with masks or an index beside them."""

from __future__ import annotations

import numpy as np

from mimesim.conservation import violations
from mimesim.ledger import SHARED_IMAGE
from mimesim.machine import replay
from mimesim.schedule.program import CasePlan
from mimesim.schemes import SHARED, Packnet, Piggyback, Scheme
from tests.schedule.small import Masks, chain, conv, hardware, plan

#: Twenty weights in two channel tiles, of 16 and of 4; one position.
NETWORK = chain((4, 1, 1), conv(5, side=1))
MACHINE = hardware({"grid": {"positions": (1, 1), "channels": 4}})


def planned(scheme: Scheme) -> CasePlan:
    kept = np.ones((5, 4, 1, 1), dtype=np.bool_)
    kept[0] = False
    masks = Masks(NETWORK, weights={("a", "conv1"): kept, ("b", "conv1"): np.ones_like(kept)})
    return plan(masks, MACHINE, scheme, tasks=("a", "b"), images=1, batch=2)


def test_blocks() -> None:
    placement = planned(Piggyback()).placement
    weights = placement.weights[0, SHARED]
    assert [(block.values, block.index, block.norm) for block in weights.values()] == [(16, 0, 4), (4, 0, 1)]
    # A bit a weight, in whole words; the masks of both tasks lie behind the weights.
    masks = [placement.masks[0, task] for task in ("a", "b")]
    assert [[block.index for block in one.values()] for one in masks] == [[1, 1], [1, 1]]
    assert [block.address for one in (weights, *masks) for block in one.values()] == [0, 1, 2, 3, 4, 5]


def test_each_view_has_fills_of_its_own() -> None:
    (phase,) = planned(Piggyback()).phases()
    assert phase.fill == [0, 1, 2, 3]
    assert [(fill.owner, fill.view, fill.image, fill.mask_image) for fill in phase.fills] == [
        (SHARED, "a", SHARED_IMAGE, 0),
        (SHARED, "b", SHARED_IMAGE, 1),
    ] * 2
    assert phase.fills[0].block is phase.fills[1].block


def test_what_masks_cost() -> None:
    made = planned(Piggyback())
    ledger = replay(made)
    assert violations(made, ledger) == []
    rows = ledger.phases[0].rows
    shared = rows[SHARED_IMAGE].words
    # Fetched once, filled twice.
    assert (shared["dram", "weights", "read"], shared["cache", "weights", "read"]) == (20, 40)
    for image in (0, 1):
        words = rows[image].words
        assert (
            words["dram", "index", "read"] == words["cache", "index", "write"] == words["cache", "index", "read"] == 2
        )
    # One of five outputs is masked.
    assert (rows[0].macs, rows[1].macs) == (16, 20)
    assert ledger.stored_words["conv1", "a", "index"] == 2


def test_an_index_is_everybodys() -> None:
    made = planned(Packnet(tasks=2))
    ledger = replay(made)
    assert violations(made, ledger) == []
    # Two bits a weight: 32 bits and 8.
    assert [block.index for block in made.placement.weights[0, SHARED].values()] == [2, 1]
    assert not made.placement.masks
    rows = ledger.phases[0].rows
    assert rows[SHARED_IMAGE].words["dram", "index", "read"] == 3
    assert rows[SHARED_IMAGE].words["cache", "index", "read"] == 6
    assert (rows[0].macs, rows[1].macs) == (16, 20)
    assert ledger.stored_words["conv1", "shared", "index"] == 3
