"""Three ways of rounding a sum, against definitions that are written another way."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hil.accuracy.divergence_rounding import Rounding, matching, scaled

SUMS = st.integers(-(2**24), 2**24)
FACTORS = st.floats(2**-20, 0.999)


def one(sum_, factor, rounding):
    found = scaled(np.array([[sum_]], np.int64), [(factor, 1.0, 1.0)], rounding)
    return int(found[0, 0])


def multiplier(factor):
    mantissa, exponent = math.frexp(factor)
    fixed = math.floor(Fraction(mantissa) * 2**31 + Fraction(1, 2))
    return (fixed // 2, exponent + 1) if fixed == 2**31 else (fixed, exponent)


@given(SUMS, FACTORS)
@example(3, 0.5)
@example(-3, 0.5)
def test_once_takes_the_nearest_and_halves_upwards(sum_, factor):
    fixed, exponent = multiplier(factor)
    exact = Fraction(sum_ * fixed) * Fraction(2) ** (exponent - 31)
    expected = math.floor(exact + Fraction(1, 2))
    assert one(sum_, factor, Rounding.ONCE) == expected


def away(value):
    """Return the nearest integer, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + Fraction(1, 2)), value))


@given(SUMS, FACTORS)
@example(1, 2**-20)
def test_twice_rounds_the_product_and_then_the_shift(sum_, factor):
    fixed, exponent = multiplier(factor)
    # gemmlowp's division by 2^31 is towards zero, after half was added: away from zero
    # but for negative halves, which go up.
    product = Fraction(sum_ * fixed, 2**31)
    half = product.denominator == 2
    high = math.ceil(product) if half else away(product)
    expected = away(Fraction(high, 2 ** -min(exponent, 0)))
    assert one(sum_, factor, Rounding.TWICE) == expected


@given(SUMS, FACTORS)
@example(-3, 0.5)
@example(-753, 7.0 / 1506)
def test_twice_upward_differs_in_negative_halves_of_the_shift_alone(sum_, factor):
    fixed, exponent = multiplier(factor)
    high = math.floor(Fraction(sum_ * fixed, 2**31) + Fraction(1, 2))
    shifted = Fraction(high, 2 ** -min(exponent, 0))
    expected = math.floor(shifted + Fraction(1, 2))
    assert one(sum_, factor, Rounding.TWICE_UP) == expected
    tie = high < 0 and shifted.denominator == 2
    assert one(sum_, factor, Rounding.TWICE) == expected - tie


def test_two_roundings_go_another_way_than_one_next_to_a_half():
    # 0.4999... of a step: the first rounding makes a half of it, the second a whole.
    factor, sum_ = 0.4999999997671694 / 4, 4
    assert one(sum_, factor, Rounding.TWICE) == 1
    assert one(sum_, factor, Rounding.ONCE) == 0


def test_a_float_product_is_rounded_to_even():
    assert [one(s, 0.5, Rounding.FLOAT) for s in (1, 3, 5, -1, -3)] == [0, 2, 2, 0, -2]


def test_a_factor_of_one_and_more_is_shifted_to_the_left():
    for rounding in Rounding:
        assert one(7, 4.0, rounding) == 28


def test_matching_counts_each_way_behind_zero_point_and_limits():
    sums = np.array([[1, 3], [5, 100]], np.int64)
    scales = [(0.5, 1.0, 1.0), (0.5, 1.0, 1.0)]
    stored = np.array([[10, 12], [12, 20]], np.int64)  # to even, and cut at 20
    found = matching(sums, scales, stored, zero_point=10, limits=(-128, 20))
    assert found[Rounding.FLOAT] == 4
    assert found[Rounding.ONCE] == 2


def test_channels_have_scales_of_their_own():
    sums = np.array([[100, 100]], np.int64)
    found = scaled(sums, [(0.5, 0.5, 1.0), (0.5, 1.0, 0.25)], Rounding.ONCE)
    assert found.tolist() == [[25, 200]]
