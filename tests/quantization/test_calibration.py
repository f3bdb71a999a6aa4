"""Ranges measured on sample inputs, and samples that cannot give any."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.engines.litert import LitertEngine
from hil.errors import ConfigError, ModelError
from hil.models.graph import read_graph
from hil.quantization.calibration import (
    CalibrationData,
    check_calibration,
    measure_ranges,
)
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.quantization.calibration import Ranges


def measured(model: bytes, data: CalibrationData) -> Ranges:
    graph = read_graph(model, "m")
    check_calibration(data, graph, where="m")
    return measure_ranges(model, data, graph, where="m")


def edited(model: bytes, edit: Callable[[schema.ModelT], None]) -> bytes:
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    edit(tree)
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def refusal(model: bytes, x: np.ndarray) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        quantize(
            model, RECIPES["int8"], CalibrationData(name="c.npz", x=x), where="m.tflite"
        )
    assert caught.value.where == "c.npz"
    return caught.value


def test_ranges_are_the_true_minima_and_maxima_of_every_layer(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    data = CalibrationData(name="forty", x=digits_calibration.x[:40])
    ranges = measured(digits_model, data)
    engine = LitertEngine(preserve_tensors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LiteRT warns of what preserving costs
        engine.load(digits_model)
    names = {
        t.index: t.name for t in read_graph(digits_model, "m").subgraphs[0].tensors
    }
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for row in data.x:
        engine.invoke([row[None]])
        for index, value in engine.tensors().items():
            name = names.get(index)
            if name in ranges:
                low[name] = min(low.get(name, np.inf), float(value.min()))
                high[name] = max(high.get(name, -np.inf), float(value.max()))
    assert len(low) == 12
    assert {name: ends[0] for name, ends in ranges.items()} == low
    assert {name: ends[1] for name, ends in ranges.items()} == high


def test_the_order_of_the_samples_does_not_matter(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    x = digits_calibration.x[:20]
    forth = measured(digits_model, CalibrationData(name="forth", x=x))
    back = measured(digits_model, CalibrationData(name="back", x=x[::-1]))
    assert forth == back


def test_wider_floats_are_taken(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    x = digits_calibration.x[:20]
    wide = CalibrationData(name="wide", x=x.astype(np.float64))
    narrow = CalibrationData(name="narrow", x=x)
    assert measured(digits_model, wide) == measured(digits_model, narrow)


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), ()])
def test_no_sample_is_refused(digits_model: bytes, shape: tuple[int, ...]) -> None:
    error = refusal(digits_model, np.zeros(shape, np.float32))
    assert error.what == "the calibration data hold no sample"
    assert error.found == f"shape {list(shape)}"


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_samples_of_another_type_are_refused(digits_model: bytes, dtype: type) -> None:
    error = refusal(digits_model, np.ones((5, 8, 8, 1), dtype))
    assert "do not have the type of the model's input" in error.what
    assert error.found == f"samples of {np.dtype(dtype)}"
    assert error.allowed == "floats, for the model takes float32"


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 64), (5, 8, 8, 3), (5, 9, 9, 1)])
def test_samples_of_another_shape_are_refused(
    digits_model: bytes, shape: tuple[int, ...]
) -> None:
    error = refusal(digits_model, np.ones(shape, np.float32))
    assert "do not have the shape of the model's input" in error.what
    assert error.found == f"samples of shape {list(shape[1:])}"
    assert error.allowed == "[8, 8, 1]"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(
    digits_model: bytes, digits_calibration: CalibrationData, value: float
) -> None:
    x = digits_calibration.x.copy()
    x[3, 2, 1, 0] = value
    error = refusal(digits_model, x)
    assert error.what == "the calibration data hold NaN or infinity"
    assert error.found == "1 of 12800 values"


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_samples_that_are_all_alike_are_refused(
    digits_model: bytes, value: float
) -> None:
    error = refusal(digits_model, np.full((20, 8, 8, 1), value, np.float32))
    assert error.what == "the calibration data are constant"
    assert error.found == f"every value of serving_default_image:0 is {value:g}"


def test_a_layer_that_never_fires_is_named(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    def kill(tree: schema.ModelT) -> None:
        main = tree.subgraphs[0]
        bias = main.tensors[main.operators[0].inputs[2]]
        dead = np.full(24, -1e9, np.float32)
        tree.buffers[bias.buffer].data = np.frombuffer(dead.tobytes(), np.uint8)

    error = refusal(edited(digits_model, kill), digits_calibration.x)
    assert error.what == (
        "the range of a tensor is a single point over the calibration data"
    )
    assert error.found is not None
    assert error.found.startswith("1 of 12 tensors: digits_1/stem_1/Relu")
    assert error.found.endswith("= 0")


def test_a_single_sample_of_a_model_with_one_output_gives_no_range(
    shared_hello: bytes,
) -> None:
    error = refusal(shared_hello, np.array([[1.0]], np.float32))
    assert error.what == "the calibration data are constant"


def test_a_model_that_computes_nan_is_refused(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    def spoil(tree: schema.ModelT) -> None:
        main = tree.subgraphs[0]
        weights = main.tensors[main.operators[0].inputs[1]]
        bad = np.full(24 * 9, 3e38, np.float32)  # sums of these are infinite
        tree.buffers[weights.buffer].data = np.frombuffer(bad.tobytes(), np.uint8)

    with pytest.raises(ModelError, match="NaN or infinity") as caught:
        quantize(
            edited(digits_model, spoil),
            RECIPES["int8"],
            digits_calibration,
            where="m.tflite",
        )
    assert caught.value.where == "m.tflite"
    assert "digits_1/stem_1" in str(caught.value)


def test_a_model_with_two_inputs_is_named_and_gets_a_remedy(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    def split(tree: schema.ModelT) -> None:
        main = tree.subgraphs[0]
        main.inputs = np.append(main.inputs, main.inputs)
        tree.signatureDefs = []

    with pytest.raises(ModelError, match="cannot be calibrated") as caught:
        quantize(
            edited(digits_model, split), RECIPES["int8"], digits_calibration, where="m"
        )
    assert caught.value.found == "1 subgraphs, 2 inputs"
    assert "such as dynamic" in str(caught.value)


@pytest.fixture
def shared_hello(shared: object) -> bytes:
    return (shared / "models" / "hello_world_float.tflite").read_bytes()
