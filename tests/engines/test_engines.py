"""The three host engines on real models."""

from __future__ import annotations

import importlib
import os

import numpy as np
import pytest
from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer

from hil.engines.litert import Kernels, LitertEngine, interpreter_module
from hil.engines.native_output import captured
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, DoesNotFit, ModelError, UnsupportedOp


@pytest.fixture(scope="module")
def float_model(digits):
    return (digits / "digits.tflite").read_bytes()


@pytest.fixture(scope="module")
def samples(digits):
    with np.load(digits / "digits_test.npz") as data:
        return data["x"], data["y"]


def engines():
    return [
        LitertEngine(Kernels.DEFAULT),
        LitertEngine(Kernels.REFERENCE),
        TflmEngine(),
    ]


@pytest.mark.parametrize("engine", engines(), ids=lambda e: e.name)
def test_each_engine_reads_the_digits(engine, float_model, samples):
    x, y = samples
    engine.load(float_model)
    answers = [engine.invoke([row[None]])[0].argmax() for row in x[:100]]
    assert (np.array(answers) == y[:100]).sum() >= 95
    assert engine.last_invoke_ns > 0


@pytest.mark.parametrize("engine", engines(), ids=lambda e: e.name)
def test_each_engine_tells_its_inputs_and_outputs(engine, float_model):
    engine.load(float_model)
    (image,), (scores,) = engine.inputs, engine.outputs
    assert (image.shape, image.dtype, image.size_bytes) == (
        (1, 8, 8, 1),
        np.float32,
        256,
    )
    assert (scores.shape, scores.dtype, scores.scale) == ((1, 10), np.float32, 0.0)


@pytest.mark.parametrize("engine", engines(), ids=lambda e: e.name)
def test_the_same_input_gives_the_same_answer_again(engine, float_model, samples):
    engine.load(float_model)
    image = samples[0][:1]
    first = engine.invoke([image])[0]
    for _ in range(5):
        assert np.array_equal(engine.invoke([image])[0], first)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("engine", "right"),
    [
        (LitertEngine(Kernels.DEFAULT), 902),
        (LitertEngine(Kernels.REFERENCE), 901),
        (TflmEngine(), 901),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_keyword_model_scores_as_its_engine_does_everywhere(engine, right, shared):
    with np.load(shared / "data/kws/kws01.npz") as data:
        x, y = data["x"], data["y"]
    engine.load((shared / "models/kws_ref_model.tflite").read_bytes())
    answers = [engine.invoke([row[None]])[0].argmax() for row in x]
    assert int((np.array(answers) == y).sum()) == right


@pytest.mark.shared
def test_the_arena_of_the_keyword_model_is_known_to_the_byte(shared):
    engine = TflmEngine()
    engine.load((shared / "models/kws_ref_model.tflite").read_bytes())
    assert engine.memory() == {
        "arena_bytes": 24272,
        "arena_nonpersistent_bytes": 16000,
        "arena_persistent_bytes": 8272,
    }


def test_a_model_fits_its_arena_to_the_byte_and_no_smaller_one(float_model):
    engine = TflmEngine()
    engine.load(float_model)
    needed = engine.memory()["arena_bytes"]
    TflmEngine(needed).load(float_model)
    with pytest.raises(DoesNotFit, match="arena: 1,000 bytes missing") as caught:
        TflmEngine(needed - 1000).load(float_model)
    assert caught.value.needed_bytes == needed


@pytest.mark.shared
def test_an_operator_that_tflm_cannot_run_is_named(shared):
    model = (shared / "models/kws_ref_model_float32.tflite").read_bytes()
    with pytest.raises(UnsupportedOp, match="CONV_2D, operator 0: Hybrid models"):
        TflmEngine().load(model)


def test_scales_that_tflm_would_ignore_are_refused(float_model):
    quantizer = Quantizer(float_model)
    quantizer.add_weight_only_config(
        ".*", TFLOperationName.ALL_SUPPORTED, 8, QuantGranularity.CHANNELWISE
    )
    model = bytes(quantizer.quantize(enable_progress_report=False).quantized_model)
    with pytest.raises(UnsupportedOp, match="the first of 24 scales for all channels"):
        TflmEngine().load(model)
    LitertEngine().load(model)


def test_litert_refuses_what_is_no_model():
    with pytest.raises(ModelError, match="litert cannot load the model"):
        LitertEngine().load(b"nothing of the sort")


def test_layers_can_be_read_where_they_are_kept(float_model, samples):
    engine = TflmEngine(preserve_tensors=True)
    engine.load(float_model)
    output = engine.invoke([samples[0][:1]])[0]
    values = engine.tensors()
    assert any(np.array_equal(value, output) for value in values.values())
    reference = LitertEngine(Kernels.REFERENCE, preserve_tensors=True)
    reference.load(float_model)
    reference.invoke([samples[0][:1]])
    shared_layers = [i for i in reference.tensors() if i in values]
    assert len(shared_layers) > 10


def test_layers_that_were_not_kept_are_an_error(float_model):
    engine = TflmEngine()
    engine.load(float_model)
    with pytest.raises(ConfigError, match="the layers' outputs were not kept"):
        engine.tensors()


def test_the_first_interpreter_that_is_installed_is_taken():
    asked = []

    def importer(name):
        asked.append(name)
        if name != "tensorflow.lite.python.interpreter":
            raise ImportError(name)
        return importlib.import_module("json")

    module, package = interpreter_module(importer)
    assert (module.__name__, package) == ("json", "tensorflow")
    assert asked == [
        "ai_edge_litert.interpreter",
        "tflite_runtime.interpreter",
        "tensorflow.lite.python.interpreter",
    ]


def test_no_interpreter_at_all_names_the_package_to_install():
    def importer(name):
        raise ImportError(name)

    with pytest.raises(ConfigError, match="pip install ai-edge-litert"):
        interpreter_module(importer)


def test_what_a_library_prints_is_taken_and_the_descriptors_come_back(capfd):
    with captured() as noise:
        os.write(1, b"to stdout\n")
        os.write(2, b"to stderr\n")
    os.write(1, b"after\n")
    assert noise.text == "to stdout\nto stderr\n"
    assert capfd.readouterr().out == "after\n"


def test_a_failure_inside_a_capture_still_gives_the_descriptors_back(capfd):
    with pytest.raises(KeyError), captured():
        raise KeyError
    os.write(1, b"after\n")
    assert capfd.readouterr().out == "after\n"
