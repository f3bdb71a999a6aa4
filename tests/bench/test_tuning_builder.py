"""Each change of a candidate is really in its file."""

from __future__ import annotations

import numpy as np
import pytest

from hil.bench.tuning.builder import Builder
from hil.bench.tuning.space import PLAIN, Axis, candidate
from hil.engines.litert import Kernels, LitertEngine
from hil.errors import ConfigError, ModelError
from hil.models.graph import read_graph
from hil.models.label import label
from hil.models.weights import find_weights
from hil.quantization.calibration import CalibrationData


@pytest.fixture(scope="module")
def builder(digits):
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        calibration = CalibrationData(name="calibration", x=data["x"][:40])
    model = (digits / "digits.tflite").read_bytes()
    return Builder(model, calibration, where="digits")


def built(builder, **changes):
    found = candidate({Axis[name]: value for name, value in changes.items()})
    return builder.build(found)


def answers(data, count=20):
    engine = LitertEngine(Kernels.REFERENCE)
    engine.load(data)
    rows = np.random.default_rng(0).integers(
        -128, 128, (count, *engine.inputs[0].shape)
    )
    return [engine.invoke([row.astype(np.int8)])[0].tobytes() for row in rows]


def scales(data):
    weights = find_weights(read_graph(data, "digits"))
    return {len(w.tensor.quantization.scales) for w in weights}


def test_plain_int8_is_plain_int8(builder):
    data = builder.build(PLAIN).data
    assert label(read_graph(data, "digits")).text.startswith("full int8")
    assert max(scales(data)) > 1


def test_per_tensor_weights_have_one_scale_each(builder):
    data = built(builder, GRANULARITY="per-tensor").data
    assert scales(data) == {1}
    assert len(data) < len(builder.build(PLAIN).data)


def test_a_slim_file_is_smaller_and_answers_the_same_to_the_bit(builder):
    plain, slim = builder.build(PLAIN).data, built(builder, DIET="slim").data
    assert len(slim) < len(plain)
    assert answers(slim) == answers(plain)


def test_a_phone_needs_the_names_in_a_slim_file(builder, digits):
    model = (digits / "digits.tflite").read_bytes()
    phones = Builder(model, builder.calibration, where="digits", keep_names=True)
    slim = built(phones, DIET="slim").data
    main = read_graph(slim, "digits").subgraphs[0]
    assert main.tensors[main.inputs[0]].name
    assert len(slim) < len(builder.build(PLAIN).data)


@pytest.mark.parametrize("calibrator", ["mse", "percentile-99.9"])
def test_a_calibrator_changes_ranges_and_not_the_size(builder, calibrator):
    plain = builder.build(PLAIN).data
    other = built(builder, CALIBRATOR=calibrator).data
    assert other != plain
    assert len(other) == len(plain)


def test_bias_correction_changes_biases_and_not_the_size(builder):
    plain, corrected = builder.build(PLAIN).data, built(builder, BIASES="bias").data
    assert corrected != plain
    assert len(corrected) == len(plain)


@pytest.mark.parametrize("activations", ["int16", "float32"])
def test_the_worst_layers_by_measured_error_compute_in_another_type(
    builder, activations
):
    made = built(builder, LAYERS=f"worst1-{activations}")
    (name,) = made.layers
    assert name == builder.worst_layers()[0]
    main = read_graph(made.data, "digits").subgraphs[0]
    types = {
        tensor.name: tensor.type
        for operator in main.operators
        for tensor in main.outputs_of(operator)
    }
    assert types[name] == activations
    second = builder.worst_layers()[1]
    assert types[second] == "int8"


def test_the_float_model_itself_is_a_candidate(builder, digits):
    assert (
        built(builder, RECIPE="as-is").data == (digits / "digits.tflite").read_bytes()
    )


def test_more_worst_layers_than_layers_are_refused(builder):
    with pytest.raises(ModelError, match="layers of weights") as caught:
        built(builder, LAYERS="worst99-int16")
    assert caught.value.found == "int8+worst99-int16"


def test_an_unknown_change_of_layers_is_refused(builder):
    with pytest.raises(ConfigError, match="unknown change of layers"):
        built(builder, LAYERS="best1-int4")
