"""Windows of a run are found in a trace, and make a figure with its interval."""

from __future__ import annotations

import numpy as np
import pytest

from hil.errors import ConfigError
from hil.results.energy import Basis, measured_energy
from hil.results.energy_trace import EnergyTrace, trace_of_energy, trace_of_power
from hil.vocab import (
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    Timing,
    TimingSummary,
)

EPOCH = 1_767_225_600.0  # 2026-01-01T00:00:00Z
TICK_HZ = 1_000_000


def _record(second=0, *, runs=10, ticks=100_000, **changes):
    """A job of 5 s that began at *second*; by the device its window took 1 s."""
    values = {
        "schema": 1,
        "run": "x",
        "job_id": f"digits.int8.board.{second}",
        "model": "digits",
        "variant": "int8",
        "device": "board",
        "kind": TargetKind.MCU,
        "window": 0,
        "status": RunStatus.OK,
        "started_utc": f"2026-01-01T00:00:{second:02}.000+00:00",
        "seconds": 5.0,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.DEVICE_CLOCK,
        "timing": Timing(
            basis=TimeBasis.DEVICE_CLOCK, tick_hz=TICK_HZ, invoke_ticks=(ticks,) * runs
        ),
    }
    return RunRecord(**(values | changes))


def _steps(levels, *, start=0.0, events=()):
    """A trace of 1 kHz with a level of milliwatts for each second."""
    milliwatts = np.repeat(np.array(levels, dtype=float), 1000)
    joules = np.concatenate(([0.0], np.cumsum(milliwatts * 1e-6)))
    seconds = start + np.arange(len(joules)) / 1000
    made = trace_of_energy("trace", seconds, joules, events=events)
    return made.shifted(0.0, is_absolute=start > 0)


def test_a_window_between_two_edges_is_counted_exactly():
    trace = _steps([1, 20, 1], events=(1.0, 2.0))
    (figure,) = measured_energy([_record()], [trace])
    assert figure.median_uj == pytest.approx(2000)  # 20 mW for 0.1 s
    (window,) = figure.windows
    assert (window.basis, window.inferences) == (Basis.EDGES, 10)
    assert window.milliwatts == pytest.approx(20)
    assert (figure.low_uj, figure.high_uj, figure.confidence) == (None, None, None)


def test_the_window_of_a_device_of_mlperf_tiny_is_as_long_as_all_its_inferences():
    record = _record(
        timing=Timing(
            basis=TimeBasis.DEVICE_CLOCK,
            tick_hz=1_000_000 * 50,
            invoke_ticks=(1_000_000,),
        ),
        evidence={"protocol": "mlperf", "window_inferences": 50},
    )
    by_edges = _steps([1, 20, 1], events=(1.0, 2.0))
    by_clock = _steps([1, 1, 20, 1, 1, 1, 1], start=EPOCH - 1)
    for trace in (by_edges, by_clock):
        (figure,) = measured_energy([record], [trace])
        (window,) = figure.windows
        assert window.end - window.begin == pytest.approx(1.0)
        assert window.inferences == 50
        assert figure.median_uj == pytest.approx(400)  # 20 mW for 20 ms


def test_edges_of_the_boot_and_between_windows_are_passed_over():
    trace = _steps([1] * 8, events=(0.1, 0.2, 1.0, 2.0, 5.0, 6.01))
    (figure,) = measured_energy([_record(10), _record(20)], [trace])
    assert [w.begin for w in figure.windows] == [1.0, 5.0]
    assert [w.end for w in figure.windows] == [2.0, 6.01]


def test_a_pause_that_is_nearly_as_long_as_a_window_is_none():
    # As in a published submission: 10.67 s of windows, pauses 4 % shorter or longer.
    edges = (0.006, 1.042, 2.042, 3.001, 4.001, 4.961, 5.961)
    trace = _steps([1] * 6, events=edges)
    (figure,) = measured_energy([_record(s) for s in (0, 10, 20)], [trace])
    assert [window.begin for window in figure.windows] == [1.042, 3.001, 4.961]


def test_no_edge_belongs_to_two_windows():
    trace = _steps([1] * 3, events=(0.0, 1.0, 2.0))
    with pytest.raises(ConfigError, match="no two edges") as caught:
        measured_energy([_record(0), _record(10)], [trace])
    assert caught.value.where == "digits.int8.board.10"


def test_each_window_may_have_a_trace_of_its_own():
    traces = [_steps([1, level], events=(1.0, 2.0)) for level in (10, 30, 20)]
    (figure,) = measured_energy([_record(s) for s in (0, 10, 20)], traces)
    assert [w.uj_per_inference for w in figure.windows] == pytest.approx(
        [1000, 3000, 2000]
    )
    assert figure.median_uj == pytest.approx(2000)


def test_edges_that_fit_no_window_are_refused():
    trace = _steps([1] * 4, events=(1.0, 2.2))
    with pytest.raises(ConfigError, match="no two edges") as caught:
        measured_energy([_record()], [trace])
    assert caught.value.found == "1.000 s by the device"


def test_without_edges_the_stretch_with_most_energy_in_the_job_is_taken():
    trace = _steps([50, 1, 1, 20, 1, 1, 1], start=EPOCH - 1)
    (figure,) = measured_energy([_record(0)], [trace])
    (window,) = figure.windows
    assert window.basis is Basis.STRETCH
    assert window.begin == pytest.approx(EPOCH + 2)  # not what was before the job
    assert figure.median_uj == pytest.approx(2000)


def test_a_trace_without_edges_and_unix_time_is_refused():
    with pytest.raises(ConfigError, match="neither edges nor Unix time") as caught:
        measured_energy([_record()], [_steps([1] * 9)])
    assert caught.value.remedy.startswith("--begins")


def test_a_trace_that_covers_half_a_job_is_refused_with_both_times():
    trace = _steps([1] * 3, start=EPOCH)
    with pytest.raises(ConfigError, match="no trace covers the job") as caught:
        measured_energy([_record(0)], [trace])
    assert caught.value.allowed == (
        "2026-01-01T00:00:00.000+00:00 to 2026-01-01T00:00:05.000+00:00"
    )


def test_a_meter_that_is_on_another_clock_by_ages_is_told_in_seconds():
    trace = _steps([1] * 9, start=1e12)
    with pytest.raises(ConfigError, match="no trace covers the job") as caught:
        measured_energy([_record(0)], [trace])
    assert caught.value.found == "1e+12 s to 1e+12 s"


@pytest.mark.parametrize("milliwatts", [-20, 0])
def test_a_window_without_energy_is_refused(milliwatts):
    trace = _steps([1, milliwatts, 1], events=(1.0, 2.0))
    with pytest.raises(ConfigError, match="no energy in the window") as caught:
        measured_energy([_record()], [trace])
    assert caught.value.allowed == "more than 0 uJ"


def test_a_job_whose_clock_saw_no_time_is_left_out():
    trace = _steps([1, 20, 1], events=(1.0, 2.0))
    (figure,) = measured_energy([_record(ticks=0), _record(10)], [trace])
    assert len(figure.windows) == 1


def test_a_window_longer_than_its_job_is_refused():
    trace = _steps([1] * 9, start=EPOCH)
    with pytest.raises(ConfigError, match="longer than its job"):
        measured_energy([_record(0, ticks=600_000)], [trace])


def test_edges_outside_of_the_trace_are_refused():
    trace = _steps([1, 1], events=(1.5, 2.5))
    with pytest.raises(ConfigError, match="does not cover the window"):
        measured_energy([_record()], [trace])


def test_instructions_and_failed_jobs_have_no_energy():
    counted = Timing(basis=TimeBasis.EMULATED_INSTRUCTIONS, invoke_ticks=(5, 5))
    records = [_record(timing=counted), _record(status=RunStatus.CRASHED)]
    with pytest.raises(ConfigError, match="no window that a trace") as caught:
        measured_energy(records, [_steps([1] * 9)])
    assert "instructions are no time" in caught.value.remedy


def test_a_tool_s_summary_says_how_long_its_window_was():
    summary = TimingSummary(
        basis=TimeBasis.DEVICE_CLOCK,
        n=20,
        first_us=5e4,
        min_us=5e4,
        max_us=5e4,
        avg_us=5e4,
    )
    trace = _steps([1, 20, 1], events=(1.0, 2.0))
    (figure,) = measured_energy([_record(timing=None, summary=summary)], [trace])
    assert figure.median_uj == pytest.approx(1000)


@pytest.mark.parametrize(
    ("windows", "rank", "confidence"),
    [(2, 0, 0.5), (5, 0, 0.9375), (6, 0, 0.96875), (9, 1, 0.9609375)],
)
def test_the_interval_is_of_order_statistics_and_tells_its_coverage(
    windows, rank, confidence
):
    levels = list(range(10, 10 + windows))
    paused = [level for each in levels for level in (each, 1)]
    trace = _steps(paused, events=tuple(float(i) for i in range(2 * windows)))
    (figure,) = measured_energy([_record(i) for i in range(windows)], [trace])
    assert figure.confidence == confidence
    assert figure.low_uj == pytest.approx(100 * levels[rank])
    assert figure.high_uj == pytest.approx(100 * levels[-1 - rank])


def test_models_and_devices_are_kept_apart():
    trace = _steps([10, 1, 20], events=(0.0, 1.0, 2.0, 3.0))
    records = [_record(0), _record(1, device="other")]
    figures = measured_energy(records, [trace])
    assert [(f.place, round(f.median_uj)) for f in figures] == [
        ("board", 1000),
        ("other", 2000),
    ]


def test_power_is_straight_between_samples():
    trace = trace_of_power("x", np.array([0.0, 1.0]), np.array([0.0, 2e-6]))
    assert isinstance(trace, EnergyTrace)
    assert trace.energy_uj(0.0, 1.0) == pytest.approx(1.0)
