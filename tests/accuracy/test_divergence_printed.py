"""Printed answers read back to the integers that they were."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.divergence_printed import decimals_of, read_back

INT8 = np.dtype(np.int8)
SOFTMAX = {"scale": 1 / 256, "zero_point": -128, "dtype": INT8}


@pytest.mark.parametrize("cut", [np.floor, np.rint])
def test_three_decimals_tell_all_steps_of_a_softmax_rounded_or_cut(cut):
    stored = np.arange(-128, 128, dtype=np.int8).reshape(32, 8)
    real = (stored.astype(np.float64) + 128) / 256
    printed = cut(real * 1000) / 1000
    found = read_back(printed, decimals=3, **SOFTMAX)
    assert found is not None
    assert found.dtype == INT8
    np.testing.assert_array_equal(found, stored)


def test_decimals_that_do_not_tell_a_step_from_the_next_are_not_read_back():
    assert read_back(np.array([[0.99]]), decimals=2, **SOFTMAX) is None


def test_values_of_another_scale_are_not_read_back():
    assert read_back(np.array([[0.0018, 0.5]]), decimals=4, **SOFTMAX) is None


def test_values_that_the_type_cannot_hold_are_not_read_back():
    assert read_back(np.array([[113.0, 14.0]]), decimals=0, **SOFTMAX) is None
    assert read_back(np.array([[1.0]]), decimals=3, **SOFTMAX) is None


def test_an_output_without_a_scale_is_not_read_back():
    ends = {"scale": 0.0, "zero_point": 0, "dtype": INT8}
    assert read_back(np.array([[1.0]]), decimals=3, **ends) is None


def test_decimals_are_those_of_the_longest_value():
    assert decimals_of([(0.0, 0.996), (0.5, 0.25)]) == 3
    assert decimals_of([(0.003906,)]) == 6
    assert decimals_of([(step / 10, 1 - step / 100) for step in range(12)]) == 2


@pytest.mark.parametrize(
    "rows", [[(1.0, 0.0)], [(127.0, 0.0)], [(0.5, 0.5), (1.0, 0.0)], []]
)
def test_where_few_values_have_a_fraction_three_decimals_are_taken_for_granted(rows):
    assert decimals_of(rows) == 3
