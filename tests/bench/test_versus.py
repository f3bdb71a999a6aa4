"""Scores of a run to comparisons: who is held to whom, and what a gate makes of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hil.accuracy.gate import Outcome
from hil.accuracy.metrics import find_metric
from hil.accuracy.sample_scores import SampleScores
from hil.bench.plan import AccuracyGate
from hil.bench.versus import report_accuracy
from hil.results.scores import StoredScores
from hil.vocab import AccuracyCount, RunRecord, RunStatus, TargetKind, TimeBasis

N = 1000
POINT = AccuracyGate(most_drop=0.01)


def stored(variant="int8", device="mcu", wrong=0, model="m"):
    hits = np.ones(N, np.bool_)
    hits[:wrong] = False
    return StoredScores(
        model=model,
        variant=variant,
        device=device,
        engine="litert" if device is None else "tflm",
        scores=SampleScores(metric=find_metric("top1"), n=N, hits=hits),
    )


def record(variant="int8", device="mcu", wrong=None, **changes):
    values = {
        "schema": 1,
        "run": "r",
        "job_id": "j",
        "model": "m",
        "variant": variant,
        "device": device,
        "kind": TargetKind.EMULATED_MCU,
        "window": 0,
        "status": RunStatus.OK,
        "started_utc": "2026-01-01T00:00:00.000+00:00",
        "seconds": 0.5,
        "model_sha256": "ab" * 32,
        "size_bytes": 1000,
        "time_basis": TimeBasis.HOST_CLOCK,
    }
    if wrong is not None:
        values["accuracy"] = AccuracyCount(
            metric="top1", n=N, correct=N - wrong, wrong=tuple(range(wrong))
        )
    return RunRecord(**(values | changes))


def test_each_variant_is_held_to_the_model_as_it_is_on_this_host():
    report = report_accuracy(
        [stored("as-is", None, 10), stored(wrong=60), stored("int4", "phone", 12)],
        [],
        AccuracyGate(),
    )
    mcu, phone = report.versus
    assert (mcu.variant, mcu.device) == ("int8", "mcu")
    assert mcu.baseline == phone.baseline == "as-is on litert, this host"
    assert (mcu.comparison.lost, phone.comparison.lost) == (50, 2)
    assert mcu.comparison.gate is None
    assert report.ratings["m", "as-is", None].value == 0.99
    assert report.passed, "without a gate nothing can break it"


def test_a_named_baseline_is_that_variant_on_the_same_device():
    gate = AccuracyGate(baseline="int8")
    rows = [stored(wrong=5), stored("int4", wrong=9), stored("int4", "phone", 9)]
    report = report_accuracy([stored("as-is", None), *rows], [], gate)
    (found,) = report.versus
    assert (found.variant, found.baseline) == ("int4", "int8 on mcu")
    assert found.comparison.lost == 4


def test_holm_counts_the_variants_of_one_model_on_one_device():
    rows = [stored(name, wrong=6) for name in ("int8", "int4")]
    report = report_accuracy(
        [stored("as-is", None), *rows, stored("int8", "phone", 6)], [], AccuracyGate()
    )
    one, two, alone = (v.comparison for v in report.versus)
    assert alone.p_holm == alone.p_value == one.p_value
    assert one.p_holm == two.p_holm == 2 * one.p_value


@pytest.mark.parametrize(
    ("wrong", "outcome", "passed", "tolerant"),
    [
        (0, Outcome.PASSED, True, True),
        (6, Outcome.UNDECIDABLE, False, True),
        (60, Outcome.FAILED, False, False),
    ],
)
def test_a_gate_holds_only_where_it_is_passed(wrong, outcome, passed, tolerant):
    scores = [stored("as-is", None), stored(wrong=wrong)]
    report = report_accuracy(scores, [record()], POINT)
    assert report.versus[0].comparison.gate.outcome is outcome
    assert report.passed is passed
    lenient = dataclasses.replace(POINT, accept_undecidable=True)
    assert report_accuracy(scores, [record()], lenient).passed is tolerant


def test_a_row_without_a_baseline_leaves_the_gate_open():
    gate = dataclasses.replace(POINT, baseline="as-is")
    rows = [stored("int8", "phone"), stored("as-is", "phone"), stored()]
    records = [record(), record(device="phone"), record("as-is", "phone")]
    report = report_accuracy(rows, records, gate)
    assert report.undecided == ("int8 on mcu",)
    assert not report.passed
    assert report_accuracy([], [record()], POINT).undecided == ("int8 on mcu",)
    assert report_accuracy([], [record()], AccuracyGate()).undecided == ()


def test_what_did_not_run_is_no_question_of_accuracy():
    failed = record("int4", status=RunStatus.UNSUPPORTED_OP)
    report = report_accuracy(
        [stored("as-is", None), stored()], [record(), failed], POINT
    )
    assert report.passed


def test_records_of_earlier_versions_are_compared_by_their_wrong_samples():
    records = [record("as-is", wrong=10), record(wrong=60), record(window=1)]
    (found,) = report_accuracy([], records, AccuracyGate()).versus
    assert (found.variant, found.baseline) == ("int8", "as-is on mcu")
    assert (found.comparison.lost, found.comparison.gained) == (50, 0)


def test_models_are_never_held_to_each_other():
    report = report_accuracy(
        [stored("as-is", None, model="a"), stored(model="b")], [], AccuracyGate()
    )
    assert report.versus == ()
