"""How often `hil compare` raises a false alarm, and finds a true one; and its speed.

1,000 comparisons of runs that did not change, for several kinds of noise that a machine
has. The suite repeats the first kind 200 times.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from hil.bench.statistics.blocks import blocks_of
from hil.bench.statistics.bootstrap import median_ratio

_REPEATS = 1000
_MOST_ALARMS = 0.05
_WINDOWS = (6, 30)
_MOST_TIMES = 3.0


def _windows_alike(generator):
    return generator.normal(0, 0.02, _WINDOWS)


def _windows_apart(generator):
    return _windows_alike(generator) + generator.normal(0, 0.01, (6, 1))


def _long_tails(generator):
    return generator.exponential(0.03, _WINDOWS) + generator.normal(0, 0.01, (6, 1))


def _disturbed(generator):
    disturbed = (generator.random((6, 1)) < 0.15) * 0.3
    return _windows_alike(generator) / 2 + disturbed


def _two_clocks(generator):
    return _windows_alike(generator) / 4 + (generator.random((6, 1)) < 0.5) * 0.1


@pytest.mark.parametrize(
    "noise", [_windows_alike, _windows_apart, _long_tails, _disturbed, _two_clocks]
)
def test_false_alarms_are_at_most_five_per_cent(noise):
    generator = np.random.default_rng(2026)
    alarms = found = 0
    for _ in range(_REPEATS):
        base, new = (np.exp(noise(generator)) * 1000 for _ in range(2))
        blocks = blocks_of(base.tolist())
        same = median_ratio(blocks, blocks_of(new.tolist()))
        slower = median_ratio(blocks, blocks_of((new * 1.06).tolist()))
        alarms += same.low > 1 or same.high < 1
        found += slower.low > 1
    name = noise.__name__.strip("_")
    print(f"{name}: {alarms} alarms, 6 % found in {found} of {_REPEATS}")
    assert alarms <= _MOST_ALARMS * _REPEATS


def test_a_comparison_of_long_windows_costs_little_more_than_sorting_them():
    generator = np.random.default_rng(1)
    windows = generator.normal(1000, 20, (2, 6, 10_000)).tolist()
    base, new = map(blocks_of, windows)
    sorting, comparing = [], []
    for _ in range(5):  # by turns, so that both see the same machine
        start = time.perf_counter()
        for side in windows:
            sorted(value for window in side for value in window)
        middle = time.perf_counter()
        median_ratio(base, new)
        comparing.append(time.perf_counter() - middle)
        sorting.append(middle - start)
    ratio = min(comparing) / min(sorting)
    print(f"comparing 120,000 runs: {ratio:.2f} times sorting them")
    assert ratio <= _MOST_TIMES
