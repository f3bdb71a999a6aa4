"""Raw ticks to figures, and what is said against them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hil.bench.latency import latency_of, windows_of
from hil.vocab import (
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
    TimingSummary,
)


def record(window, **changes):
    values = {
        "schema": 1,
        "run": "r",
        "job_id": f"j.{window}",
        "model": "m",
        "variant": "int8",
        "device": "d",
        "kind": TargetKind.MCU,
        "window": window,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.DEVICE_CLOCK,
    }
    return RunRecord(**(values | changes))


def windows(*ticks, basis=TimeBasis.DEVICE_CLOCK, hz=1_000_000, overhead=0):
    return [
        record(
            index,
            timing=Timing(
                basis=basis,
                tick_hz=hz,
                invoke_ticks=tuple(int(t) for t in window),
                overhead_ticks=overhead,
            ),
        )
        for index, window in enumerate(ticks)
    ]


def noisy(seed, *, middle=100_000, size=70, spread=0.002):
    return middle * np.exp(np.random.default_rng(seed).normal(0, spread, size))


def test_the_interval_is_over_the_windows_where_there_are_six():
    latency = latency_of(windows(*(noisy(seed) for seed in range(6))))
    assert latency.interval_over == "6 windows"
    medians = [np.median(w) for w in windows_of(windows(*map(noisy, range(6))))]
    assert (latency.low, latency.high) == (min(medians), max(medians))


def test_the_interval_holds_the_median_where_fast_windows_have_most_of_the_runs():
    # Two of twelve windows run at their full speed, and as long as the others.
    fast, slow = [100] * 120, [800] * 15
    latency = latency_of(windows(fast, fast, *[slow] * 10))
    assert (latency.median, latency.low, latency.high) == (100, 100, 800)


def test_the_interval_is_over_the_runs_of_fewer_windows():
    assert latency_of(windows(noisy(1), noisy(2))).interval_over == "140 runs"
    assert latency_of(windows([5, 6])).interval_over is None


def test_percentiles_are_told_only_where_the_sample_allows_them():
    few = latency_of(windows(noisy(1, size=35)))
    assert (few.p90, few.p99) == (None, None)
    some = latency_of(windows(noisy(1, size=36)))
    assert some.p90 is not None
    assert some.p99 is None
    many = latency_of(windows(*(noisy(seed) for seed in range(6))))
    assert many.n == 420
    assert many.p90 < many.p99 <= many.max
    assert 0 < many.mad < 0.01 * many.median


def test_cycles_are_told_with_the_time_that_their_clock_gives():
    latency = latency_of(
        windows(
            [1_800_100] * 6, basis=TimeBasis.CPU_CYCLES, hz=180_000_000, overhead=100
        )
    )
    assert (latency.cycles, latency.clock_hz) == (1_800_000, 180_000_000)
    assert latency.median == pytest.approx(10_000)
    assert latency.timer_overhead == pytest.approx(100 / 180)


def test_other_bases_have_no_cycles():
    latency = latency_of(windows([100, 101, 102]))
    assert (latency.cycles, latency.clock_hz) == (None, None)


def test_the_timers_step_is_told_in_the_unit_of_the_figures():
    latency = latency_of(windows([30_000, 45_000, 60_000], hz=1_000_000_000))
    assert latency.timer_step == pytest.approx(15)


def test_calm_windows_raise_no_doubt():
    assert latency_of(windows(*(noisy(seed) for seed in range(6)))).doubts == ()


def drifting(runs, window):
    return runs * (1 + 0.02 * window)


def on_two_cores(runs, _):
    return np.where(np.arange(len(runs)) % 3 == 0, runs * 1.3, runs)


def starting_slowly(runs, _):
    return np.concatenate([runs[:2] * 1.5, runs[2:]])


def by_a_coarse_timer(runs, _):
    return np.round(runs / 2000) * 2000


@pytest.mark.parametrize(
    ("planted", "doubt"),
    [
        (
            drifting,
            r"drift: \+9.*% from the first to the last of 6 windows \(Mann-Ken",
        ),
        (on_two_cores, r"groups: 66% .* about 100 ms and 34% about 130 ms \(n=420\)"),
        (starting_slowly, r"warm-up: .* \+50%, and it takes 2 to settle \(6 of 6 win"),
        (by_a_coarse_timer, r"coarse timer: steps of 2 ms are 2% of a run \(n=420\)"),
    ],
)
def test_what_speaks_against_a_figure_is_told_with_its_n(planted, doubt):
    ticks = [planted(noisy(seed, spread=0.01), seed) for seed in range(6)]
    doubts = latency_of(windows(*ticks)).doubts
    assert any(re.search(doubt, text) for text in doubts), doubts


def test_a_clock_that_changed_is_told():
    slow = windows(noisy(1), hz=1_000_000)
    fast = windows(noisy(2), hz=2_000_000)
    doubts = latency_of([*slow, *fast]).doubts
    assert "the clock changed between the windows: 1 MHz, 2 MHz" in doubts


def test_instructions_that_differ_from_run_to_run_are_told():
    basis = TimeBasis.EMULATED_INSTRUCTIONS
    assert latency_of(windows([7, 7, 7], basis=basis, hz=None)).doubts == ()
    (doubt,) = latency_of(windows([7000, 7001], basis=basis, hz=None)).doubts
    assert doubt == (
        "instructions differ from run to run: 7,000 to 7,001 (n=2); they count "
        "something beside the model"
    )


def test_runs_of_no_time_at_all_are_told():
    (doubt,) = latency_of(windows([10, 20, 30], overhead=100)).doubts
    assert doubt == "coarse timer: a run is shorter than its step of 10 us"


def test_windows_of_statistics_have_a_median_each_and_the_tools_step():
    told = [
        record(
            index,
            summary=TimingSummary(
                basis=TimeBasis.DEVICE_CLOCK,
                n=50,
                first_us=9,
                min_us=5,
                max_us=9,
                avg_us=6,
                median_us=6,
                resolution_us=1,
            ),
        )
        for index in range(6)
    ]
    assert windows_of(told) == [[6]] * 6
    latency = latency_of(told)
    assert latency.interval_over == "6 windows"
    assert latency.doubts == ("coarse timer: steps of 1 us are 17% of a run (n=300)",)
