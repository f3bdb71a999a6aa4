"""The baseline on this host: wanted or not, found or told why not."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.baseline import build_with_baseline, wants_baseline
from hil.bench.plan import AccuracyGate, PlannedModel
from hil.bench.variants import build_variants
from hil.errors import UnsupportedOp
from hil.results.run_folder import RunFolder

GATE = AccuracyGate(most_drop=0.01)


@pytest.fixture
def planned(digits):
    def make(*variants, dataset="digits_test.npz", metric="top1"):
        return PlannedModel(
            path=digits / "digits.tflite",
            dataset=digits / dataset if dataset else None,
            calibration=digits / "digits_calibration.npz",
            metric=metric,
            variants=variants,
        )

    return make


@pytest.fixture
def build(tmp_path):
    folder = RunFolder.create(tmp_path, "t")
    return lambda model: build_variants(model, folder, samples=50)


def test_it_is_wanted_where_something_is_held_to_it(planned):
    plain = AccuracyGate()
    assert wants_baseline(planned("int8"), plain)
    assert not wants_baseline(planned("as-is"), plain)
    assert wants_baseline(planned("as-is"), GATE)
    assert not wants_baseline(planned("int8", dataset=None), plain)
    assert not wants_baseline(planned("int8", metric="none"), plain)
    assert not wants_baseline(planned("int8"), AccuracyGate(baseline="int8"))


def test_the_model_as_it_is_is_run_on_the_same_samples(planned, build):
    variants, baseline = build_with_baseline(planned("int8"), AccuracyGate(), build)
    assert [v.artifact.variant for v in variants] == ["int8"]
    stored = baseline.scores
    assert (stored.model, stored.variant, stored.device) == ("digits", "as-is", None)
    assert stored.engine == "litert", "floats differ from litert-ref in the last bits"
    assert stored.scores.n == len(variants[0].samples) == 50
    assert np.array_equal(stored.scores.labels, variants[0].labels)


def test_its_answers_are_the_target_where_the_data_have_none(planned, build):
    model = planned("int8", metric="cosine")
    _, baseline = build_with_baseline(model, AccuracyGate(), build)
    assert baseline.scores is None
    assert baseline.target.rows.shape == (50, 10)
    assert baseline.target.name == "the outputs of as-is on litert"


@pytest.mark.shared
def test_a_quantized_model_is_run_by_the_kernels_that_define_the_answer(shared, build):
    model = PlannedModel(
        path=shared / "models/kws_ref_model.tflite",
        dataset=shared / "data/kws/kws01.npz",
        calibration=None,
        metric="top1",
        variants=("as-is",),
    )
    _, baseline = build_with_baseline(model, GATE, build)
    assert baseline.scores.engine == "litert-ref"


def test_a_baseline_that_nobody_asked_for_may_be_missing(planned, build):
    def refuse(model):
        if "as-is" in model.variants:
            raise UnsupportedOp("litert has no kernel for WHIRL")
        return build(model)

    variants, baseline = build_with_baseline(planned("int8"), AccuracyGate(), refuse)
    assert [v.artifact.variant for v in variants] == ["int8"]
    assert baseline.problem == "litert has no kernel for WHIRL"
    with pytest.raises(UnsupportedOp, match="WHIRL"):
        build_with_baseline(planned("int8"), GATE, refuse)
