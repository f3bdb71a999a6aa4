"""What `generate` returns, and which models it refuses in which words."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hil.codegen.compiled import generate
from hil.codegen.compiled.lowering import OPERATORS
from hil.errors import ModelError, UnsupportedOp

if TYPE_CHECKING:
    from types import ModuleType

M = Path("m.tflite")


def test_the_same_model_gives_the_same_files(tiny: ModuleType) -> None:
    model = tiny.int8_conv_model("float")
    first, second = generate(model, M), generate(model, M)
    assert [file.text for file in first.files] == [file.text for file in second.files]
    assert [file.name for file in first.files] == ["hil_model.h", "hil_model.c"]


def test_the_figures_are_those_of_the_files(tiny: ModuleType) -> None:
    made = generate(tiny.int8_conv_model(), M, variant="int8")
    header, source = (file.text for file in made.files)
    # An input of 16 bytes and an output of 8, rounded up to the alignment.
    assert (made.arena_bytes, made.lower_bound_bytes) == (32, 32)
    assert f"#define HIL_MODEL_ARENA_BYTES {made.arena_bytes}u" in header
    assert "arena:   32 bytes planned, 32 needed at one time" in source
    assert made.kernels == ("hil_conv_s8",)
    # Filter 18, bias 2 * 4, multipliers 2 * 4, shifts 2.
    assert made.constant_bytes == 36
    assert "variant: int8" in source


def test_the_hash_of_the_model_is_embedded(tiny: ModuleType) -> None:
    model = tiny.conv_model()
    source = generate(model, M).files[1].text
    array = source.split("hil_model_sha256[32] = {")[1].split("}")[0]
    digest = hashlib.sha256(model).digest()
    assert bytes(int(cell) for cell in array.split(",") if cell.strip()) == digest


def test_a_name_cannot_end_the_comment_that_it_stands_in(tiny: ModuleType) -> None:
    path = Path("a*\n#error.tflite")
    header = generate(tiny.conv_model(), path).files[0].text
    assert "model:   a<U+002A><U+000A>#error.tflite\n" in header


def test_the_operators_are_those_of_the_documentation() -> None:
    expected = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE
    FULLY_CONNECTED HARD_SWISH LOGISTIC MAX_POOL_2D MEAN MUL PAD QUANTIZE RELU RELU6
    RESHAPE RESIZE_NEAREST_NEIGHBOR SOFTMAX STRIDED_SLICE SUB TANH TRANSPOSE
    """
    assert set(expected.split()) == OPERATORS


def _unary(tiny: ModuleType, name: str, kind: str, **changes: object) -> bytes:
    tensors = [tiny.TinyTensor(shape=[4], type=kind, **changes) for _ in range(2)]
    operator = tiny.TinyOperator(name=name, inputs=[0], outputs=[1])
    graph = tiny.TinyGraph(tensors=tensors, operators=[operator])
    return tiny.build(tiny.TinyModel(graphs=[graph]))


def test_an_operator_that_only_others_have_is_named_with_them(
    tiny: ModuleType,
) -> None:
    with pytest.raises(UnsupportedOp) as caught:
        generate(_unary(tiny, "SQRT", "float32"), M)
    assert str(caught.value) == (
        "the compiled engine has no kernel for SQRT\n"
        "  where:   m.tflite: operator 0 (SQRT)\n"
        "  found:   SQRT\n"
        "  remedy:  TFLite Micro has a kernel for it (engine tflm); LiteRT runs it "
        "on a phone or on this machine (engine litert)"
    )


def test_an_operator_that_only_litert_has_is_named_with_it(tiny: ModuleType) -> None:
    with pytest.raises(UnsupportedOp) as caught:
        generate(_unary(tiny, "RANK", "float32"), M)
    assert caught.value.remedy == (
        "LiteRT runs it on a phone or on this machine (engine litert)"
    )


def test_a_custom_operator_needs_its_own_engine(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(name="CONV_2D", inputs=[0], outputs=[1], custom=True)
    model = tiny.conv_model(operators=[operator])
    with pytest.raises(UnsupportedOp, match="no kernel for CONV_2D") as caught:
        generate(model, M)
    assert caught.value.remedy == (
        "only an engine with its own kernel for it can run it"
    )


def test_types_that_no_kernel_has_are_named(tiny: ModuleType) -> None:
    with pytest.raises(UnsupportedOp, match="RELU for types uint8, uint8"):
        generate(_unary(tiny, "RELU", "uint8", scales=[0.5]), M)


def test_a_quantized_tensor_without_a_scale_is_refused(tiny: ModuleType) -> None:
    with pytest.raises(UnsupportedOp, match=r"tensor 0 \(int8\) has no plain scale"):
        generate(_unary(tiny, "RELU", "int8"), M)


def test_int16_zero_points_are_refused(tiny: ModuleType) -> None:
    model = _unary(tiny, "RELU", "int16", scales=[0.5], zero_points=[3])
    with pytest.raises(UnsupportedOp, match="with int16 zero points that are not 0"):
        generate(model, M)


def test_a_shape_that_does_not_follow_is_refused(tiny: ModuleType) -> None:
    tensors = list(tiny.conv_graph().tensors)
    tensors[1] = tiny.TinyTensor(shape=[1, 3, 2, 2], name="out")
    with pytest.raises(ModelError) as caught:
        generate(tiny.conv_model(tensors=tensors), M)
    assert caught.value.found == "[1, 3, 2, 2]"
    assert caught.value.allowed == "[1, 2, 2, 2]"


def test_a_model_without_operators_is_refused(tiny: ModuleType) -> None:
    with pytest.raises(ModelError, match="the model has no operator"):
        generate(tiny.conv_model(operators=[], outputs=[0]), M)


def test_a_tensor_that_nobody_writes_is_refused(tiny: ModuleType) -> None:
    with pytest.raises(ModelError, match="tensor 0 is read before anything is written"):
        generate(tiny.conv_model(inputs=[]), M)
