"""Ranges that cut tails off."""

from __future__ import annotations

import numpy as np
import pytest

from hil.quantization.clipping import least_error_range, percentile_range
from hil.quantization.histogram import Histogram


def histogram_of(values, bins=8192):
    counts, _ = np.histogram(values, bins=bins)
    return Histogram(low=float(values.min()), high=float(values.max()), counts=counts)


def error_of(values, low, high, bits=8):
    step = (max(high, 0) - min(low, 0)) / (2**bits - 1)
    zero = np.round(min(low, 0) / step)
    found = np.clip(np.round(values / step), zero, zero + 2**bits - 1) * step
    return float(np.square(found - values).mean())


@pytest.mark.parametrize("percent", [99.0, 99.9, 99.99])
def test_a_percentile_is_that_of_the_values(percent):
    values = np.random.default_rng(0).normal(size=200_000)
    low, high = percentile_range(histogram_of(values), percent)
    step = np.ptp(values) / 8192
    assert low == pytest.approx(np.percentile(values, 100 - percent), abs=2 * step)
    assert high == pytest.approx(np.percentile(values, percent), abs=2 * step)


def test_the_zero_of_a_relu_stays_the_lower_end():
    values = np.maximum(np.random.default_rng(0).normal(size=100_000), 0)
    assert percentile_range(histogram_of(values), 99.9)[0] == 0


def test_a_tensor_that_is_nearly_always_zero_keeps_its_tail():
    values = np.zeros(100_000)
    values[:3] = [1.0, 2.0, 3.0]
    assert percentile_range(histogram_of(values), 99.9) == (0.0, 3.0)


def test_least_error_cuts_a_lone_outlier_off_and_errs_less():
    values = np.random.default_rng(0).normal(size=1_000_000)
    values[0] = 30.0
    low, high = least_error_range(histogram_of(values), bits=8)
    assert high < 20
    assert error_of(values, low, high) < 0.5 * error_of(values, values.min(), 30.0)


def test_least_error_leaves_an_even_distribution_alone():
    values = np.random.default_rng(0).uniform(-1, 1, 100_000)
    low, high = least_error_range(histogram_of(values), bits=8)
    assert (low, high) == pytest.approx((-1, 1), abs=0.02)


def test_sixteen_bits_hardly_need_clipping():
    values = np.random.default_rng(0).normal(size=100_000)
    values[0] = 60.0
    assert least_error_range(histogram_of(values), bits=16)[1] > 50
