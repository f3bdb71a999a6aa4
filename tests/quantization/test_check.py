"""Files that are not what was asked for, as the library makes them in silence."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_quantizer import recipe as library
from ai_edge_quantizer.algorithm_manager import AlgorithmName
from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer

from hil.errors import WrongQuantization
from hil.models.graph import read_graph
from hil.quantization.calibration import measure_ranges
from hil.quantization.check import check_result
from hil.quantization.quantize import quantize
from hil.quantization.quiet import quiet
from hil.quantization.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.quantization.calibration import CalibrationData, Ranges
    from hil.quantization.recipes import Recipe

EVERY = TFLOperationName.ALL_SUPPORTED


def made(
    model: bytes, rules: Callable[[Quantizer], object], ranges: Ranges | None = None
) -> bytes:
    quantizer = Quantizer(model)
    rules(quantizer)
    with quiet():
        statistics = None
        if ranges is not None:
            statistics = {
                name: {"min": np.array([low]), "max": np.array([high])}
                for name, (low, high) in ranges.items()
            }
        result = quantizer.quantize(statistics, enable_progress_report=False)
    return bytes(result.quantized_model)


def refused(data: bytes, recipe: Recipe) -> WrongQuantization:
    with pytest.raises(WrongQuantization) as caught:
        check_result(read_graph(data, "made"), recipe, where="m.tflite")
    error = caught.value
    assert error.what == f"the file that was made is not {recipe.name}"
    assert (error.where, error.exit_status) == ("m.tflite", 2)
    assert error.allowed == recipe.summary
    return error


@pytest.fixture(scope="module")
def ranges(digits_model: bytes, digits_calibration: CalibrationData) -> Ranges:
    return measure_ranges(
        digits_model, digits_calibration, read_graph(digits_model, "m"), where="m"
    )


@pytest.mark.parametrize("name", RECIPES)
def test_a_float_model_is_no_recipe_at_all(digits_model: bytes, name: str) -> None:
    found = str(refused(digits_model, RECIPES[name]))
    assert "no weight was quantized" in found
    assert "6 of 6 weights are float32" in found


@pytest.mark.parametrize("name", RECIPES)
def test_a_file_passes_as_its_own_recipe_and_as_no_other(
    digits_model: bytes, digits_calibration: CalibrationData, name: str
) -> None:
    data = quantize(digits_model, RECIPES[name], digits_calibration, where="m").data
    graph = read_graph(data, "m")
    assert check_result(graph, RECIPES[name], where="m").text
    for other in RECIPES.keys() - {name}:
        refused(data, RECIPES[other])


def test_a_pattern_that_matches_no_name_is_found_out(digits_model: bytes) -> None:
    data = made(
        digits_model, lambda q: q.add_dynamic_config("no such layer", EVERY, num_bits=8)
    )
    assert "no weight was quantized" in str(refused(data, RECIPES["dynamic"]))


def test_a_pattern_that_misses_some_layers_names_the_weights_left_out(
    digits_model: bytes,
) -> None:
    data = made(digits_model, lambda q: q.add_dynamic_config("_1/Relu", EVERY, 8))
    error = refused(data, RECIPES["dynamic"])
    assert error.found is not None
    assert "1 of 6 weights are float32: digits_1/logits_1/MatMul" in error.found


def test_gptq_on_a_conv_net_names_the_operators_that_stayed_float(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    """AI Edge Quantizer's GPTQ knows FULLY_CONNECTED only and says nothing."""
    quantizer = Quantizer(digits_model)
    quantizer.load_quantization_recipe(library.static_wi8_ai8(AlgorithmName.GPTQ))
    samples = [{"image": row[None]} for row in digits_calibration.x[:20]]
    with quiet():
        found = quantizer.calibrate({"serving_default": samples})
        result = quantizer.quantize(found, enable_progress_report=False)
    data = bytes(result.quantized_model)
    assert len(data) > len(digits_model) / 2
    text = str(refused(data, RECIPES["int8"]))
    assert "4 of 6 weights are float32: digits_1/stem_1/convolution" in text
    assert "operators compute in float: CONV_2D digits_1/stem_1/Relu" in text
    assert "input serving_default_image:0 is float32, not int8" in text
    assert "output StatefulPartitionedCall:0 is float32, not int8" in text


def test_one_layer_left_in_float_is_named(digits_model: bytes, ranges: Ranges) -> None:
    def rules(quantizer: Quantizer) -> None:
        quantizer.add_static_config(".*", EVERY, 8, 8)
        quantizer.update_quantization_recipe(
            "pointwise", EVERY, algorithm_key=AlgorithmName.NO_QUANTIZE
        )

    error = refused(made(digits_model, rules, ranges), RECIPES["int8"])
    assert error.found is not None
    assert "1 of 6 weights are float32: digits_1/pointwise_1/convolution" in error.found
    assert "operators compute in float: CONV_2D digits_1/pointwise_1" in error.found


def test_an_operator_without_weights_left_in_float_is_named(
    digits_model: bytes, ranges: Ranges
) -> None:
    def rules(quantizer: Quantizer) -> None:
        quantizer.add_static_config(".*", EVERY, 8, 8)
        quantizer.update_quantization_recipe(
            "residual_add", EVERY, algorithm_key=AlgorithmName.NO_QUANTIZE
        )

    error = refused(made(digits_model, rules, ranges), RECIPES["int8"])
    assert error.found is not None
    assert "compute in float: ADD digits_1/residual_add_1" in error.found


def test_a_boundary_of_the_other_type_is_named(
    digits_model: bytes, ranges: Ranges
) -> None:
    def outputs_only(quantizer: Quantizer) -> None:
        quantizer.add_static_config(".*", EVERY, 8, 8)
        quantizer.update_quantization_recipe(
            ".*", TFLOperationName.INPUT, algorithm_key=AlgorithmName.NO_QUANTIZE
        )

    data = made(digits_model, outputs_only, ranges)
    error = refused(data, RECIPES["int8"])
    assert error.found == (
        "full int8, mixed boundary (float in, int8 out): "
        "input serving_default_image:0 is float32, not int8"
    )
    error = refused(data, RECIPES["int8-float-io"])
    assert error.found is not None
    assert error.found.endswith("output StatefulPartitionedCall:0 is int8, not float32")


def test_int16_activations_are_not_int8(digits_model: bytes, ranges: Ranges) -> None:
    data = made(digits_model, lambda q: q.add_static_config(".*", EVERY, 16, 8), ranges)
    assert "its activations are not int8" in str(refused(data, RECIPES["int8"]))


def test_weights_of_a_weight_only_model_must_have_one_scale(
    digits_model: bytes,
) -> None:
    data = made(digits_model, lambda q: q.add_weight_only_config(".*", EVERY, 8))
    error = refused(data, RECIPES["weight-only-int8"])
    assert error.found is not None
    assert "6 weights have a scale for each channel: digits_1/stem_1" in error.found


def test_dequantized_weights_are_not_dynamic_range(digits_model: bytes) -> None:
    tensorwise = QuantGranularity.TENSORWISE
    data = made(
        digits_model, lambda q: q.add_weight_only_config(".*", EVERY, 8, tensorwise)
    )
    error = refused(data, RECIPES["dynamic"])
    assert "6 weights reach their operator through DEQUANTIZE" in str(error)
    data = made(
        digits_model, lambda q: q.add_dynamic_config(".*", EVERY, 8, tensorwise)
    )
    error = refused(data, RECIPES["weight-only-int8"])
    assert "6 weights reach their operator directly" in str(error)


def test_small_weights_may_stay_float_where_the_recipe_allows_it(
    digits_model: bytes,
) -> None:
    data = made(
        digits_model,
        lambda q: q.load_quantization_recipe(library.dynamic_legacy_wi8_afp32()),
    )
    assert "4 of 6 weights are float32" in str(refused(data, RECIPES["dynamic"]))
    legacy = dataclasses.replace(RECIPES["dynamic"], min_weight_elements=1024)
    truth = check_result(read_graph(data, "m"), legacy, where="m")
    assert truth.text == "dynamic range, 2 of 6 weights int8"


def test_a_minimum_that_spares_every_weight_is_still_a_no_op(
    digits_model: bytes,
) -> None:
    spared = dataclasses.replace(RECIPES["dynamic"], min_weight_elements=10**9)
    assert "no weight was quantized" in str(refused(digits_model, spared))
