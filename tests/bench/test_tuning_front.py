"""Pareto fronts, with figures that are counted and figures that are estimates."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hil.bench.tuning.front import (
    Figure,
    best_in_order,
    dominates,
    front,
    is_like,
    layers,
)


def counted(*values):
    return tuple(Figure.counted(value) for value in values)


def about(value, spread):
    return Figure(value=value, low=value - spread, high=value + spread)


def test_better_somewhere_and_worse_nowhere_dominates():
    assert dominates(counted(1, 2), counted(1, 3))
    assert not dominates(counted(1, 2), counted(1, 2))
    assert not dominates(counted(1, 3), counted(2, 2))


def test_a_difference_within_the_intervals_is_none():
    assert not dominates((about(10, 2),), (about(12, 2),))
    assert dominates((about(10, 1),), (about(13, 1),))
    assert is_like((about(10, 2),), (about(12, 2),))
    assert not is_like((about(10, 1),), (about(13, 1),))


def test_rows_are_sorted_into_one_front_behind_the_other():
    rows = [counted(1, 3), counted(3, 1), counted(2, 4), counted(3, 5)]
    assert layers(rows) == [0, 0, 1, 2]
    assert front(rows) == [0, 1]
    assert layers([]) == []


def test_a_ring_of_overlapping_intervals_loses_nobody():
    ring = [
        (
            Figure(value=1, low=0, high=2),
            Figure.counted(0),
            Figure(value=3, low=3, high=9),
        ),
        (
            Figure(value=3, low=3, high=9),
            Figure(value=1, low=0, high=2),
            Figure.counted(0),
        ),
        (
            Figure.counted(0),
            Figure(value=3, low=3, high=9),
            Figure(value=1, low=0, high=2),
        ),
    ]
    assert len(front(ring)) == 3


def test_the_best_is_told_by_the_next_figure_where_the_first_cannot():
    rows = [(about(10, 2), *counted(9)), (about(11, 2), *counted(5)), counted(20, 1)]
    assert best_in_order(rows) == 1
    assert best_in_order([counted(1, 1), counted(1, 1)]) == 0


ROWS = st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=12)


@given(ROWS)
def test_every_row_that_is_not_on_the_front_is_dominated_by_one_that_is(rows):
    figures = [counted(*row) for row in rows]
    best = front(figures)
    assert best
    for index, row in enumerate(figures):
        beaten = any(dominates(figures[other], row) for other in best)
        assert beaten is (index not in best)
