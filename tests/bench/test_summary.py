"""Records to rows: pooled windows, failures without speeds, nothing invented."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil.bench.summary import summarize
from hil.vocab import (
    AccuracyCount,
    Agreement,
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
    TimingSummary,
)


def record(window=0, **changes):
    values = {
        "schema": 1,
        "run": "r",
        "job_id": f"m.int8.d.{window}",
        "model": "m",
        "variant": "int8",
        "device": "d",
        "kind": TargetKind.EMULATED_MCU,
        "window": window,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.HOST_CLOCK,
        "engine": "tflm",
    }
    return RunRecord(**(values | changes))


def ticks(*invoke_ticks, overhead=0, hz=1_000_000_000, basis=TimeBasis.HOST_CLOCK):
    return Timing(
        basis=basis, tick_hz=hz, invoke_ticks=invoke_ticks, overhead_ticks=overhead
    )


def test_windows_of_one_variant_on_one_device_are_pooled():
    (row,) = summarize(
        [
            record(0, timing=ticks(1000, 2000, 3000)),
            record(1, timing=ticks(4000, 5000, 6000)),
        ]
    )
    assert row.windows == 2
    assert (row.latency.n, row.latency.median) == (6, 3.5)
    assert (row.latency.low, row.latency.high) == (1, 6)
    assert (row.latency.min, row.latency.max) == (1, 6)


def test_the_cost_of_the_timer_is_taken_off_and_never_below_zero():
    (row,) = summarize([record(timing=ticks(1000, 5000, overhead=2000))])
    assert (row.latency.min, row.latency.max) == (0, 3)


def test_few_values_have_no_interval():
    (row,) = summarize([record(timing=ticks(1000, 2000))])
    assert row.latency.low is None
    assert row.latency.high is None


def test_instructions_stay_instructions():
    basis = TimeBasis.EMULATED_INSTRUCTIONS
    timing = ticks(7_700_000, hz=None, basis=basis)
    (row,) = summarize([record(timing=timing, time_basis=basis)])
    assert (row.latency.basis, row.latency.median) == (basis, 7_700_000)


def test_ticks_without_a_rate_are_no_time():
    (row,) = summarize([record(timing=ticks(1000, hz=None))])
    assert row.latency is None


def test_windows_of_statistics_give_a_median_and_no_90th_percentile():
    medians = [10.0, 12.0, 11.0, 13.0, 9.0, 14.0]
    rows = [
        record(
            w,
            summary=TimingSummary(
                basis=TimeBasis.HOST_CLOCK,
                n=50,
                first_us=20,
                min_us=m - 1,
                max_us=m + 5,
                avg_us=m,
                median_us=m,
                p95_us=m + 2,
                resolution_us=1,
            ),
        )
        for w, m in enumerate(medians)
    ]
    (row,) = summarize(rows)
    latency = row.latency
    assert (latency.n, latency.median, latency.p90) == (300, 11.5, None)
    assert latency.p95 == 16
    assert (latency.low, latency.high) == (9, 15), "what was cut off is added"
    assert (latency.min, latency.max) == (8, 19)


def test_a_printed_95th_percentile_of_five_runs_is_none():
    summary = TimingSummary(
        basis=TimeBasis.HOST_CLOCK,
        n=5,
        first_us=20,
        min_us=9,
        max_us=15,
        avg_us=10,
        median_us=10,
        p95_us=15,  # the largest of five: what it prints of so few
        resolution_us=1,
    )
    enough = [replace(summary, n=n) for n in (35, 36)]
    (row,) = summarize([record(0, summary=summary)])
    assert row.latency.p95 is None
    (row,) = summarize([record(w, summary=each) for w, each in enumerate(enough)])
    assert row.latency.p95 is None
    (row,) = summarize([record(w, summary=enough[1]) for w in range(2)])
    assert row.latency.p95 == 15


def test_a_tool_without_percentiles_has_its_mean_told_and_called_one():
    def told(*means):
        statistics = (
            TimingSummary(
                basis=TimeBasis.DEVICE_CLOCK,
                n=50,
                first_us=mean,
                min_us=mean - 1,
                max_us=mean + 1,
                avg_us=mean,
                resolution_us=1,
            )
            for mean in means
        )
        rows = [record(w, summary=summary) for w, summary in enumerate(statistics)]
        (row,) = summarize(rows)
        assert row.latency.median is None
        return row.latency.doubts

    head = "no median: the tool is too old to print one; the windows' mean is"
    assert told(1500.0) == (f"{head} 1.50 ms",)
    assert told(1500.0, 1520.0) == (f"{head} 1.50 ms to 1.52 ms",)


def test_a_failed_window_takes_the_speed_of_the_row_away():
    (row,) = summarize(
        [
            record(0, timing=ticks(1000)),
            record(1, status=RunStatus.WRONG_OUTPUT, problem="answers differ"),
        ]
    )
    assert (row.status, row.problem) == (RunStatus.WRONG_OUTPUT, "answers differ")
    assert row.latency is None


def test_different_variants_and_devices_stay_apart():
    rows = summarize(
        [record(), record(variant="float16"), record(device="other"), record(model="n")]
    )
    assert len(rows) == 4


def test_memory_is_the_largest_seen():
    (row,) = summarize(
        [
            record(0, memory={"peak_rss_bytes": 5}),
            record(1, memory={"peak_rss_bytes": 7, "arena_bytes": 3}),
        ]
    )
    assert row.memory == {"peak_rss_bytes": 7, "arena_bytes": 3}


def test_accuracy_gets_its_wilson_interval():
    counted = AccuracyCount(metric="top1", n=1000, correct=902, wrong=())
    agreed = Agreement(reference="tflm", n=1000, identical=1000)
    (row,) = summarize([record(0, accuracy=counted, agreement=agreed), record(1)])
    assert row.accuracy.value == 0.902
    assert row.accuracy.low == pytest.approx(0.882, abs=5e-4)
    assert row.accuracy.high == pytest.approx(0.919, abs=5e-4)
    assert row.agreement == agreed


def test_retries_of_all_windows_are_told():
    (row,) = summarize([record(0, retries=("a",)), record(1, retries=("b", "c"))])
    assert row.retries == ("a", "b", "c")


def test_no_records_give_no_rows():
    assert summarize([]) == []
