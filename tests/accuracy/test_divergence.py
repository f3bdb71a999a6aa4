"""Answers held against each other: shares, histograms, flips and floats."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hil.accuracy.divergence import diverge
from hil.accuracy.metrics import agreement, wilson
from hil.errors import HilError

LEFT = np.array([[1, 2, 3], [5, 0, 0], [9, 8, 0], [-128, 0, 0]], np.int8)
RIGHT = np.array([[1, 2, 3], [5, 1, 0], [8, 9, 0], [127, 0, 0]], np.int8)


def test_rows_are_counted_by_their_largest_difference():
    found = diverge(LEFT, RIGHT)
    assert (found.identical.count, found.identical.n) == (1, 4)
    assert found.differing == (1, 2, 3)
    assert found.rows_by_lsb == {0: 1, 1: 2, 255: 1}
    assert found.largest_lsb == 255
    assert found.largest_relative is None


def test_values_are_counted_by_their_signed_difference_left_less_right():
    assert diverge(LEFT, RIGHT).values_by_lsb == {-255: 1, -1: 2, 0: 8, 1: 1}


def test_a_label_flips_where_another_class_is_first_and_has_an_interval():
    found = diverge(LEFT, RIGHT)
    assert found.flipped == (2, 3)
    assert found.flips is not None
    assert (found.flips.low, found.flips.high) == wilson(2, 4)


def test_single_values_have_no_labels():
    found = diverge(np.array([[1], [2]], np.int8), np.array([[1], [9]], np.int8))
    assert found.flips is None
    assert found.flipped == ()


@given(
    arrays.arrays(np.int8, st.tuples(st.integers(1, 6), st.integers(2, 4))),
    st.randoms(use_true_random=False),
)
def test_the_figures_are_those_of_the_agreement_that_records_keep(left, chance):
    right = left.copy()
    for row in right:
        if chance.random() < 0.5:
            row[chance.randrange(len(row))] = chance.randint(-128, 127)
    found, known = diverge(left, right), agreement(left, right, reference="")
    assert found.identical.count == known.identical
    assert found.largest_lsb == known.max_lsb
    assert found.flips is not None
    assert found.flips.count == known.label_flips
    assert sum((found.rows_by_lsb or {}).values()) == len(left)
    assert sum((found.values_by_lsb or {}).values()) == left.size


def test_floats_have_a_relative_difference_instead_of_steps():
    left, right = np.float32([[1, 4], [2, 2]]), np.float32([[1, 4], [2, 3]])
    found = diverge(left, right)
    assert found.largest_relative == pytest.approx(0.25)
    assert found.largest_lsb is None
    assert found.rows_by_lsb is None


def test_a_float_that_is_not_finite_is_infinitely_far():
    left, right = np.float32([[1, np.nan]]), np.float32([[1, 0]])
    assert diverge(left, right).largest_relative == math.inf
    assert diverge(left, left).identical.count == 1


def test_zeros_and_something_else_are_infinitely_far():
    found = diverge(np.float32([[1e-9, 0]]), np.float32([[0, 0]]))
    assert found.largest_relative == math.inf


def test_printed_floats_are_identical_within_their_last_decimal():
    left, right = np.array([[0.996, 0.0]]), np.array([[0.99609375, 0.0009]])
    assert diverge(left, right, tolerance=1e-3).differing == ()
    assert diverge(left, right, tolerance=1e-4).differing == (0,)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.zeros((2, 3), np.int8), np.zeros((2, 4), np.int8)),
        (np.zeros((2, 3), np.int8), np.zeros((2, 3), np.uint8)),
        (np.zeros((0, 3), np.int8), np.zeros((0, 3), np.int8)),
    ],
)
def test_answers_of_other_shapes_types_or_none_at_all_are_refused(left, right):
    with pytest.raises(HilError, match="the answers cannot be compared"):
        diverge(left, right)
