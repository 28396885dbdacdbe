from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mimesim.pareto import dominates, front


def test_by_hand() -> None:
    points = [(1, 5), (2, 2), (5, 1), (2, 5), (3, 3), (2, 2)]
    assert front(points) == [True, True, True, False, False, True]
    assert front([]) == []
    assert front([(1.0,), (0.5,), (0.5,)]) == [False, True, True]
    assert not dominates((1, 2), (1, 2))
    assert dominates((1, 2), (1, 3))


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 5)] * n), max_size=30)))
def test_it_is_what_nothing_dominates(points: list[tuple[int, ...]]) -> None:
    assert front(points) == [not any(dominates(other, point) for other in points) for point in points]
