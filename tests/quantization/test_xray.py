"""The X-ray, on made-up minima and maxima of which everything is known."""

from __future__ import annotations

import numpy as np
import pytest

from hil.quantization.extremes import Extremes
from hil.quantization.xray import examine


def extremes_of(highs, lows=None):
    highs = np.asarray(highs, np.float64)
    return Extremes(
        names=tuple(f"t{i}" for i in range(highs.shape[1])),
        lows=np.zeros_like(highs) if lows is None else np.asarray(lows, np.float64),
        highs=highs,
    )


def ordinary(n=40, tensors=4):
    return np.random.default_rng(1).uniform(0.8, 1.2, (n, tensors))


def test_a_sample_ten_times_too_large_is_the_one_outlier():
    highs = ordinary()
    highs[17] *= 10
    xray = examine(extremes_of(highs))
    (outlier,) = xray.outliers
    assert outlier.sample == 17
    assert outlier.sets == 4
    assert outlier.widest == pytest.approx(10, rel=0.35)
    assert outlier.median > 7


def test_an_ordinary_set_has_no_outlier():
    assert examine(extremes_of(ordinary())).outliers == ()


def test_two_outliers_do_not_hide_each_other():
    highs = ordinary()
    highs[3] *= 9
    highs[5] *= 10
    xray = examine(extremes_of(highs))
    assert {influence.sample for influence in xray.outliers} == {3, 5}


def test_too_few_samples_have_no_bulk_and_so_no_outlier():
    highs = ordinary(n=5)
    highs[0] *= 100
    assert examine(extremes_of(highs)).outliers == ()


def test_a_range_tells_who_set_it_and_what_it_is_without():
    lows = [[-1.0], [-2.0], [-1.5]]
    xray = examine(extremes_of([[1.0], [2.0], [6.0]], lows))
    (tensor,) = xray.tensors
    assert (tensor.low, tensor.high) == (-2.0, 6.0)
    assert (tensor.low_sample, tensor.high_sample) == (1, 2)
    assert tensor.without == (-2.0, 2.0)
    assert tensor.factor == 2.0


def test_an_end_that_samples_share_has_no_sample():
    tensor = examine(extremes_of([[1.0], [2.0]])).tensors[0]
    assert tensor.low_sample is None
    assert tensor.high_sample == 1


def test_a_single_sample_can_be_examined():
    xray = examine(extremes_of([[1.0, 2.0]]))
    assert xray.coverage == {1: 1.0}
    assert xray.enough is None
    assert xray.tensors[0].factor == 1.0


def test_the_moving_average_depends_on_the_order_and_clips():
    xray = examine(extremes_of(ordinary()))
    assert xray.order.least < xray.order.most < 1.0


def test_coverage_grows_with_the_number_of_samples():
    xray = examine(extremes_of(ordinary(n=200)))
    shares = list(xray.coverage.values())
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert xray.enough in {10, 20, 50}


def test_equal_samples_are_enough_at_once():
    assert examine(extremes_of(np.ones((20, 3)))).enough == 1


def test_a_range_that_one_sample_makes_is_unstable_over_draws():
    highs = ordinary()
    highs[0, 0] = 4.0
    first, second = examine(extremes_of(highs)).tensors[:2]
    assert first.spread[0] < 0.35
    assert second.spread[0] > 0.9


def test_the_same_set_gives_the_same_report():
    highs = ordinary()
    assert examine(extremes_of(highs)) == examine(extremes_of(highs))
