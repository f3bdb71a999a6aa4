"""Order statistics held against NumPy and against the binomial distribution."""

from __future__ import annotations

import random
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.bench.statistics.order import (
    fewest_for,
    mad,
    median_interval,
    quantile,
    tail_quantile,
)

values = st.lists(
    st.floats(min_value=0, max_value=1e9, allow_nan=False), min_size=1, max_size=60
)


@given(values, st.sampled_from([0.0, 0.05, 0.5, 0.9, 0.95, 1.0]))
def test_quantiles_are_numpys(figures, share):
    assert quantile(figures, share) == pytest.approx(np.quantile(figures, share))


def test_the_fewest_values_for_an_interval_are_six():
    assert median_interval([1, 2, 3, 4, 5]) is None
    assert median_interval([1, 2, 3, 4, 5, 6]) == (1, 6)


@pytest.mark.parametrize("n", range(6, 200, 7))
def test_the_interval_covers_at_least_95_percent_and_no_narrower_pair_does(n):
    low, high = median_interval(list(range(1, n + 1)))
    rank = int(low)
    assert high == n + 1 - rank
    outside = 2 * sum(comb(n, k) for k in range(rank)) / 2**n
    assert outside <= 0.05
    assert outside + 2 * comb(n, rank) / 2**n > 0.05


def test_the_interval_of_a_large_sample_joins_the_exact_one():
    low, high = median_interval(list(range(1, 202)))
    exact_low, exact_high = median_interval(list(range(1, 201)))
    assert abs(low - exact_low) <= 1
    assert abs((high - 1) - exact_high) <= 1


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    generator = random.Random(1)
    hits = 0
    for _ in range(2000):
        low, high = median_interval([generator.expovariate(1) for _ in range(25)])
        hits += low <= 0.6931471805599453 <= high
    assert hits / 2000 >= 0.94


@pytest.mark.parametrize(("share", "fewest"), [(0.9, 36), (0.95, 72), (0.99, 368)])
def test_a_high_quantile_is_told_only_where_the_sample_allows_it(share, fewest):
    assert fewest_for(share) == fewest
    assert tail_quantile(list(range(fewest - 1)), share) is None
    found = tail_quantile(list(range(fewest)), share)
    assert found == pytest.approx(np.quantile(range(fewest), share))


def test_the_mad_does_not_see_an_outlier():
    assert mad([10, 11, 12, 13, 14]) == 1
    assert mad([10, 11, 12, 13, 9999]) == 1
