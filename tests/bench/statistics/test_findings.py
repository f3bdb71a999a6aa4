"""Drift, modes, warm-up and the timer's step: found where planted, and nowhere else."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest

from hil.bench.statistics.blocks import Blocks, blocks_of
from hil.bench.statistics.drift import _orders_by_falls, find_drift
from hil.bench.statistics.modes import find_modes
from hil.bench.statistics.timer import find_step
from hil.bench.statistics.warmup import find_warm_up


def noisy(seed, *, size, middle=100.0, spread=0.01):
    return middle * np.exp(np.random.default_rng(seed).normal(0, spread, size))


def medians(*values):
    return Blocks(values=tuple((float(v),) for v in values), windows=len(values))


def test_windows_that_grow_slower_one_by_one_drift():
    drift = find_drift(medians(100, 101, 102, 103, 104, 105))
    assert drift.share == pytest.approx(5 / 102.5)
    assert drift.p_value == pytest.approx(2 / math.factorial(6))
    assert drift.basis == "6 windows"


def test_a_drift_downwards_is_negative_and_five_windows_show_it():
    assert find_drift(medians(104, 103, 102, 101, 100)).share < 0


@pytest.mark.parametrize(
    "values",
    [
        [100, 103, 101, 104, 102, 103],  # up and down
        [100, 100.1, 100.2, 100.3, 100.4, 100.5],  # less than 1 %
        [100, 101, 102, 103],  # four could be chance
        [0, 0, 0, 0, 0, 0],
        [],
    ],
)
def test_no_drift_is_made_up(values):
    assert find_drift(medians(*values)) is None


def test_a_drift_within_one_long_window_is_found():
    runs = noisy(1, size=600) * np.linspace(1, 1.08, 600)
    assert find_drift(blocks_of([runs.tolist()])).basis == "12 parts of 1 window"


def test_many_windows_take_the_normal_approximation():
    rising = np.linspace(100, 110, 400) + np.tile([0, 0.5], 200)
    assert find_drift(medians(*rising)).p_value < 1e-6


def test_orders_are_counted_by_their_falls():
    counted = [0] * 7
    for order in permutations(range(4)):
        falls = sum(order[a] > order[b] for a in range(4) for b in range(a + 1, 4))
        counted[falls] += 1
    assert list(_orders_by_falls(4)) == counted


def test_drift_is_rarely_seen_where_there_is_none():
    seen = sum(
        find_drift(medians(*noisy(seed, size=6, spread=0.03))) is not None
        for seed in range(500)
    )
    assert seen / 500 <= 0.02


def test_runs_on_two_cores_are_two_modes():
    runs = np.concatenate([noisy(1, size=70), noisy(2, size=30, middle=130)])
    modes = find_modes(runs.tolist())
    assert modes.fast == pytest.approx(100, rel=0.01)
    assert modes.slow == pytest.approx(130, rel=0.01)
    assert modes.slow_share == pytest.approx(0.3, abs=0.03)
    assert modes.n == 100


@pytest.mark.parametrize(
    "shape",
    [
        lambda g: g.normal(100, 5, 400),
        lambda g: g.uniform(50, 150, 400),
        lambda g: 100 + g.exponential(20, 400),
        lambda g: g.lognormal(3, 0.6, 400),
        lambda g: np.append(g.normal(100, 1, 400), [500.0] * 12),
    ],
    ids=["normal", "flat", "tail", "lognormal", "outliers"],
)
def test_one_mode_is_not_taken_for_two(shape):
    for seed in range(20):
        runs = shape(np.random.default_rng(seed)).tolist()
        assert find_modes(runs) is None


def test_two_neighbouring_ticks_are_no_modes():
    runs = [9.0] * 50 + [10.0] * 50
    assert find_modes(runs, step=1.0) is None
    assert find_modes(runs, step=0.1) is not None


def test_few_runs_or_runs_of_no_time_have_no_modes():
    assert find_modes([1.0] * 15 + [9.0] * 14) is None
    assert find_modes([0.0] * 50 + [9.0] * 50) is None


def test_a_slow_start_of_every_window_is_found():
    windows = [noisy(seed, size=40).tolist() for seed in range(6)]
    for window in windows:
        window[:3] = [150.0, 130.0, 120.0]
    warm = find_warm_up(windows)
    assert (warm.runs, warm.windows, warm.of_windows) == (3, 6, 6)
    assert warm.share == pytest.approx(0.5, abs=0.02)


def test_one_slow_start_of_six_is_chance():
    windows = [noisy(seed, size=40).tolist() for seed in range(6)]
    windows[2][0] = 200.0
    assert find_warm_up(windows) is None


def test_a_single_window_needs_three_slow_runs():
    window = noisy(1, size=40).tolist()
    window[:2] = [150.0, 140.0]
    assert find_warm_up([window]) is None
    window[2] = 130.0
    assert find_warm_up([window]).runs == 3


def test_windows_too_short_or_without_time_have_no_warm_up():
    assert find_warm_up([[200.0, *[100.0] * 8]] * 6) is None
    assert find_warm_up([[200.0, *[0.0] * 20]] * 6) is None


def test_a_window_that_is_slow_in_its_first_half_is_no_warm_up():
    assert find_warm_up([[200.0] * 12 + [100.0] * 10] * 6) is None


def test_the_step_of_a_timer_is_what_divides_all_ticks():
    step = find_step([3000, 4500, 6000, 4500])
    assert (step.ticks, step.distinct) == (1500, 3)


def test_equal_ticks_say_nothing_of_the_step():
    assert find_step([700, 700]) is None
    assert find_step([]) is None
