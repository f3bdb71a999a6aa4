"""Models and calibration data for the tests of quantization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.accuracy.inputs import InputSpec, quantized
from hil.engines.litert import LitertEngine
from hil.models.graph import read_graph
from hil.quantization.calibration import CalibrationData

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def digits_model(digits: Path) -> bytes:
    """The float digits model."""
    return (digits / "digits.tflite").read_bytes()


@pytest.fixture(scope="session")
def digits_calibration(digits: Path) -> CalibrationData:
    """Its 200 calibration samples."""
    with np.load(digits / "digits_calibration.npz", allow_pickle=False) as data:
        return CalibrationData(name="digits_calibration.npz", x=data["x"])


@pytest.fixture(scope="session")
def resnet_model(shared: Path) -> bytes:
    """MLPerf Tiny's float ResNet, which has no signature."""
    return (shared / "models" / "pretrainedResnet.tflite").read_bytes()


@pytest.fixture(scope="session")
def resnet_calibration() -> CalibrationData:
    """Ten smooth pictures, for ResNet takes raw pixels of 32x32x3."""
    corners = np.random.default_rng(0).uniform(0, 255, (10, 4, 4, 3))
    x = corners.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)
    return CalibrationData(name="pictures", x=x)


@pytest.fixture(scope="session")
def kws_model(shared: Path) -> bytes:
    """A float DS-CNN: kws_ref_model_float32.tflite with its five int8 weights floated.

    MLPerf Tiny's own float model is a SavedModel; of it only this file is here, which
    is dynamic range. Like it, this model has 901 of the 1,000 stimuli right.
    """
    model = (shared / "models" / "kws_ref_model_float32.tflite").read_bytes()
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    for tensor in tree.subgraphs[0].tensors:
        if tensor.type != schema.TensorType.INT8:
            continue
        stored = tree.buffers[tensor.buffer]
        (scale,) = tensor.quantization.scale
        values = stored.data.view(np.int8).astype(np.float32) * np.float32(scale)
        stored.data = values.view(np.uint8)
        tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
    builder = flatbuffers.Builder(len(model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture(scope="session")
def kws_data(shared: Path) -> tuple[np.ndarray, np.ndarray]:
    """The 1,000 stimuli as floats, and their labels."""
    model = (shared / "models" / "kws_ref_model.tflite").read_bytes()
    main = read_graph(model, "kws").subgraphs[0]
    quantization = main.tensors[main.inputs[0]].quantization
    with np.load(shared / "data" / "kws" / "kws01.npz", allow_pickle=False) as data:
        x = data["x"].astype(np.float32) - np.float32(quantization.zero_points[0])
        return x * np.float32(quantization.scales[0]), data["y"].astype(np.int64)


@pytest.fixture(scope="session")
def labels_of():
    """Return what a model of one float or integer input answers, class by class."""

    def answer(model: bytes, x: np.ndarray) -> np.ndarray:
        engine = LitertEngine()
        engine.load(model)
        spec = engine.inputs[0]
        if spec.scale > 0:
            wanted = InputSpec(
                shape=spec.shape,
                dtype=spec.dtype,
                scale=spec.scale,
                zero_point=spec.zero_point,
            )
            x = quantized(x, wanted)
        rows = [engine.invoke([row[None]])[0] for row in x]
        return np.concatenate(rows).argmax(axis=1)

    return answer
