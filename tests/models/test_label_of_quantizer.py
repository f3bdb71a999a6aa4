"""The truth label of what AI Edge Quantizer makes, recipe by recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from ai_edge_quantizer import quantizer, recipe

from hil.models.graph import read_graph
from hil.models.label import Kind, Label, label

if TYPE_CHECKING:
    from pathlib import Path

# The quantizer's own calibration keeps all tensors, which LiteRT warns about.
_calibrates = pytest.mark.filterwarnings(
    "ignore:.*experimental_preserve_all_tensors:UserWarning"
)
_FLOAT16 = [
    {
        "regex": ".*",
        "operation": "*",
        "algorithm_key": "float_casting",
        "op_config": {
            "weight_tensor_config": {"num_bits": 16, "dtype": "FLOAT"},
            "compute_precision": "FLOAT",
            "explicit_dequantize": True,
        },
    }
]


def quantized(model: Path, rules: object, *, keep: str | None = None) -> Label:
    """Quantize *model* by *rules*, operators called *keep* left out, and label it."""
    job = quantizer.Quantizer(str(model))
    job.load_quantization_recipe(rules)
    if keep is not None:
        job.update_quantization_recipe(
            regex=".*", operation_name=keep, algorithm_key="no_quantize"
        )
    statistics = None
    if job.need_calibration:
        images = np.load(model.with_name("digits_calibration.npz"))["x"][:4]
        key, name = signature_of(model)
        samples = [{name: image.reshape(1, 8, 8, 1)} for image in images]
        statistics = job.calibrate({key: samples})
    made = job.quantize(statistics).quantized_model
    return label(read_graph(bytes(made), "quantized"))


def signature_of(model: Path) -> tuple[str, str]:
    """Return the name of the only signature, and that of its only input."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415 (slow import)

    ((key, sides),) = Interpreter(str(model)).get_signature_list().items()
    return key, sides["inputs"][0]


@pytest.mark.parametrize(
    ("rules", "kind", "text"),
    [
        (
            recipe.dynamic_wi8_afp32(),
            Kind.DYNAMIC_RANGE,
            "dynamic range, 10 of 10 weights int8",
        ),
        (
            recipe.dynamic_legacy_wi8_afp32(),
            Kind.DYNAMIC_RANGE,
            "dynamic range, 7 of 10 weights int8",
        ),
        (
            recipe.weight_only_wi8_afp32(),
            Kind.WEIGHT_ONLY,
            "weight-only int8, 10 of 10 weights",
        ),
        (_FLOAT16, Kind.FLOAT16, "float16 weights"),
    ],
)
@pytest.mark.shared
def test_recipes_without_calibration(
    shared: Path, rules: object, kind: Kind, text: str
) -> None:
    made = quantized(shared / "models" / "pretrainedResnet.tflite", rules)
    assert (made.kind, made.text) == (kind, text)


@_calibrates
@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (recipe.static_wi8_ai8(), "full int8, int8 boundary"),
        (recipe.static_wi8_ai16(), "16x8, int16 boundary"),
    ],
)
def test_recipes_with_calibration(digits: Path, rules: object, text: str) -> None:
    made = quantized(digits / "digits.tflite", rules)
    assert made.text == text
    assert made.weights.quantized == made.weights.total
    assert made.floats == ()


@_calibrates
def test_a_layer_that_was_left_out_is_found(digits: Path) -> None:
    made = quantized(
        digits / "digits.tflite", recipe.static_wi8_ai8(), keep="DEPTHWISE_CONV_2D"
    )
    assert made.kind is Kind.MIXED
    assert {place.name for place in made.floats} == {"DEPTHWISE_CONV_2D"}
    assert made.weights.quantized < made.weights.total
