"""The rule by which tasks get units, and the cut of channels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimesim.errors import InputError
from mimesim.training.dvn.units import Assignment, split_channels, unit_order


def test_four_tasks_three_levels() -> None:
    """The published demonstration: the tasks at the edge take their units from one side."""
    assert [unit_order(task, 4)[:3] for task in (1, 2, 3, 4)] == [(1, 2, 3), (2, 1, 3), (3, 2, 4), (4, 3, 2)]


def test_two_tasks_and_one() -> None:
    assert [unit_order(task, 2) for task in (1, 2)] == [(1, 2), (2, 1)]
    assert unit_order(1, 1) == (1,)


def test_further_levels_go_outwards() -> None:
    assert unit_order(3, 6) == (3, 2, 4, 1, 5, 6)


@given(st.integers(1, 12).flatmap(lambda units: st.tuples(st.integers(1, units), st.just(units))))
def test_every_order_has_each_unit_once_nearest_first(pair: tuple[int, int]) -> None:
    task, units = pair
    order = unit_order(task, units)
    assert sorted(order) == list(range(1, units + 1))
    distances = [abs(unit - task) for unit in order]
    assert distances == sorted(distances)


def test_channels_are_cut_into_near_equal_consecutive_units() -> None:
    assert split_channels(10, 3) == (range(4), range(4, 7), range(7, 10))
    assert split_channels(9, 3) == (range(3), range(3, 6), range(6, 9))


@given(st.integers(1, 20), st.integers(0, 200))
def test_no_channel_is_lost_or_shared(units: int, more: int) -> None:
    cut = split_channels(units + more, units)
    assert [channel for unit in cut for channel in unit] == list(range(units + more))
    assert max(map(len, cut)) - min(map(len, cut)) <= 1


def test_fewer_channels_than_units_are_refused() -> None:
    with pytest.raises(InputError, match="at least 4"):
        split_channels(3, 4)


def test_levels_are_nested() -> None:
    for made in (Assignment.by_rule(("a", "b", "c", "d"), 3), Assignment.random(("a", "b", "c", "d"), 3, 1)):
        for task in made.orders:
            active = [set(made.active(task, level)) for level in (1, 2, 3)]
            assert [len(units) for units in active] == [1, 2, 3]
            assert active[0] < active[1] < active[2]


def test_random_orders_are_the_seeds() -> None:
    tasks = ("a", "b", "c", "d")
    assert Assignment.random(tasks, 2, 5) == Assignment.random(tasks, 2, 5)
    assert len({str(Assignment.random(tasks, 2, seed).orders) for seed in range(9)}) > 1


def test_what_is_no_assignment_is_refused() -> None:
    with pytest.raises(InputError, match="from 1 to 2"):
        Assignment.by_rule(("a", "b"), 3)
    with pytest.raises(InputError, match="different units"):
        Assignment({"a": (1, 1)}, 2, 2)
    with pytest.raises(InputError, match="from 1 to 1"):
        Assignment.by_rule(("a", "b"), 1).active("a", 2)
