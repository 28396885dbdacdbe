"""Words of blocks by hand, budgets, and what a change loads."""

from __future__ import annotations

from mimesim.training.dvn.backbone import Backbone
from mimesim.training.dvn.blocks import IMAGE, Block, Budget
from mimesim.training.dvn.units import Assignment

TASKS = ("a", "b", "c", "d")
#: Four units of 2, 3 and 4 channels; the heads read 4 channels a unit at 2 x 2 positions.
BACKBONE = Backbone(
    (8, "M", 12, "M", 16), 8, Assignment.by_rule(TASKS, 3), dict(zip(TASKS, (10, 5, 2, 3), strict=True))
)
BUDGET = Budget(BACKBONE)


def test_a_level_has_the_square_of_its_share_of_the_weights() -> None:
    inner = 9 * 8 * 12 + 9 * 12 * 16
    for task in TASKS:
        for level in (1, 2, 3):
            # the image is always there, so of the first layer a level has its share, not the square
            assert BUDGET.words(task, level).blocks == 9 * 3 * 8 * level // 4 + inner * level**2 // 16


def test_norm_and_head() -> None:
    words = BUDGET.words("b", 2)
    assert words.norm == 2 * 2 * (2 + 3 + 4)
    assert words.head == 5 * (2 * 4 * 4 + 1)
    assert words.resident == sum(words)


def test_the_backbone_is_stored_once() -> None:
    own = sum(sum(BUDGET.words(task, level)[1:]) for task in TASKS for level in (1, 2, 3))
    assert BUDGET.stored() == 9 * (3 * 8 + 8 * 12 + 12 * 16) + own


def test_blocks_of_unequal_units() -> None:
    budget = Budget(Backbone((4, 7), 8, Assignment.by_rule(("a", "b", "c"), 3), dict.fromkeys("abc", 2)))
    assert budget.words_of[Block("conv1", IMAGE, 1)] == 9 * 3 * 2
    assert budget.words_of[Block("conv2", 1, 1)] == 9 * 2 * 3
    assert budget.words_of[Block("conv2", 3, 2)] == 9 * 1 * 2
    assert sum(budget.words_of.values()) == 9 * (3 * 4 + 4 * 7)


def test_a_budget_allows_the_highest_level_that_fits() -> None:
    sizes = [BUDGET.words("a", level).resident for level in (1, 2, 3)]
    assert [BUDGET.level("a", size) for size in sizes] == [1, 2, 3]
    assert [BUDGET.level("a", size - 1) for size in sizes] == [0, 1, 2]
    assert BUDGET.level("a", 10**9) == 3


def test_more_budget_adds_blocks_and_removes_none() -> None:
    change = BUDGET.change(("b", 1), ("b", 2))
    # unit 2 is joined by unit 1: one new block from the image, three new ones in each of two layers
    assert set(change.added) == {
        Block("conv1", IMAGE, 1),
        *(Block(layer, *pair) for layer in ("conv2", "conv3") for pair in ((1, 1), (1, 2), (2, 1))),
    }
    assert change.removed == ()
    assert set(change.kept) == set(BUDGET.blocks("b", 1))
    own = sum(BUDGET.words("b", 2)[1:])
    assert change.loaded == sum(BUDGET.words_of[block] for block in change.added) + own
    assert change.freed == sum(BUDGET.words("b", 1)[1:])


def test_less_budget_is_the_way_back() -> None:
    there, back = BUDGET.change(("b", 1), ("b", 3)), BUDGET.change(("b", 3), ("b", 1))
    assert set(there.added) == set(back.removed)
    assert back.added == ()
    assert back.freed == there.loaded


def test_neighbours_keep_what_they_share() -> None:
    """Tasks b and c at level 3 use units 1 2 3 and 2 3 4: of nine blocks a layer, the four of 2 and 3 stay."""
    change = BUDGET.change(("b", 3), ("c", 3))
    assert len([block for block in change.kept if block.layer == "conv2"]) == 4
    assert len([block for block in change.added if block.layer == "conv2"]) == 5
    assert {block for block in change.kept if block.layer == "conv1"} == {
        Block("conv1", IMAGE, 2),
        Block("conv1", IMAGE, 3),
    }


def test_from_nothing_to_nothing_and_to_itself() -> None:
    assert BUDGET.change(None, ("a", 2)).loaded == BUDGET.words("a", 2).resident
    assert BUDGET.change(("a", 2), None).freed == BUDGET.words("a", 2).resident
    same = BUDGET.change(("a", 2), ("a", 2))
    assert (same.added, same.removed, same.loaded, same.freed) == ((), (), 0, 0)
