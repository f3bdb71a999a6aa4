"""QAT beside plain quantization: what the paired test says in words."""

from __future__ import annotations

import numpy as np
import pytest

from hil.accuracy.comparison import compare
from hil.accuracy.datasets import load_dataset
from hil.accuracy.metrics import find_metric
from hil.accuracy.sample_scores import SampleScores
from hil.errors import ConfigError, WrongQuantization
from hil.quantization.calibration import CalibrationData
from hil.quantization.qat.qat import require_int8
from hil.quantization.qat.versus import stand, verdict
from hil.quantization.quantize import quantize
from hil.quantization.recipes import LayerRule, find_recipe


@pytest.fixture(scope="module")
def models(digits):
    data = (digits / "digits.tflite").read_bytes()
    x = load_dataset(digits / "digits_calibration.npz").x
    samples = CalibrationData(name="calibration", x=x)
    made = quantize(data, find_recipe("int8"), samples, where="digits")
    return {"float": data, "ptq-int8": made.data}


def compared(lost, gained, n):
    before, after = np.ones(n, np.bool_), np.ones(n, np.bool_)
    after[:lost] = False
    before[lost : lost + gained] = False
    scores = [
        SampleScores(metric=find_metric("top1"), n=n, hits=hits)
        for hits in (before, after)
    ]
    return compare(scores[0], scores[1:])[0]


def test_a_difference_that_the_samples_do_not_show_is_undecidable():
    said = verdict("qat", "ptq-int8", compared(4, 6, 200))
    assert said.startswith(
        "qat is not shown to be better or worse than ptq-int8: undecidable with "
        "n = 200, which would find a difference of 4.62 points; about "
    )
    needed = int(said.rpartition("about ")[2].split()[0].replace(",", ""))
    assert 2 * 200 < needed < 100 * 200


def test_samples_of_which_one_differs_find_a_difference_that_they_could_have_shown():
    said = verdict("qat", "ptq-int8", compared(1, 0, 400))
    assert "would find a difference of 1.96 points; about 6,248 samples" in said
    said = verdict("qat", "ptq-int8", compared(0, 0, 5))
    assert said.endswith("undecidable with n = 5")


def test_no_difference_at_all_names_no_number_of_samples():
    said = verdict("qat", "ptq-int8", compared(2, 2, 200))
    assert "undecidable with n = 200" in said
    assert "about" not in said


@pytest.mark.parametrize(
    ("lost", "gained", "says"),
    [
        (2, 30, "qat is better than ptq-int8 by 2.80 points"),
        (30, 2, "qat is worse than ptq-int8 by 2.80 points"),
    ],
)
def test_a_difference_that_is_shown_is_told(lost, gained, says):
    assert verdict("qat", "ptq-int8", compared(lost, gained, 1000)) == says


def test_models_stand_side_by_side_on_the_reference_kernels(models, digits):
    dataset = load_dataset(digits / "digits_test.npz")
    standing = stand(models, dataset, (("ptq-int8", "float"),))
    assert {name: each.correct for name, each in standing.ratings.items()} == {
        "float": 493,
        "ptq-int8": 493,
    }
    (row,) = standing.versus
    assert (row.comparison.n, row.comparison.p_holm) == (500, 1.0)
    assert "undecidable with n = 500" in row.verdict


def test_a_dataset_without_labels_is_refused(models, digits, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, x=load_dataset(digits / "digits_test.npz").x)
    with pytest.raises(ConfigError, match="the test needs labels"):
        stand(models, load_dataset(path), ())


def test_a_model_that_stayed_float_is_refused_with_its_operators(models):
    require_int8(models["ptq-int8"], where="m as qat")
    with pytest.raises(WrongQuantization) as caught:
        require_int8(models["float"], where="m as qat")
    told = str(caught.value)
    assert "the fine-tuned model is not int8 throughout" in told
    assert "float32; float: CONV_2D" in told
    assert "a FakeQuant is missing there" in told


def test_one_operator_that_stayed_float_is_refused_by_its_name(models, digits):
    rule = LayerRule(pattern="digits_1/wide_1/Relu", activations="float32")
    recipe = find_recipe("int8").with_rules((rule,))
    x = load_dataset(digits / "digits_calibration.npz").x
    samples = CalibrationData(name="calibration", x=x)
    mixed = quantize(models["float"], recipe, samples, where="digits").data
    with pytest.raises(WrongQuantization) as caught:
        require_int8(mixed, where="m as qat")
    told = str(caught.value)
    assert "found:   mixed" in told
    assert "float: " in told
