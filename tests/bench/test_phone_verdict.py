"""What a phone's windows say of its figures, from the evidence of their records."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hil.accuracy.gate import Gate, Outcome
from hil.accuracy.metrics import find_metric
from hil.accuracy.sample_scores import SampleScores
from hil.bench.judge import Judge
from hil.bench.phone_stop import EarlyStop, compare_stopped, stopped
from hil.bench.phone_verdict import phone_doubts, throttled
from hil.bench.summary import summarize
from hil.bench.variants import Variant
from hil.profiles import find_profile
from hil.vocab import (
    Job,
    Measurement,
    ModelArtifact,
    RunRecord,
    RunStatus,
    TargetKind,
    TimeBasis,
    TimingSummary,
)


def _record(
    window: int, median_us: float, *, verdict: str = "valid", reasons: object = ()
) -> RunRecord:
    return RunRecord(
        schema=1,
        run="r",
        job_id=f"j{window}",
        model="m",
        variant="v",
        device="d",
        kind=TargetKind.PHONE,
        window=window,
        status=RunStatus.OK,
        started_utc="2026-01-01T00:00:00.000+00:00",
        seconds=1.0,
        model_sha256="0" * 64,
        size_bytes=1,
        time_basis=TimeBasis.DEVICE_CLOCK,
        summary=TimingSummary(
            basis=TimeBasis.DEVICE_CLOCK,
            n=50,
            first_us=median_us,
            min_us=median_us,
            max_us=median_us,
            avg_us=median_us,
            median_us=median_us,
            resolution_us=1.0,
        ),
        evidence={"window": {"verdict": verdict, "reasons": reasons}},
    )


def test_windows_that_agree_within_five_percent_are_in_no_doubt() -> None:
    assert phone_doubts([_record(0, 1000), _record(1, 1050)]) == ()
    assert phone_doubts([_record(0, 10), _record(1, 11)]) == ()  # the tool's step
    assert phone_doubts([_record(0, 1000)]) == ()


def test_windows_that_differ_by_more_are_unstable_and_the_row_says_so() -> None:
    records = [_record(0, 1000), _record(1, 1100)]
    told = (
        "unstable: the windows' medians differ by 10%, more than 5% (1000 to 1100 us)"
    )
    assert phone_doubts(records) == (told,)
    (result,) = summarize(records)
    assert result.latency is not None
    assert told in result.latency.doubts


def test_windows_that_ended_before_what_was_asked_are_told() -> None:
    whole, short = _record(0, 1000.0), _record(1, 1000.0)
    told = {"verdict": "valid", "short": "9 runs in 2 s, of at least 20 runs and 0 s"}
    short = dataclasses.replace(short, evidence={"window": told})
    (doubt,) = phone_doubts([whole, short])
    assert doubt == (
        "short: 1 of 2 windows ended at their time limit, 9 runs in 2 s, of at least "
        "20 runs and 0 s; raise timeout_seconds, or ask for less"
    )


def test_a_disturbed_window_is_told_with_its_first_reasons() -> None:
    reasons = ["other programs kept the other cores 60% busy", "\x1b[2J"]
    shaky = _record(1, 1000, verdict="unstable", reasons=reasons)
    (told,) = phone_doubts([_record(0, 1000), shaky])
    assert told == (
        "unstable: 1 of 2 windows were disturbed, window 1: other programs kept the "
        "other cores 60% busy; \\x1b[2J"
    )


@pytest.mark.parametrize(
    ("window", "told"),
    [
        ({"verdict": "throttled", "reasons": ["hot", "slow"]}, "hot; slow"),
        ({"verdict": "throttled", "reasons": None}, "the phone was throttled"),
        ({"verdict": "unstable", "reasons": ["x"]}, None),
        ("text", None),
    ],
)
def test_a_throttled_window_is_one_by_its_evidence(
    window: object, told: str | None
) -> None:
    assert throttled({"window": window}) == told
    assert throttled({}) is None


@pytest.fixture
def variant() -> Variant:
    samples = np.zeros((400, 1), np.float32)
    return Variant(
        artifact=ModelArtifact(
            name="m",
            variant="v",
            path=Path("m.tflite"),
            sha256="0" * 64,
            size_bytes=1,
            ops=(),
        ),
        data=b"",
        label="float",
        metric="top1",
        probe=samples[:1],
        samples=samples,
        labels=np.zeros(400, np.int64),
    )


@pytest.fixture
def job(variant: Variant) -> Job:
    return Job(
        id="j",
        model=variant.artifact,
        device=find_profile("emulated-phone"),
        window=0,
        warmup=0,
        min_runs=1,
        min_seconds=0,
        probe=variant.probe,
        samples=variant.samples,
    )


def test_a_throttled_measurement_keeps_its_figures_and_its_status_tells(
    job: Job, variant: Variant
) -> None:
    measured = Measurement(
        engine="benchmark_model",
        evidence={"window": {"verdict": "throttled", "reasons": ["hot"]}},
    )
    verdict = Judge().judge(job, variant, measured)
    assert (verdict.status, verdict.problem) == (RunStatus.THROTTLED, "hot")


def _scores(hits: np.ndarray) -> SampleScores:
    return SampleScores(metric=find_metric("top1"), n=len(hits), hits=hits)


def test_samples_stop_when_the_paired_test_is_decided_and_not_before(
    monkeypatch: pytest.MonkeyPatch, job: Job, variant: Variant
) -> None:
    gate = Gate(most_drop=0.05)
    right = np.ones(400, np.bool_)
    monkeypatch.setattr(
        "hil.bench.phone_stop.score_answers", lambda rows, _: _scores(rows[:, 0] > 0)
    )
    stop = EarlyStop([variant], {"m": _scores(right)}, gate)
    good = np.ones((400, 1))
    assert not stop(job, good[:20])
    assert stop(job, good[:200])  # nothing lost in so many: within the limit
    assert stop(job, np.zeros((30, 1)))  # all lost
    assert not EarlyStop([variant], {"m": _scores(right)}, None)(job, good)
    assert not EarlyStop([variant], {}, gate)(job, good)


def test_what_stopped_early_is_judged_by_the_test_that_stopped_it() -> None:
    gate = Gate(most_drop=0.05)
    baseline = _scores(np.ones(400, np.bool_))
    part = _scores(np.ones(200, np.bool_))
    assert stopped(baseline, part, gate)
    assert not stopped(baseline, part, None)
    assert not stopped(baseline, baseline, gate)
    found = compare_stopped(baseline, part, gate=gate, confidence=0.95)
    assert (found.n, found.gate.outcome) == (200, Outcome.PASSED)
    few = compare_stopped(
        baseline, _scores(np.ones(20, np.bool_)), gate=gate, confidence=0.95
    )
    assert few.gate.outcome is Outcome.UNDECIDABLE
