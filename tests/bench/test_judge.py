"""The judge on the real digits model and real engines."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hil.accuracy.distance import real_rows
from hil.accuracy.rating import rate
from hil.accuracy.sample_scores import Target
from hil.bench.jobs import plan_jobs
from hil.bench.judge import Judge, make_engine, reference_engine
from hil.bench.plan import Measure, PlannedModel
from hil.bench.variants import build_variants
from hil.errors import ConfigError, ModelError
from hil.profiles import find_profile
from hil.results.run_folder import RunFolder
from hil.vocab import Measurement, RunStatus

SAMPLES = 60


@pytest.fixture(scope="module")
def variant(digits, tmp_path_factory):
    planned = PlannedModel(
        path=digits / "digits.tflite",
        dataset=digits / "digits_test.npz",
        calibration=digits / "digits_calibration.npz",
        metric="top1",
        variants=("int8",),
    )
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "t")
    return build_variants(planned, folder, samples=SAMPLES)[0]


@pytest.fixture(scope="module")
def job(variant):
    device = find_profile("emulated-mcu")
    return next(plan_jobs([variant], [device], Measure()))[1]


@pytest.fixture(scope="module")
def right(variant):
    engine = make_engine("tflm")
    engine.load(variant.data)
    return np.stack([engine.invoke([row[None]])[0][0] for row in variant.samples])


def judged(job, variant, outputs=None, probe_output=None):
    measurement = Measurement(engine="tflm", outputs=outputs, probe_output=probe_output)
    return Judge().judge(job, variant, measurement)


def test_each_device_is_held_against_the_engine_that_runs_on_it():
    mcu = find_profile("emulated-mcu")
    assert reference_engine(mcu) == "tflm"
    compiled = find_profile("emulated-mcu", overrides=['firmware.engine="compiled"'])
    assert reference_engine(compiled) == "litert-ref"
    assert reference_engine(find_profile("emulated-phone")) == "litert"


def test_right_answers_are_counted_and_agree_to_the_bit(job, variant, right):
    verdict = judged(job, variant, right, right[:1])
    assert verdict.status is RunStatus.OK
    assert verdict.agreement.identical == SAMPLES
    assert verdict.agreement.max_lsb == 0
    assert verdict.accuracy.n == SAMPLES
    labels = variant.labels[:SAMPLES]
    wrong = np.flatnonzero(right.argmax(axis=1) != labels)
    assert verdict.accuracy.wrong == tuple(wrong)
    assert verdict.accuracy.correct == SAMPLES - len(wrong)


def test_the_worth_of_each_sample_is_kept_for_paired_tests(job, variant, right):
    kept = []
    judge = Judge(keep=kept.append)
    measurement = Measurement(engine="tflm", outputs=right, probe_output=right[:1])
    verdict = judge.judge(job, variant, measurement)
    (stored,) = kept
    assert (stored.model, stored.variant) == ("digits", "int8")
    assert (stored.device, stored.engine) == ("emulated-mcu", "tflm")
    wrong = np.flatnonzero(~stored.scores.hits)
    assert tuple(wrong) == verdict.accuracy.wrong
    assert np.array_equal(stored.scores.labels, variant.labels[:SAMPLES])


@pytest.mark.parametrize("metric", ["macro-f1", "auc", "cosine"])
def test_other_metrics_are_kept_and_count_nothing(job, variant, right, metric):
    kept = []
    rows = real_rows(right, scale=1 / 256, zero_point=-128)
    judge = Judge(
        keep=kept.append, targets={"digits": Target(rows=rows, name="the float model")}
    )
    other = dataclasses.replace(variant, metric=metric)
    measurement = Measurement(engine="tflm", outputs=right, probe_output=None)
    verdict = judge.judge(job, other, measurement)
    assert (verdict.status, verdict.accuracy) == (RunStatus.OK, None)
    found = rate(kept[0].scores)
    assert found.metric == metric
    assert 0.85 < found.low <= found.value <= found.high <= 1 + 1e-9


def test_an_unknown_host_engine_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="unknown host engine") as caught:
        make_engine("tfml")
    assert caught.value.allowed == "litert, litert-builtin, litert-ref, tflm"
    assert caught.value.remedy == "did you mean 'tflm'?"


def test_one_rounding_step_is_told_but_no_failure(job, variant, right):
    outputs = right.copy()
    outputs[0, 0] += 1 if outputs[0, 0] < 0 else -1
    verdict = judged(job, variant, outputs)
    assert verdict.status is RunStatus.OK
    assert (verdict.agreement.identical, verdict.agreement.max_lsb) == (SAMPLES - 1, 1)


def test_answers_to_an_overwritten_input_are_wrong(job, variant, right):
    verdict = judged(job, variant, np.roll(right, 1, axis=0))
    assert verdict.status is RunStatus.WRONG_OUTPUT
    assert f"of {SAMPLES} answers differ from tflm's" in verdict.problem
    assert verdict.accuracy.correct < SAMPLES / 2


def test_a_wrong_answer_after_the_timed_runs_is_found(job, variant, right):
    verdict = judged(job, variant, probe_output=np.roll(right[:1], 3, axis=1))
    assert verdict.status is RunStatus.WRONG_OUTPUT
    assert "after the timed runs the answer differs from tflm's" in verdict.problem


def test_without_samples_the_probe_alone_is_judged(job, variant, right):
    bare = dataclasses.replace(job, samples=None)
    verdict = judged(bare, variant, probe_output=right[:1])
    assert (verdict.status, verdict.accuracy) == (RunStatus.OK, None)


def test_a_single_value_is_judged_by_its_distance(shared, tmp_path):
    planned = PlannedModel(
        path=shared / "models/hello_world_float.tflite",
        dataset=None,
        calibration=None,
        metric="none",
        variants=("as-is",),
    )
    variant = build_variants(planned, RunFolder.create(tmp_path, "t"))[0]
    samples = np.linspace(0, 6, 50, dtype=np.float32).reshape(50, 1)
    variant = dataclasses.replace(variant, samples=samples, probe=samples[:1])
    (_, job), *_ = plan_jobs([variant], [find_profile("emulated-mcu")], Measure())
    engine = make_engine("tflm")
    engine.load(variant.data)
    right = np.stack([engine.invoke([row[None]])[0][0] for row in samples])
    assert judged(job, variant, right + np.float32(0.01)).status is RunStatus.OK
    assert (
        judged(job, variant, right + np.float32(0.5)).status is RunStatus.WRONG_OUTPUT
    )
    assert judged(job, variant, right * np.nan).status is RunStatus.WRONG_OUTPUT


def test_samples_are_held_out_for_calibration_where_no_data_is_named(digits, tmp_path):
    planned = PlannedModel(
        path=digits / "digits.tflite",
        dataset=digits / "digits_test.npz",
        calibration=None,
        metric="top1",
        variants=("int8", "float16"),
    )
    int8, float16 = build_variants(planned, RunFolder.create(tmp_path, "t"))
    assert len(int8.samples) == len(float16.samples) == 400
    assert "first 100 samples" in int8.calibration
    assert float16.calibration is None
    with np.load(digits / "digits_test.npz") as data:
        assert np.array_equal(float16.labels, data["y"][100:])


def test_int8_without_any_data_says_what_is_needed(digits, tmp_path):
    planned = PlannedModel(
        path=digits / "digits.tflite",
        dataset=None,
        calibration=None,
        metric="top1",
        variants=("int8",),
    )
    with pytest.raises(ConfigError, match="int8 needs calibration data"):
        build_variants(planned, RunFolder.create(tmp_path, "t"))


def test_a_model_that_is_quantized_already_is_refused(shared, tmp_path):
    planned = PlannedModel(
        path=shared / "models/kws_ref_model.tflite",
        dataset=None,
        calibration=None,
        metric="top1",
        variants=("dynamic",),
    )
    with pytest.raises(ModelError, match="the model is quantized already"):
        build_variants(planned, RunFolder.create(tmp_path, "t"))
