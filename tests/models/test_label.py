from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.models.graph import read_graph
from hil.models.label import Kind, Label, label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType


class Net:
    """Strings operators together, so that a test reads like the model it is about."""

    def __init__(self, tiny: ModuleType) -> None:
        self.tiny = tiny
        self.tensors: list[object] = []
        self.operators: list[object] = []

    def value(self, dtype: str = "float32", **more: object) -> int:
        """An activation; integers come with a scale."""
        if dtype.startswith(("int8", "int16", "uint8", "int4")):
            more.setdefault("scales", [0.1])
        self.tensors.append(self.tiny.TinyTensor(shape=[2, 2], type=dtype, **more))
        return len(self.tensors) - 1

    def constant(self, dtype: str = "float32", *, shape: Sequence[int] = (2, 2)) -> int:
        """A constant of that many elements, with one scale per row for integers."""
        bits = {"float32": 32, "float16": 16, "int4": 4, "int16": 16, "int32": 32}
        elements = 1
        for size in shape:
            elements *= size
        scales = [0.1] * shape[0] if dtype in {"int8", "uint8", "int4"} else []
        data = bytes(-(-elements * bits.get(dtype, 8) // 8))
        tensor = self.tiny.TinyTensor(shape=shape, type=dtype, data=data, scales=scales)
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def op(self, name: str, *inputs: int, out: str = "float32") -> int:
        """An operator; returns its output."""
        output = self.value(out)
        self.operators.append(
            self.tiny.TinyOperator(name=name, inputs=inputs, outputs=[output])
        )
        return output

    def label(self, inputs: list[int], outputs: list[int]) -> Label:
        graph = self.tiny.TinyGraph(
            tensors=self.tensors,
            operators=self.operators,
            inputs=inputs,
            outputs=outputs,
        )
        data = self.tiny.build(self.tiny.TinyModel(graphs=[graph]))
        return label(read_graph(data, "m.tflite"))


@pytest.fixture
def net(tiny: ModuleType) -> Net:
    return Net(tiny)


def test_floats_throughout_are_float32(net: Net) -> None:
    start = net.value()
    middle = net.op("FULLY_CONNECTED", start, net.constant(), net.constant(shape=[2]))
    end = net.op("SOFTMAX", middle)
    made = net.label([start], [end])
    assert (made.kind, made.boundary, made.text) == (Kind.FLOAT32, "float", "float32")
    assert [place.name for place in made.floats] == ["FULLY_CONNECTED", "SOFTMAX"]
    assert (made.islands, made.per_channel) == (1, "none")
    assert (made.weights.quantized, made.weights.total) == (0, 1)  # a bias is none


def test_integer_weights_straight_into_float_operators_are_dynamic_range(
    net: Net,
) -> None:
    start = net.value()
    middle = net.op("FULLY_CONNECTED", start, net.constant("int8"))
    end = net.op("FULLY_CONNECTED", middle, net.constant())
    made = net.label([start], [end])
    assert made.kind is Kind.DYNAMIC_RANGE
    assert made.text == "dynamic range, 1 of 2 weights int8"
    assert made.weights.types == {"float32": 1, "int8": 1}
    assert made.per_channel == "yes"
    assert len(made.floats) == 2


def test_integer_weights_behind_a_dequantize_are_weight_only(net: Net) -> None:
    start = net.value()
    weight = net.op("DEQUANTIZE", net.constant("int8"))
    end = net.op("FULLY_CONNECTED", start, weight)
    made = net.label([start], [end])
    assert made.kind is Kind.WEIGHT_ONLY
    assert made.text == "weight-only int8, 1 of 1 weights"
    assert [place.name for place in made.floats] == ["FULLY_CONNECTED"]


def test_a_dequantized_weight_is_traced_through_a_reshape(net: Net) -> None:
    start = net.value()
    weight = net.op("RESHAPE", net.op("DEQUANTIZE", net.constant("int4")))
    end = net.op("FULLY_CONNECTED", start, weight)
    made = net.label([start], [end])
    assert made.text == "weight-only int4, 1 of 1 weights"


def test_both_ways_of_storing_weights_are_mixed(net: Net) -> None:
    start = net.value()
    middle = net.op("FULLY_CONNECTED", start, net.constant("int8"))
    weight = net.op("DEQUANTIZE", net.constant("int8"))
    end = net.op("FULLY_CONNECTED", middle, weight)
    made = net.label([start], [end])
    assert made.kind is Kind.MIXED
    assert made.text == "mixed: float with weights 1 int8 dequantized, 1 int8 direct"


def test_float16_weights_behind_a_dequantize_are_float16(net: Net) -> None:
    start = net.value()
    half = net.op("DEQUANTIZE", net.constant("float16"))
    bias = net.op("DEQUANTIZE", net.constant("float16", shape=[2]))
    end = net.op("FULLY_CONNECTED", start, half, bias)
    made = net.label([start], [end])
    assert (made.kind, made.text) == (Kind.FLOAT16, "float16 weights")
    assert made.weights.types == {"float16": 1}
    assert made.weights.quantized == 0


def test_float16_weights_beside_float32_ones_are_counted(net: Net) -> None:
    start = net.value()
    half = net.op("DEQUANTIZE", net.constant("float16"))
    middle = net.op("FULLY_CONNECTED", start, half)
    end = net.op("FULLY_CONNECTED", middle, net.constant())
    made = net.label([start], [end])
    assert made.text == "float16 weights, 1 of 2"


def test_arithmetic_in_float16_is_float16(net: Net) -> None:
    start = net.value("float16")
    end = net.op("RELU", start, out="float16")
    made = net.label([start], [end])
    assert (made.kind, made.text) == (Kind.FLOAT16, "float16 activations")


@pytest.mark.parametrize(
    ("activation", "weight", "kind", "text"),
    [
        ("int8", "int8", Kind.INT8, "full int8, int8 boundary"),
        ("uint8", "uint8", Kind.UINT8, "full uint8, uint8 boundary"),
        ("int16", "int8", Kind.INT16X8, "16x8, int16 boundary"),
        ("int16", "int16", Kind.INT16, "int16 activations, int16 boundary"),
        (
            "int8",
            "int4",
            Kind.INT4,
            "1 of 1 weights int4, int8 activations, int8 boundary",
        ),
    ],
)
def test_integers_throughout_are_named_by_their_types(
    net: Net, activation: str, weight: str, kind: Kind, text: str
) -> None:
    start = net.value(activation)
    bias = net.constant("int32", shape=[2])
    end = net.op("FULLY_CONNECTED", start, net.constant(weight), bias, out=activation)
    made = net.label([start], [end])
    assert (made.kind, made.text, made.boundary) == (kind, text, activation)
    assert made.floats == ()
    assert made.weights.quantized == made.weights.total == 1


def test_a_float_boundary_does_not_make_an_integer_model_mixed(net: Net) -> None:
    start = net.value()
    moved = net.op("RESHAPE", start)
    middle = net.op("QUANTIZE", moved, out="int8")
    middle = net.op("FULLY_CONNECTED", middle, net.constant("int8"), out="int8")
    end = net.op("DEQUANTIZE", middle)
    made = net.label([start], [end])
    assert (made.kind, made.boundary) == (Kind.INT8, "float")
    assert made.text == "full int8, float boundary"
    assert (made.floats, made.islands) == ((), 0)


def test_a_boundary_with_two_types_is_told_side_by_side(net: Net) -> None:
    start = net.value("int8")
    middle = net.op("FULLY_CONNECTED", start, net.constant("int8"), out="int8")
    end = net.op("DEQUANTIZE", middle)
    made = net.label([start], [end])
    assert made.boundary == "mixed"
    assert made.text == "full int8, mixed boundary (int8 in, float out)"


def test_float_islands_are_counted_and_named(net: Net) -> None:
    start = net.value("int8")
    middle = start
    for _ in range(3):
        middle = net.op("FULLY_CONNECTED", middle, net.constant("int8"), out="int8")
        middle = net.op("DEQUANTIZE", middle)
        middle = net.op("LOGISTIC", middle)
        middle = net.op("RESHAPE", middle)
        middle = net.op("TANH", middle)
        middle = net.op("QUANTIZE", middle, out="int8")
    made = net.label([start], [middle])
    assert made.kind is Kind.MIXED
    assert made.text == "mixed: 3 float islands, int8 elsewhere, int8 boundary"
    assert made.islands == 3
    assert [place.name for place in made.floats] == ["LOGISTIC", "TANH"] * 3
    assert [place.operator for place in made.floats[:2]] == [2, 4]


def test_a_float_softmax_at_the_end_is_an_island(net: Net) -> None:
    start = net.value("int8")
    middle = net.op("FULLY_CONNECTED", start, net.constant("int8"), out="int8")
    end = net.op("SOFTMAX", net.op("DEQUANTIZE", middle))
    made = net.label([start], [end])
    assert made.text.startswith("mixed: 1 float island, int8 elsewhere")


def test_floats_that_are_only_moved_between_integers_are_an_island(net: Net) -> None:
    start = net.value("int8")
    middle = net.op("FULLY_CONNECTED", start, net.constant("int8"), out="int8")
    middle = net.op("RESHAPE", net.op("DEQUANTIZE", middle))
    middle = net.op("QUANTIZE", middle, out="int8")
    end = net.op("FULLY_CONNECTED", middle, net.constant("int8"), out="int8")
    made = net.label([start], [end])
    assert made.kind is Kind.MIXED
    assert [place.name for place in made.floats] == ["RESHAPE"]


def test_two_integer_types_of_activations_are_mixed(net: Net) -> None:
    start = net.value("int8")
    middle = net.op("FULLY_CONNECTED", start, net.constant("int8"), out="int8")
    middle = net.op("QUANTIZE", middle, out="int16")
    end = net.op("FULLY_CONNECTED", middle, net.constant("int8"), out="int16")
    made = net.label([start], [end])
    assert made.kind is Kind.MIXED
    assert made.text.startswith("mixed: int16 and int8 activations")


def test_a_state_may_have_a_type_of_its_own(net: Net) -> None:
    start = net.value("int8")
    state = net.value("int16", is_variable=True)
    end = net.op("SVDF", start, net.constant("int8"), state, out="int8")
    made = net.label([start], [end])
    assert made.kind is Kind.INT8


def test_constants_of_elementwise_operators_are_weights_but_not_single_ones(
    net: Net,
) -> None:
    start = net.value()
    middle = net.op("MUL", start, net.constant(shape=[2]))
    end = net.op("ADD", middle, net.constant(shape=[1]))
    assert net.label([start], [end]).weights.total == 1


def test_arguments_of_operators_are_no_weights(net: Net) -> None:
    start = net.value()
    padded = net.op("PAD", start, net.constant("int32", shape=[2, 2]))
    end = net.op("RELU", padded)
    assert net.label([start], [end]).weights.total == 0


def test_a_shared_weight_counts_once(net: Net) -> None:
    start = net.value()
    weight = net.constant("int8")
    middle = net.op("FULLY_CONNECTED", start, weight)
    end = net.op("FULLY_CONNECTED", middle, weight)
    made = net.label([start], [end])
    assert made.text == "dynamic range, 1 of 1 weights int8"


def test_a_table_that_is_looked_up_is_a_weight(net: Net) -> None:
    start = net.value("int32")
    looked_up = net.op("EMBEDDING_LOOKUP", start, net.constant("int8"))
    end = net.op("RELU", looked_up)
    made = net.label([start], [end])
    assert made.kind is Kind.DYNAMIC_RANGE
    assert made.text == (
        "dynamic range, 1 of 1 weights int8, mixed boundary (int32 in, float out)"
    )


def test_integers_without_scales_are_no_quantized_model(net: Net) -> None:
    start = net.value("int32")
    end = net.op("ADD", start, start, out="int32")
    made = net.label([start], [end])
    assert made.kind is Kind.INTEGER
    assert made.text == "integers without scales, int32 boundary"


def test_a_model_that_only_converts_computes_nothing(net: Net) -> None:
    start = net.value()
    end = net.op("QUANTIZE", start, out="int8")
    made = net.label([start], [end])
    assert made.kind is Kind.EMPTY
    assert made.text == "no operator computes, mixed boundary (float in, int8 out)"
    assert Net(net.tiny).label([], []).text == "no operator computes, no boundary"


def test_one_scale_for_many_channels_is_per_tensor(net: Net) -> None:
    start = net.value("int8")
    net.tensors.append(
        net.tiny.TinyTensor(shape=[2, 2], type="int8", data=bytes(4), scales=[0.1])
    )
    per_tensor = len(net.tensors) - 1
    middle = net.op("FULLY_CONNECTED", start, per_tensor, out="int8")
    assert net.label([start], [middle]).per_channel == "no"
    end = net.op("FULLY_CONNECTED", middle, net.constant("int8"), out="int8")
    assert net.label([start], [end]).per_channel == "mixed"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "text", "per_channel"),
    [
        ("kws_ref_model", "full int8, int8 boundary", "mixed"),
        ("kws_ref_model_float32", "dynamic range, 5 of 10 weights int8", "no"),
        ("pretrainedResnet", "float32", "none"),
        ("pretrainedResnet_quant", "full int8, int8 boundary", "mixed"),
        ("hello_world_float", "float32", "none"),
        ("hello_world_int8", "full int8, int8 boundary", "no"),
    ],
)
def test_real_models_get_their_true_label(
    shared: Path, name: str, text: str, per_channel: str
) -> None:
    data = (shared / "models" / f"{name}.tflite").read_bytes()
    made = label(read_graph(data, name))
    assert (made.text, made.per_channel) == (text, per_channel)
