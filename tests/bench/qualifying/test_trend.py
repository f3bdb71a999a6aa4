"""The trend over windows, and how sure it is."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.qualifying.trend import find_trend


def test_a_straight_line_is_its_rise_without_doubt():
    trend = find_trend([100, 101, 102, 103, 104])
    assert trend.share == pytest.approx(4 / 102)
    assert trend.low == pytest.approx(trend.high)


def test_a_single_bad_window_does_not_carry_it_along():
    trend = find_trend([100, 100, 100, 500, 100, 100, 100, 100])
    assert trend.share == 0


def test_the_interval_holds_the_true_trend_in_95_of_100():
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        noise = generator.normal(0, 1, 8)
        trend = find_trend(list(100 + np.linspace(0, 5, 8) + noise))
        hits += trend.low <= 5 / 102.5 <= trend.high
    assert 180 <= hits <= 200
