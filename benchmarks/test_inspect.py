"""How long `hil inspect` of a model of 4 MB with many tensors takes."""

from __future__ import annotations

import subprocess
import sys

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

LAYERS = 240
CHANNELS = 128
ROUNDS = 5


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """240 int8 convolutions of 1x1 with a scale a channel: 960 tensors, over 4 MB."""
    tree = schema.ModelT()
    tree.version = 3
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    tree.operatorCodes = [code]
    tree.buffers = [schema.BufferT()]
    main = schema.SubGraphT()
    main.tensors = [activation(0)]
    main.operators = []
    for layer in range(LAYERS):
        base = len(main.tensors)
        main.tensors += [
            constant(tree, [CHANNELS, 1, 1, CHANNELS], np.int8, layer),
            constant(tree, [CHANNELS], np.int32, layer),
            activation(layer + 1),
        ]
        conv = schema.OperatorT()
        conv.inputs = [base - 1, base, base + 1]
        conv.outputs = [base + 2]
        conv.builtinOptionsType = schema.BuiltinOptions.Conv2DOptions
        conv.builtinOptions = schema.Conv2DOptionsT()
        conv.builtinOptions.strideW = conv.builtinOptions.strideH = 1
        main.operators.append(conv)
    main.inputs, main.outputs = [0], [len(main.tensors) - 1]
    tree.subgraphs = [main]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(tree.Pack(builder), b"TFL3")
    path = tmp_path_factory.mktemp("model") / "large.tflite"
    path.write_bytes(builder.Output())
    assert path.stat().st_size > 4_000_000
    return str(path)


def quantized(tensor, channels):
    quantization = schema.QuantizationParametersT()
    quantization.scale = np.linspace(0.01, 0.02, channels, dtype=np.float32)
    quantization.zeroPoint = np.zeros(channels, np.int64)
    tensor.quantization = quantization
    return tensor


def activation(number):
    tensor = schema.TensorT()
    tensor.name = f"network/block_{number}/convolution/output"
    tensor.shape = np.asarray([1, 4, 4, CHANNELS], np.int32)
    tensor.type = schema.TensorType.INT8
    return quantized(tensor, 1)


def constant(tree, shape, dtype, number):
    buffer = schema.BufferT()
    buffer.data = np.full(shape, number % 100, dtype).reshape(-1).view(np.uint8)
    tree.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.name = f"network/block_{number}/convolution/constant_{np.dtype(dtype)}"
    tensor.shape = np.asarray(shape, np.int32)
    types = {np.int8: schema.TensorType.INT8, np.int32: schema.TensorType.INT32}
    tensor.type = types[dtype]
    tensor.buffer = len(tree.buffers) - 1
    return quantized(tensor, CHANNELS)


def hil(*words):
    subprocess.run(
        [sys.executable, "-m", "hil", *words], check=True, stdout=subprocess.DEVNULL
    )


@pytest.mark.parametrize("option", [(), ("--json",), ("--tensors",)])
def test_inspecting_a_4_mb_model_takes_at_most_2_seconds(benchmark, model, option):
    benchmark.pedantic(hil, args=("inspect", model, *option), rounds=ROUNDS)
    assert benchmark.stats["median"] <= 2.0


def test_drawing_a_model_of_240_operators_takes_at_most_2_seconds(
    benchmark, model, tmp_path
):
    words = ("inspect", model, "--svg", str(tmp_path / "graph.svg"))
    benchmark.pedantic(hil, args=words, rounds=ROUNDS)
    assert benchmark.stats["median"] <= 2.0
