"""A file held against a request, with files that hil's own quantizer made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hil.conversion.check import check_result
from hil.conversion.request import ConversionRequest, Mode
from hil.errors import WrongQuantization
from hil.models.graph import read_graph
from hil.models.weights import find_weights
from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize
from hil.quantization.recipes import find_recipe


@pytest.fixture(scope="module")
def graphs(digits):
    """The digits model in several recipes, and as it is."""
    source = (digits / "digits.tflite").read_bytes()
    with np.load(digits / "digits_calibration.npz") as data:
        samples = CalibrationData(name="digits", x=data["x"])
    made = {"float": read_graph(source, "digits")}
    for name in ("dynamic", "float16", "int8", "int16x8", "int8-float-io"):
        data = quantize(source, find_recipe(name), samples, where="digits").data
        made[name] = read_graph(data, name)
    return made


def held(graph, mode, **options):
    request = ConversionRequest(source=Path("m.keras"), mode=mode, **options)
    return check_result(graph, request, fake_quants=())


@pytest.mark.parametrize("mode", Mode)
def test_a_file_that_is_as_asked_for_has_no_warning(graphs, mode):
    truth, warnings = held(graphs[mode.value], mode)
    assert truth.text
    assert warnings == []


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("other", Mode)
def test_a_file_of_another_mode_is_an_error(graphs, mode, other):
    if mode is other:
        return
    with pytest.raises(WrongQuantization, match=f"is not {mode.value}") as caught:
        held(graphs[other.value], mode)
    assert caught.value.where == "m.keras"


def _with_constant(graph, old, new):
    """Return *graph* with one value of the first convolution's weights changed."""
    weight = find_weights(graph)[0].tensor
    buffers = list(graph.buffers)
    buffers[weight.buffer] = new + graph.data_of(weight)[len(new) :]
    assert weight.type == old
    return replace(graph, buffers=tuple(buffers))


@pytest.mark.parametrize("value", [65504, np.inf])
def test_weights_that_float16_cuts_off_are_an_error(graphs, value):
    graph = _with_constant(graphs["float16"], "float16", np.float16(value).tobytes())
    with pytest.raises(WrongQuantization, match="is not float16") as caught:
        held(graph, Mode.FLOAT16)
    assert "1 weights or biases are cut off at 65,504" in str(caught.value)


def test_weights_that_are_no_numbers_are_told(graphs):
    graph = _with_constant(graphs["float"], "float32", np.float32(np.nan).tobytes())
    (warning,) = held(graph, Mode.FLOAT)[1]
    assert warning.startswith("1 weights or biases are NaN or infinite: ")


def test_floats_in_an_int8_model_are_counted_and_named(graphs):
    with pytest.raises(WrongQuantization) as caught:
        held(graphs["float"], Mode.INT8)
    assert "operators compute in float: CONV_2D" in str(caught.value)


def test_another_boundary_is_an_error_that_names_it(graphs):
    with pytest.raises(WrongQuantization) as caught:
        held(graphs["int8-float-io"], Mode.INT8)
    assert "is float32, not int8" in str(caught.value)
    held(
        graphs["int8-float-io"],
        Mode.INT8,
        input_type="float32",
        output_type="float32",
    )


def test_a_scale_a_channel_that_was_switched_off_is_an_error(graphs):
    with pytest.raises(WrongQuantization, match="is not int8") as caught:
        held(graphs["int8"], Mode.INT8, per_channel=False)
    assert "weights have a scale a channel" in str(caught.value)
    assert "one scale a tensor" in str(caught.value)
