"""Calibration on MLPerf Tiny's keyword spotting: the cases of the note, measured."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_quantizer.quantizer import Quantizer

from hil.errors import ConfigError, WrongQuantization
from hil.models.graph import read_graph
from hil.models.label import label
from hil.quantization.calibration import (
    CalibrationData,
    checked_extremes,
    measure_ranges,
)
from hil.quantization.calibrators import find_calibrator
from hil.quantization.check import check_result
from hil.quantization.operator_codes import with_operator_codes
from hil.quantization.preprocessing import check_preprocessing
from hil.quantization.quantize import _add_rules, _statistics, quantize
from hil.quantization.quiet import quiet
from hil.quantization.recipes import RECIPES
from hil.quantization.xray import examine

pytestmark = pytest.mark.shared
OUTLIER = 37


@pytest.fixture(scope="module", params=[4, 5])
def spoilt(request, kws_data):
    """A hundred stimuli, of which one is ten times too large."""
    x, _ = kws_data
    chosen = np.random.default_rng(request.param).choice(len(x), 100, replace=False)
    data = x[chosen].copy()
    data[OUTLIER] *= 10
    return data


@pytest.fixture(scope="module")
def int8(kws_model):
    def make(x, calibrator="minmax"):
        data = CalibrationData(name="c.npz", x=x)
        chosen = find_calibrator(calibrator)
        return quantize(
            kws_model, RECIPES["int8"], data, where="kws", calibrator=chosen
        ).data

    return make


def test_the_float_model_of_these_tests_is_float_and_as_good_as_its_source(
    kws_model, kws_data, labels_of
):
    x, y = kws_data
    assert label(read_graph(kws_model, "kws")).text == "float32"
    assert (labels_of(kws_model, x) == y).sum() == 901


def test_the_sample_ten_times_too_large_is_found_and_int8_recovers(
    kws_model, kws_data, labels_of, int8, spoilt
):
    """Float is 901 here, so a gain over it stands for the .91 of a .913 model."""
    x, y = kws_data
    model = with_operator_codes(kws_model)
    graph = read_graph(model, "kws")
    data = CalibrationData(name="c.npz", x=spoilt)
    xray = examine(checked_extremes(model, data, graph, where="kws"))
    assert [influence.sample for influence in xray.outliers] == [OUTLIER]
    assert xray.outliers[0].sets == 14
    before = labels_of(int8(spoilt), x) == y
    after = labels_of(int8(np.delete(spoilt, OUTLIER, axis=0)), x) == y
    assert before.sum() <= 890
    assert after.sum() >= 900
    gained, lost = (after & ~before).sum(), (before & ~after).sum()
    assert gained > 2 * lost + 10


def test_a_clean_set_has_no_outlier(kws_model, kws_data):
    x, _ = kws_data
    model = with_operator_codes(kws_model)
    data = CalibrationData(name="all", x=x)
    extremes = checked_extremes(model, data, read_graph(model, "kws"), where="kws")
    xray = examine(extremes)
    assert (xray.outliers, xray.split) == ((), None)
    assert xray.enough == 500


def test_data_divided_by_255_are_refused_with_the_factor(kws_data):
    x, _ = kws_data
    with pytest.raises(ConfigError) as caught:
        check_preprocessing(x[:100] / 255, x[100:], where="c.npz", against="kws01")
    assert caught.value.found.startswith("they were divided by 255")
    assert caught.value.remedy.startswith("take x * 255")


def test_gaussian_noise_is_refused_even_with_the_right_mean_and_spread(kws_data):
    x, _ = kws_data
    noise = np.random.default_rng(0).normal(x.mean(), x.std(), (100, *x.shape[1:]))
    with pytest.raises(ConfigError, match="are noise"):
        check_preprocessing(noise, x, where="c.npz", against="kws01")


def test_the_moving_average_depends_on_the_order_and_true_ends_do_not(kws_data, int8):
    x = kws_data[0][:60]
    assert int8(x, "moving-average") != int8(x[::-1], "moving-average")
    assert int8(x) == int8(x[::-1])


@pytest.mark.parametrize("calibrator", ["percentile-99.9", "mse"])
def test_clipping_keeps_a_clean_set_as_it_is_and_heals_a_spoilt_one(
    kws_data, labels_of, int8, spoilt, calibrator
):
    x, y = kws_data
    clean = np.delete(spoilt, OUTLIER, axis=0)
    assert (labels_of(int8(clean, calibrator), x) == y).sum() >= 895
    healed = (labels_of(int8(spoilt, calibrator), x) == y).sum()
    assert healed >= (labels_of(int8(spoilt), x) == y).sum()


def test_an_older_file_is_quantized_per_channel_and_with_wide_biases(
    kws_model, kws_data, int8
):
    """Without its operator codes AI Edge Quantizer takes every operator for an ADD."""
    main = read_graph(int8(kws_data[0][:20]), "kws").subgraphs[0]
    conv = main.operators[0]
    weight, bias = (main.tensors[index] for index in conv.inputs[1:3])
    assert len(weight.quantization.scales) == 64
    assert set(weight.quantization.zero_points) == {0}
    assert bias.type == "int32"
    assert with_operator_codes(kws_model) != kws_model


def test_a_file_with_int8_biases_is_refused(kws_model, kws_data):
    data = CalibrationData(name="c", x=kws_data[0][:20])
    graph = read_graph(kws_model, "kws")
    ranges = measure_ranges(kws_model, data, graph, where="kws")
    with quiet():
        library = Quantizer(kws_model)
        _add_rules(library, RECIPES["int8"])
        made = library.quantize(_statistics(ranges), enable_progress_report=False)
    with pytest.raises(WrongQuantization) as caught:
        check_result(
            read_graph(bytes(made.quantized_model), "m"), RECIPES["int8"], where="m"
        )
    assert "has a zero point" in caught.value.found
    assert "is int8" in caught.value.found
