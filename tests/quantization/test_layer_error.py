"""Errors of layers, and biases that take their mean off."""

from __future__ import annotations

import dataclasses
import math

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.errors import ModelError
from hil.models.graph import read_graph
from hil.quantization.bias_correction import correct_biases
from hil.quantization.calibration import CalibrationData
from hil.quantization.layer_error import layer_errors
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES


@pytest.fixture(scope="module")
def few(digits_calibration):
    return CalibrationData(name="fifty", x=digits_calibration.x[:50])


@pytest.fixture(scope="module")
def int8(digits_model, digits_calibration):
    return quantize(digits_model, RECIPES["int8"], digits_calibration, where="d").data


def edited(model, edit):
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    edit(tree)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def shift_bias(model, name, steps):
    """Add *steps* to every element of a bias, as bad rounding would."""

    def edit(tree):
        main = tree.subgraphs[0]
        for operator in main.operators:
            if name in main.tensors[operator.outputs[0]].name.decode():
                bias = tree.buffers[main.tensors[operator.inputs[2]].buffer]
                bias.data = (bias.data.view("<i4") + steps).view(np.uint8)

    return edited(model, edit)


def test_every_layer_is_ranked_the_worst_first(digits_model, int8, few):
    errors = layer_errors(digits_model, int8, few)
    assert len(errors) == 12
    decibels = [error.sqnr_db for error in errors]
    assert decibels == sorted(decibels)
    assert min(decibels) > 15
    assert {error.operator for error in errors} >= {"INPUT", "CONV_2D", "SOFTMAX"}


def test_the_input_errs_by_rounding_alone(digits_model, int8):
    x = np.random.default_rng(0).uniform(0, 1, (40, 8, 8, 1)).astype(np.float32)
    errors = layer_errors(digits_model, int8, CalibrationData(name="even", x=x))
    (given,) = [error for error in errors if error.operator == "INPUT"]
    assert given.rmse_per_scale == pytest.approx(1 / math.sqrt(12), rel=0.05)
    assert given.max_error <= 0.5 / 255 * 1.001
    assert not given.is_suspicious


def test_a_spoilt_layer_is_the_worst_and_suspicious(digits_model, int8, few):
    spoilt = shift_bias(int8, "logits", 40_000)
    worst = {error.name: error for error in layer_errors(digits_model, spoilt, few)}
    before = {error.name: error for error in layer_errors(digits_model, int8, few)}
    (name,) = [name for name in before if "logits" in name]
    assert worst[name].sqnr_db < before[name].sqnr_db - 6
    assert worst[name].is_suspicious
    assert worst[name].mean_error > 10 * abs(before[name].mean_error)


def test_a_model_has_no_error_against_itself(digits_model, few):
    errors = layer_errors(digits_model, digits_model, few)
    assert {error.sqnr_db for error in errors} == {math.inf}
    assert {error.rmse_per_scale for error in errors} == {None}


def test_int16_errs_less_than_int8(digits_model, digits_calibration, int8, few):
    wide = quantize(digits_model, RECIPES["int16x8"], digits_calibration, where="d")
    finer = min(e.sqnr_db for e in layer_errors(digits_model, wide.data, few))
    assert finer > min(e.sqnr_db for e in layer_errors(digits_model, int8, few)) + 3


def test_models_that_have_nothing_in_common_are_refused(digits_model, int8, few):
    def rename(tree):
        for index, tensor in enumerate(tree.subgraphs[0].tensors):
            tensor.name = f"t{index}"

    with pytest.raises(ModelError, match="no tensor in common"):
        layer_errors(digits_model, edited(int8, rename), few)


def test_a_shifted_bias_is_put_right(digits_model, int8, few):
    spoilt = shift_bias(int8, "logits", 3_000)
    corrected = correct_biases(digits_model, spoilt, few, where="d")

    def error(model):
        errors = layer_errors(digits_model, model, few)
        return next(abs(e.mean_error) for e in errors if "logits" in e.name)

    assert error(corrected.data) < 0.3 * error(spoilt)
    (layer,) = [layer for layer in corrected.layers if "logits" in layer.name]
    assert layer.most_steps > 2_000


def test_only_bytes_of_biases_change(digits_model, int8, few):
    corrected = correct_biases(digits_model, int8, few, where="d").data
    assert len(corrected) == len(int8)
    old, new = read_graph(int8, "o"), read_graph(corrected, "n")
    assert old.subgraphs == new.subgraphs
    main = old.subgraphs[0]
    changed = {
        tensor.type
        for tensor in main.tensors
        if old.data_of(tensor) != new.data_of(tensor)
    }
    assert changed == {"int32"}


def test_mean_errors_of_all_layers_shrink(digits_model, int8, few):
    corrected = correct_biases(digits_model, int8, few, where="d")
    assert [len(corrected.layers), corrected.skipped] == [6, ()]
    names = {layer.name for layer in corrected.layers}

    def total(model):
        errors = layer_errors(digits_model, model, few)
        scaled = {e.name: abs(e.mean_error) for e in errors if e.name in names}
        return sum(scaled.values())

    assert total(corrected.data) < 0.5 * total(int8)


def test_correcting_twice_changes_little(digits_model, int8, few):
    once = correct_biases(digits_model, int8, few, where="d")
    twice = correct_biases(digits_model, once.data, few, where="d")
    first = max(layer.before for layer in once.layers)
    assert max(layer.before for layer in twice.layers) < first


def test_a_bias_that_two_layers_share_is_left_alone(digits_model, int8, few):
    def share(tree):
        main = tree.subgraphs[0]
        first, second, *_ = (
            operator.inputs[2]
            for operator in main.operators
            if len(operator.inputs) > 2
            and len(main.tensors[operator.inputs[2]].shape) == 1
            and main.tensors[operator.inputs[2]].shape[0] == 24
        )
        main.tensors[second].buffer = main.tensors[first].buffer

    corrected = correct_biases(digits_model, edited(int8, share), few, where="d")
    assert len(corrected.skipped) == 2


def test_a_float_model_has_no_bias_to_correct(digits_model, few):
    with pytest.raises(ModelError, match="no bias of the model can be corrected"):
        correct_biases(digits_model, digits_model, few, where="d")


def test_int16_biases_of_64_bits_are_corrected(digits_model, digits_calibration, few):
    recipe = dataclasses.replace(RECIPES["int16x8"])
    wide = quantize(digits_model, recipe, digits_calibration, where="d").data
    assert len(correct_biases(digits_model, wide, few, where="d").layers) == 6
