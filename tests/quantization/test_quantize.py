"""Every recipe on real models, and every refusal."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import InputSpec, prepare
from hil.accuracy.metrics import count_top1
from hil.engines.litert import Kernels, LitertEngine
from hil.engines.tflm import TflmEngine
from hil.errors import ConfigError, HilError, ModelError, WrongQuantization
from hil.models.graph import read_graph
from hil.quantization.calibration import CalibrationData
from hil.quantization.quantize import quantize
from hil.quantization.recipes import RECIPES

if TYPE_CHECKING:
    from pathlib import Path

    from hil.quantization.quantize import QuantizedModel

LABELS = {
    "dynamic": "dynamic range, 6 of 6 weights int8",
    "float16": "float16 weights",
    "int8": "full int8, int8 boundary",
    "int8-float-io": "full int8, float boundary",
    "int16x8": "16x8, int16 boundary",
    "weight-only-int8": "weight-only int8, 6 of 6 weights",
    "int4": "dynamic range, 5 of 6 weights int4, 1 int8",
}
TFLM_REFUSES = {"dynamic", "float16", "int4"}


@pytest.fixture(scope="module")
def made(
    digits_model: bytes, digits_calibration: CalibrationData
) -> dict[str, QuantizedModel]:
    """The digits model in every recipe."""
    return {
        name: quantize(digits_model, recipe, digits_calibration, where="digits.tflite")
        for name, recipe in RECIPES.items()
    }


def accuracy(
    engine: LitertEngine | TflmEngine, model: bytes, digits: Path, *, n: int
) -> int:
    engine.load(model)
    spec = engine.inputs[0]
    dataset = load_dataset(digits / "digits_test.npz")
    assert dataset.y is not None
    x = prepare(
        dataset,
        InputSpec(
            shape=spec.shape,
            dtype=spec.dtype,
            scale=spec.scale,
            zero_point=spec.zero_point,
        ),
    )
    outputs = np.concatenate([engine.invoke([row[None]])[0] for row in x[:n]])
    return count_top1(outputs, dataset.y[:n]).correct


def test_there_is_a_label_for_every_recipe() -> None:
    assert LABELS.keys() == RECIPES.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_the_file_is_what_the_recipe_says(
    made: dict[str, QuantizedModel], name: str
) -> None:
    assert made[name].recipe.name == name
    assert made[name].label.startswith(LABELS[name])


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("kernels", Kernels)
def test_every_recipe_runs_in_litert_and_keeps_the_accuracy(
    made: dict[str, QuantizedModel], digits: Path, name: str, kernels: Kernels
) -> None:
    assert accuracy(LitertEngine(kernels), made[name].data, digits, n=200) >= 192


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - TFLM_REFUSES))
def test_what_tflite_micro_takes_keeps_the_accuracy_there(
    made: dict[str, QuantizedModel], digits: Path, name: str
) -> None:
    assert accuracy(TflmEngine(), made[name].data, digits, n=200) >= 192


@pytest.mark.parametrize("name", sorted(TFLM_REFUSES))
def test_what_tflite_micro_cannot_run_is_refused_by_it(
    made: dict[str, QuantizedModel], name: str
) -> None:
    with pytest.raises(HilError):
        TflmEngine().load(made[name].data)


@pytest.mark.parametrize(
    ("name", "boundary"),
    [("int8", "int8"), ("int8-float-io", "float32"), ("int16x8", "int16")],
)
def test_inputs_and_outputs_have_the_type_of_the_boundary(
    made: dict[str, QuantizedModel], name: str, boundary: str
) -> None:
    main = read_graph(made[name].data, name).subgraphs[0]
    ends = [main.tensors[index].type for index in (*main.inputs, *main.outputs)]
    assert ends == [boundary, boundary]


def test_quantizing_twice_gives_the_same_bytes(
    made: dict[str, QuantizedModel],
    digits_model: bytes,
    digits_calibration: CalibrationData,
) -> None:
    for name in ("dynamic", "int8"):
        again = quantize(digits_model, RECIPES[name], digits_calibration, where="d")
        assert hashlib.sha256(again.data).digest() == (
            hashlib.sha256(made[name].data).digest()
        )


def test_the_order_of_the_samples_does_not_matter(
    made: dict[str, QuantizedModel],
    digits_model: bytes,
    digits_calibration: CalibrationData,
) -> None:
    turned = CalibrationData(name="turned", x=digits_calibration.x[::-1])
    again = quantize(digits_model, RECIPES["int8"], turned, where="d")
    assert again.data == made["int8"].data


def test_the_input_range_is_that_of_the_data_and_not_clipped(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    x = digits_calibration.x.copy()
    x[7, 0, 0, 0] = 3.0  # one value that a moving average would all but forget
    data = CalibrationData(name="one bright pixel", x=x)
    result = quantize(digits_model, RECIPES["int8"], data, where="d")
    main = read_graph(result.data, "d").subgraphs[0]
    quantization = main.tensors[main.inputs[0]].quantization
    assert quantization is not None
    assert quantization.scales[0] == pytest.approx(3.0 / 255, rel=1e-5)
    assert quantization.zero_points == (-128,)


def test_nothing_is_printed(
    digits_model: bytes,
    digits_calibration: CalibrationData,
    capfd: pytest.CaptureFixture[str],
) -> None:
    quantize(digits_model, RECIPES["int8"], digits_calibration, where="d")
    quantize(digits_model, RECIPES["dynamic"], None, where="d")
    assert capfd.readouterr() == ("", "")


def test_a_quantized_model_is_refused(made: dict[str, QuantizedModel]) -> None:
    with pytest.raises(ModelError, match="the model is quantized already") as caught:
        quantize(made["int8"].data, RECIPES["dynamic"], None, where="m.tflite")
    assert caught.value.found == "full int8, int8 boundary"
    assert caught.value.where == "m.tflite"
    assert caught.value.exit_status == 2


@pytest.mark.shared
def test_a_file_called_float32_that_is_not_is_refused(shared: Path) -> None:
    model = (shared / "models" / "kws_ref_model_float32.tflite").read_bytes()
    with pytest.raises(ModelError, match="the model is quantized already") as caught:
        quantize(model, RECIPES["int8"], None, where="kws_ref_model_float32.tflite")
    assert caught.value.found is not None
    assert caught.value.found.startswith("dynamic range")


def packed(tree: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder()
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def with_weight(model: bytes, value: float) -> bytes:
    """Return *model* with *value* among the weights of its first convolution."""
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    main = tree.subgraphs[0]
    weight = main.tensors[main.operators[0].inputs[1]]
    values = np.frombuffer(tree.buffers[weight.buffer].data, np.float32).copy()
    values[0] = value
    tree.buffers[weight.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
    return packed(tree)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_are_no_numbers_are_refused(
    digits_model: bytes, digits_calibration: CalibrationData, name: str, value: float
) -> None:
    broken = with_weight(digits_model, value)
    with pytest.raises(ModelError, match="weights of the model are NaN or infinite"):
        quantize(broken, RECIPES[name], digits_calibration, where="d")


def test_a_weight_that_float16_cannot_hold_is_refused(digits_model: bytes) -> None:
    large = with_weight(digits_model, 1e5)
    with pytest.raises(WrongQuantization, match="is not float16") as caught:
        quantize(large, RECIPES["float16"], None, where="d")
    assert "1 weights or biases hold more than 65,504" in str(caught.value)
    quantize(with_weight(digits_model, 6e4), RECIPES["float16"], None, where="d")


def test_an_open_batch_that_keeps_a_shape_float_has_its_remedy(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    tree = schema.ModelT.InitFromPackedBuf(digits_model, 0)
    main = tree.subgraphs[0]
    main.tensors[main.inputs[0]].shapeSignature = [-1, 8, 8, 1]
    size, shape, code = schema.TensorT(), schema.OperatorT(), schema.OperatorCodeT()
    size.shape, size.type, size.name = [4], schema.TensorType.INT32, b"size"
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SHAPE
    shape.opcodeIndex, shape.inputs = len(tree.operatorCodes), main.operators[0].outputs
    shape.outputs = [len(main.tensors)]
    shape.builtinOptionsType = schema.BuiltinOptions.ShapeOptions
    shape.builtinOptions = schema.ShapeOptionsT()
    shape.builtinOptions.outType = schema.TensorType.INT32
    main.tensors.append(size)
    main.operators.append(shape)
    tree.operatorCodes.append(code)
    with pytest.raises(WrongQuantization, match="compute in float: SHAPE") as caught:
        quantize(packed(tree), RECIPES["int8"], digits_calibration, where="d")
    assert caught.value.remedy is not None
    assert caught.value.remedy.endswith("hil convert --input-shape 1,8,8,1")


def test_a_model_that_computes_nothing_is_refused(digits_model: bytes) -> None:
    tree = schema.ModelT.InitFromPackedBuf(digits_model, 0)
    main = tree.subgraphs[0]
    main.operators, main.outputs = [], main.inputs
    tree.signatureDefs = []
    builder = flatbuffers.Builder(len(digits_model))
    builder.Finish(tree.Pack(builder), b"TFL3")
    with pytest.raises(ModelError, match="the model has nothing to quantize") as caught:
        quantize(bytes(builder.Output()), RECIPES["dynamic"], None, where="m.tflite")
    assert caught.value.found == "no operator computes, float boundary"


def test_an_error_of_the_library_says_which_recipe_and_model(
    digits_model: bytes, digits_calibration: CalibrationData
) -> None:
    """LiteRT cannot hand over the name of a tensor that is no UTF-8."""
    broken = digits_model.replace(b"serving_default_image:0", b"\xff" * 23)
    with pytest.raises(ModelError, match="cannot make int8 of this model") as caught:
        quantize(broken, RECIPES["int8"], digits_calibration, where="m.tflite")
    assert caught.value.where == "m.tflite"
    assert caught.value.found is not None
    assert "UnicodeDecodeError" in caught.value.found


@pytest.mark.shared
@pytest.mark.parametrize("name", RECIPES)
def test_a_regression_of_one_value_is_quantized(shared: Path, name: str) -> None:
    model = (shared / "models" / "hello_world_float.tflite").read_bytes()
    x = np.linspace(0, 2 * np.pi, 100, dtype=np.float32)[:, None]
    data = CalibrationData(name="one turn", x=x)
    assert quantize(model, RECIPES[name], data, where="hello").label


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match=r"hello\.tflite"):
        quantize(b"hello", RECIPES["dynamic"], None, where="hello.tflite")


@pytest.mark.parametrize("name", ["int8", "int8-float-io", "int16x8"])
def test_static_recipes_ask_for_calibration_data(
    digits_model: bytes, name: str
) -> None:
    with pytest.raises(ConfigError, match=f"{name} needs calibration data") as caught:
        quantize(digits_model, RECIPES[name], None, where="digits.tflite")
    assert caught.value.where == "digits.tflite"
    assert "dynamic, float16, weight-only-int8" in str(caught.value)


@pytest.mark.shared
@pytest.mark.parametrize("name", RECIPES)
def test_a_model_without_a_signature_is_quantized_and_gets_none(
    resnet_model: bytes, resnet_calibration: CalibrationData, name: str
) -> None:
    result = quantize(resnet_model, RECIPES[name], resnet_calibration, where="resnet")
    graph = read_graph(result.data, "resnet")
    assert "SignatureDef.signature_key" not in graph.bytes_by_field
    assert len(result.data) < 0.55 * len(resnet_model)
    engine = LitertEngine()
    engine.load(result.data)
    spec = engine.inputs[0]
    assert np.isfinite(engine.invoke([np.zeros(spec.shape, spec.dtype)])[0]).all()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["int8", "int16x8", "weight-only-int8"])
def test_resnet_answers_the_same_in_litert_and_tflite_micro(
    resnet_model: bytes, resnet_calibration: CalibrationData, name: str
) -> None:
    result = quantize(resnet_model, RECIPES[name], resnet_calibration, where="resnet")
    engines = (LitertEngine(Kernels.REFERENCE), TflmEngine())
    answers = []
    for engine in engines:
        engine.load(result.data)
        spec = engine.inputs[0]
        x = resnet_calibration.x / (spec.scale or 1.0) + spec.zero_point
        limits = np.iinfo(spec.dtype) if spec.scale else np.finfo(spec.dtype)
        x = np.clip(np.round(x), limits.min, limits.max).astype(spec.dtype)
        answers.append([int(engine.invoke([row[None]])[0].argmax()) for row in x])
    assert answers[0] == answers[1]
