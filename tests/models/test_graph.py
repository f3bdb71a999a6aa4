from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import tflite

from hil.errors import ModelError
from hil.models import schema
from hil.models.flatbuffer import Table
from hil.models.graph import read_graph
from hil.models.verify import operator_code

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    import flatbuffers


def test_a_graph_has_what_was_written(tiny: ModuleType) -> None:
    graph = read_graph(tiny.int8_conv_model("float"), "m.tflite")
    assert (graph.version, graph.description) == (3, "tiny")
    (main,) = graph.subgraphs
    assert main.name == "main"
    assert (main.inputs, main.outputs) == ((4,), (5,))
    assert [op.name for op in main.operators] == ["QUANTIZE", "CONV_2D", "DEQUANTIZE"]
    conv = main.operators[1]
    assert (conv.inputs, conv.outputs, conv.version) == ((0, 2, 3), (1,), 1)
    assert conv.options["padding"] == "VALID"
    assert conv.options["activation"] == "RELU6"
    assert conv.options["stride_w"] == 1
    assert conv.options["dilation_w_factor"] == 1  # the schema's default is not 0
    weights = main.inputs_of(conv)[1]
    assert weights is not None
    assert (weights.name, weights.type, weights.shape) == (
        "filter",
        "int8",
        (2, 3, 3, 1),
    )
    assert (weights.buffer_bytes, weights.elements) == (18, 18)
    assert weights.is_constant
    assert graph.data_of(weights) == bytes(18)
    quantization = weights.quantization
    assert quantization is not None
    assert quantization.scales == pytest.approx((0.1, 0.2))
    assert (quantization.zero_points, quantization.axis) == ((0, 0), 0)
    activation = main.tensors[0].quantization
    assert activation is not None
    assert (activation.scales, activation.zero_points) == ((0.5,), (3,))
    assert activation.axis is None


def test_an_input_that_is_left_out_is_none(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(name="CONV_2D", inputs=[0, 2, -1], outputs=[1])
    main = read_graph(tiny.conv_model(operators=[operator]), "m").subgraphs[0]
    assert main.inputs_of(main.operators[0])[2] is None
    assert main.operators[0].options == {}


def test_an_absent_pot_scale_int16_has_the_default_of_the_schema(
    tiny: ModuleType,
) -> None:
    def options(b: flatbuffers.Builder) -> tuple[int, int]:
        tflite.AddOptionsStart(b)
        return tflite.BuiltinOptions.AddOptions, tflite.AddOptionsEnd(b)

    def without(b: flatbuffers.Builder) -> tuple[int, int]:
        tflite.AddOptionsStart(b)
        tflite.AddOptionsAddPotScaleInt16(b, potScaleInt16=False)
        return tflite.BuiltinOptions.AddOptions, tflite.AddOptionsEnd(b)

    for write, expected in ((options, True), (without, False)):
        operator = tiny.TinyOperator(
            name="ADD", inputs=[0, 0], outputs=[1], options=write
        )
        graph = read_graph(tiny.conv_model(operators=[operator]), "m")
        options_read = graph.subgraphs[0].operators[0].options
        assert options_read["pot_scale_int16"] is expected


def test_a_custom_operator_goes_by_its_own_name(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(name="RESHAPE", custom=True, inputs=[0], outputs=[1])
    main = read_graph(tiny.conv_model(operators=[operator]), "m").subgraphs[0]
    assert (main.operators[0].name, main.operators[0].is_custom) == ("RESHAPE", True)


def test_a_variable_is_no_constant(tiny: ModuleType) -> None:
    tensors = [
        tiny.TinyTensor(shape=[2], is_variable=True, data=bytes(8)),
        tiny.TinyTensor(shape=[2]),
    ]
    operator = tiny.TinyOperator(name="ABS", inputs=[0], outputs=[1])
    data = tiny.conv_model(tensors=tensors, operators=[operator])
    assert not read_graph(data, "m").subgraphs[0].tensors[0].is_constant


def test_metadata_are_read_by_name(tiny: ModuleType) -> None:
    model = tiny.TinyModel(
        graphs=[tiny.conv_graph()], buffers=[b"1.5.0"], metadata=[("min", 1)]
    )
    assert read_graph(tiny.build(model), "m").metadata == {"min": b"1.5.0"}


def test_a_name_that_is_no_utf_8_is_still_read(tiny: ModuleType) -> None:
    data = tiny.conv_model().replace(b"filter", b"fi\xff\xfeer")
    assert read_graph(data, "m").subgraphs[0].tensors[2].name == "fi\ufffd\ufffder"


def test_an_unsound_model_is_refused_under_its_name() -> None:
    with pytest.raises(ModelError, match=r"where: +some/path\.tflite"):
        read_graph(b"nothing", "some/path.tflite")


@pytest.mark.shared
def test_real_models_read_as_with_the_schema_package(shared: Path) -> None:
    files = sorted((shared / "models").glob("*.tflite"))
    assert files
    for path in files:
        data = path.read_bytes()
        theirs = tflite.Model.GetRootAs(data, 0)
        for ours in read_graph(data, path.name).subgraphs:
            graph = theirs.Subgraphs(ours.index)
            assert ours.inputs == tuple(graph.InputsAsNumpy())
            assert len(ours.tensors) == graph.TensorsLength()
            assert len(ours.operators) == graph.OperatorsLength()
            for tensor in ours.tensors:
                other = graph.Tensors(tensor.index)
                assert tensor.name == other.Name().decode()
                assert tensor.shape == tuple(
                    other.Shape(i) for i in range(other.ShapeLength())
                )
                assert schema.TENSOR_TYPES.index(tensor.type) == other.Type()
                scales = other.Quantization().ScaleAsNumpy()
                if tensor.quantization is not None:
                    assert tensor.quantization.scales == tuple(scales)
            for operator in ours.operators:
                other = graph.Operators(operator.index)
                code = theirs.OperatorCodes(other.OpcodeIndex())
                assert operator.name == tflite.opcode2name(code.BuiltinCode())
                assert operator.version == code.Version()
                assert operator.inputs == tuple(other.InputsAsNumpy())


def test_the_schema_names_what_the_schema_package_names() -> None:
    codes = {
        value: name
        for name, value in vars(tflite.BuiltinOperator).items()
        if not name.startswith("_")
    }
    assert [codes[code] for code in sorted(codes)] == list(schema.OPERATORS)[
        : len(codes)
    ]
    options = {
        value: name
        for name, value in vars(tflite.BuiltinOptions).items()
        if not name.startswith("_")
    }
    assert (
        tuple(options[code] for code in sorted(options))
        == schema.UNIONS["BuiltinOptions"]
    )


def test_the_tables_of_the_schema_do_not_nest_in_themselves() -> None:
    def depth(kind: str, above: tuple[str, ...] = ()) -> int:
        assert kind not in above
        targets = [
            name
            for field in schema.LAYOUTS[kind]
            if field.target
            for name in schema.UNIONS.get(field.target, (field.target,))
            if name != "NONE"
        ]
        return 1 + max((depth(name, (*above, kind)) for name in targets), default=0)

    assert depth("Model") == 6


@pytest.mark.parametrize(
    ("old", "new", "code"), [(3, 0, 3), (0, 3, 3), (127, 128, 128), (3, 3, 3)]
)
def test_an_operator_code_is_the_larger_of_two_as_in_the_runtimes(
    old: int, new: int, code: int
) -> None:
    class Code(Table):
        def __init__(self) -> None:
            self.values = {"deprecated_builtin_code": old, "builtin_code": new}

        def scalar(self, name: str, code: str, *, default: int = 0) -> int:
            del code, default
            return self.values[name]

    assert operator_code(Code()) == code
