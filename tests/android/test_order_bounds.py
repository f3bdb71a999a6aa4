from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from hil.android.order_bounds import OrderBounds


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30), st.data())
def test_no_list_of_numbers_is_beyond_the_bounds_of_what_is_known_of_it(
    numbers: list[int], data: st.DataObject
) -> None:
    numbers.sort()
    last = len(numbers) - 1
    some = data.draw(st.sets(st.integers(0, last)))
    bounds = OrderBounds.of_ranks({i: float(numbers[i]) for i in {0, last, *some}})
    mean, variance = statistics.fmean(numbers), statistics.pvariance(numbers)
    slack = 1e-6 * max(numbers) ** 2 + 1e-6
    assert bounds.n == len(numbers)
    assert bounds.smallest_mean - slack <= mean <= bounds.largest_mean + slack
    assert bounds.least_variance(mean, slack=0) <= variance + slack
    assert variance <= bounds.most_variance(mean, slack=0) + slack


def test_numbers_that_are_all_known_leave_no_choice() -> None:
    bounds = OrderBounds.of_ranks({0: 1.0, 1: 2.0, 2: 6.0})
    assert (bounds.smallest_mean, bounds.largest_mean) == (3, 3)
    least = bounds.least_variance(3, slack=0)
    assert least == bounds.most_variance(3, slack=0) == statistics.pvariance([1, 2, 6])
