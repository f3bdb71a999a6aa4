"""The ratio of medians: its interval, its blocks, and what too few of them say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hil.bench.statistics.blocks import Blocks, blocks_of, can_tell_apart
from hil.bench.statistics.bootstrap import _expanded_tail, _student_tail, median_ratio


def windows(seed, *, middle=100.0, count=6, runs=30, of_window=0.01, of_run=0.02):
    generator = np.random.default_rng(seed)
    noise = generator.normal(0, of_window, (count, 1))
    noise = noise + generator.normal(0, of_run, (count, runs))
    return (middle * np.exp(noise)).tolist()


def test_equal_windows_have_a_ratio_of_one_without_a_width():
    blocks = blocks_of([[5.0] * 10] * 6)
    ratio = median_ratio(blocks, blocks)
    assert (ratio.value, ratio.low, ratio.high) == (1, 1, 1)


def test_the_ratio_is_that_of_the_medians_of_all_runs():
    base, new = windows(1), windows(2, middle=106)
    ratio = median_ratio(blocks_of(base), blocks_of(new))
    assert ratio.value == pytest.approx(np.median(new) / np.median(base))
    assert ratio.low < ratio.value < ratio.high


def test_a_regression_of_six_per_cent_is_shown():
    ratio = median_ratio(blocks_of(windows(1)), blocks_of(windows(2, middle=106)))
    assert 1 < ratio.low < 1.06 < ratio.high < 1.12


def test_the_same_runs_give_the_same_interval():
    pair = blocks_of(windows(1)), blocks_of(windows(2))
    assert median_ratio(*pair) == median_ratio(*pair)


def test_more_confidence_takes_a_wider_interval():
    pair = blocks_of(windows(1)), blocks_of(windows(2))
    narrow, wide = (median_ratio(*pair, confidence=c) for c in (0.8, 0.95))
    assert wide.low < narrow.low
    assert narrow.high < wide.high


def test_windows_that_differ_widen_the_interval_although_their_runs_do_not():
    calm = median_ratio(
        blocks_of(windows(1, of_window=0, of_run=0.001)),
        blocks_of(windows(2, of_window=0, of_run=0.001)),
    )
    rough = median_ratio(
        blocks_of(windows(1, of_window=0.02, of_run=0.001)),
        blocks_of(windows(2, of_window=0.02, of_run=0.001)),
    )
    assert rough.high - rough.low > 10 * (calm.high - calm.low)


@pytest.mark.parametrize(
    ("base", "new", "able"),
    [
        (3, 3, False),
        (4, 4, True),
        (3, 5, True),
        (6, 6, True),
        (1, 40, False),
        (2, 12, False),
        (20, 2, False),
    ],
)
def test_too_few_windows_can_tell_nothing_apart(base, new, able):
    assert can_tell_apart(base, new, confidence=0.95) is able
    ratio = median_ratio(
        Blocks(values=((1.0, 2.0),) * base, windows=base),
        Blocks(values=((2.0, 3.0),) * new, windows=new),
    )
    assert (ratio.low is not None) is able


def test_a_single_window_is_cut_into_parts_and_says_so():
    blocks = blocks_of([list(map(float, range(1, 121)))])
    assert len(blocks.values) == 12
    assert {len(block) for block in blocks.values} == {10}
    assert (blocks.n, blocks.basis) == (120, "12 parts of 1 window")


def test_a_short_single_window_stays_whole():
    assert blocks_of([[1.0] * 20]).basis == "1 window"
    assert blocks_of([[1.0], [2.0]]).basis == "2 windows"


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 6, 11, 30])
def test_students_tail_is_scipys(freedom):
    for t in (0.1, 1.0, 2.571, 8.0):
        assert _student_tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom))


def test_the_tail_of_six_windows_is_hesterbergs():
    expected = stats.norm.cdf(-np.sqrt(6 / 5) * stats.t.ppf(0.975, 5))
    assert _expanded_tail(6, 0.025) == pytest.approx(expected)
