from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
import tflite
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hil.errors import ModelError
from hil.models.graph import read_graph
from hil.models.summary import summarize
from hil.models.verify import verify

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

_HYPOTHESIS = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def refused(data: bytes) -> ModelError:
    with pytest.raises(ModelError) as caught:
        verify(data, "m.tflite")
    assert caught.value.where is not None
    assert caught.value.where.startswith("m.tflite")
    return caught.value


def read_all_with_the_schema_package(data: bytes) -> None:
    """Read every field that other tools read, through unchecked accessors."""
    model = tflite.Model.GetRootAs(data, 0)
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        code.BuiltinCode(), code.CustomCode(), code.Version()
    for i in range(model.BuffersLength()):
        buffer = model.Buffers(i)
        buffer.DataAsNumpy(), buffer.Offset(), buffer.Size()
    for i in range(model.MetadataLength()):
        model.Metadata(i).Name(), model.Metadata(i).Buffer()
    for i in range(model.SubgraphsLength()):
        graph = model.Subgraphs(i)
        graph.InputsAsNumpy(), graph.OutputsAsNumpy(), graph.Name()
        for j in range(graph.TensorsLength()):
            tensor = graph.Tensors(j)
            tensor.ShapeAsNumpy(), tensor.Name(), tensor.Type(), tensor.Buffer()
            quantization = tensor.Quantization()
            if quantization is not None:
                quantization.ScaleAsNumpy(), quantization.ZeroPointAsNumpy()
                quantization.MinAsNumpy(), quantization.MaxAsNumpy()
        for j in range(graph.OperatorsLength()):
            operator = graph.Operators(j)
            operator.InputsAsNumpy(), operator.OutputsAsNumpy()
            operator.CustomOptionsAsNumpy(), operator.BuiltinOptionsType()
            if operator.BuiltinOptionsType() == tflite.BuiltinOptions.Conv2DOptions:
                options = tflite.Conv2DOptions()
                table = operator.BuiltinOptions()
                if table is not None:
                    options.Init(table.Bytes, table.Pos)
                    options.StrideW(), options.FusedActivationFunction()


def sound_or_refused(data: bytes, path: Path) -> None:
    """A file is either refused with a ModelError or can be read to the last field."""
    try:
        verify(data, "m.tflite")
    except ModelError:
        return
    read_all_with_the_schema_package(data)
    summarize(data, path)


def test_sound_models_pass(tiny: ModuleType) -> None:
    verify(tiny.conv_model(), "m.tflite")
    verify(tiny.int8_conv_model("float"), "m.tflite")


@pytest.mark.shared
def test_real_models_pass(shared: Path) -> None:
    files = sorted((shared / "models").glob("*.tflite"))
    assert files
    for path in files:
        verify(path.read_bytes(), str(path))
        read_all_with_the_schema_package(path.read_bytes())


def test_an_empty_file_is_named_so() -> None:
    error = refused(b"")
    assert error.what == "the model is empty"
    assert error.found == "0 bytes"
    assert error.remedy


@pytest.mark.parametrize(
    ("data", "found", "remedy"),
    [
        (b"PK\x03\x04rest of it", "zip archive (a .keras file is one)", "hil convert"),
        (b"\x89HDF\r\n\x1a\n....", "HDF5 file", "hil convert"),
        (b"\x08\x07\x12\x07pytorch", "ONNX model", "hil convert"),
        (b"\x1f\x8b\x08\x00\x00\x00", "gzip archive", "gunzip"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS pointer", "git lfs"),
        (b"\n<!DOCTYPE html><html>", "web page (HTML)", "fetch the file again"),
        (b"404: Not Found\n", "a text file", "get the file again"),
        (
            b"\x00\x01\x02\xff",
            "bytes that begin with 00 01 02 ff",
            "get the file again",
        ),
    ],
)
def test_a_file_that_is_no_tflite_is_told_what_it_looks_like(
    data: bytes, found: str, remedy: str
) -> None:
    error = refused(data)
    assert error.what == "not a .tflite file"
    assert found in str(error.found)
    assert error.allowed == "a FlatBuffer with TFL3 at byte 4"
    assert remedy in str(error.remedy)


def test_every_truncation_is_refused_or_readable(
    tiny: ModuleType, tmp_path: Path
) -> None:
    data = tiny.int8_conv_model("float")
    for length in range(len(data)):
        sound_or_refused(data[:length], tmp_path / "m.tflite")


def test_a_file_cut_in_half_is_called_cut_short(tiny: ModuleType) -> None:
    data = tiny.conv_model()
    error = refused(data[: len(data) // 2])
    assert "cut short or damaged" in error.what
    assert str(len(data) // 2) in str(error.allowed)


@_HYPOTHESIS
@given(st.data())
def test_flipped_bits_are_refused_or_readable(
    tiny: ModuleType, tmp_path: Path, data: st.DataObject
) -> None:
    model = bytearray(tiny.int8_conv_model("float"))
    for _ in range(data.draw(st.integers(1, 4))):
        bit = data.draw(st.integers(0, 8 * len(model) - 1))
        model[bit // 8] ^= 1 << bit % 8
    sound_or_refused(bytes(model), tmp_path / "m.tflite")


@_HYPOTHESIS
@given(st.data())
def test_overwritten_words_are_refused_or_readable(
    tiny: ModuleType, tmp_path: Path, data: st.DataObject
) -> None:
    model = bytearray(tiny.int8_conv_model("float"))
    words = st.sampled_from([0, 1, 4, 8, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1])
    for _ in range(data.draw(st.integers(1, 3))):
        place = 4 * data.draw(st.integers(0, len(model) // 4 - 1))
        struct.pack_into("<I", model, place, data.draw(words))
    sound_or_refused(bytes(model), tmp_path / "m.tflite")


@_HYPOTHESIS
@given(st.binary(max_size=400))
@example(b"\xff\xff\xff\xff")
def test_any_bytes_behind_the_identifier_are_refused_or_readable(
    tmp_path: Path, tail: bytes
) -> None:
    sound_or_refused(b"\x0c\x00\x00\x00TFL3" + tail, tmp_path / "m.tflite")


@pytest.mark.shared
def test_each_byte_of_a_real_model_may_be_damaged(shared: Path, tmp_path: Path) -> None:
    model = (shared / "models" / "hello_world_int8.tflite").read_bytes()
    for place in range(len(model)):
        damaged = bytearray(model)
        damaged[place] ^= 0xFF
        sound_or_refused(bytes(damaged), tmp_path / "m.tflite")


@pytest.mark.parametrize(
    ("place", "value", "what"),
    [
        (0, 2**32 - 4, "an offset leads beyond its end"),
        (0, 10**6, "an offset leads beyond its end"),
        (0, 0, "an offset points at itself"),
        (0, 13, "a value is not aligned"),
    ],
)
def test_a_hostile_root_is_refused(
    tiny: ModuleType, place: int, value: int, what: str
) -> None:
    data = bytearray(tiny.conv_model())
    struct.pack_into("<I", data, place, value)
    assert what in refused(bytes(data)).what


@pytest.mark.parametrize("offset", [-(2**31), 2**31 - 1, 1])
def test_a_hostile_field_list_is_refused(tiny: ModuleType, offset: int) -> None:
    data = bytearray(tiny.conv_model())
    root = struct.unpack_from("<I", data, 0)[0]
    struct.pack_into("<i", data, root, offset)
    assert "field list" in refused(bytes(data)).what


def test_an_absurd_count_is_refused_and_says_where(tiny: ModuleType) -> None:
    data = bytearray(tiny.conv_model())
    place = data.index(b"filter") - 4
    struct.pack_into("<I", data, place, 2**32 - 1)
    error = refused(bytes(data))
    assert "longer than the file" in error.what
    assert "subgraphs[0].tensors[2].name" in str(error.where)
    assert "4,294,967,295 elements" in str(error.found)


def test_a_text_without_its_end_is_refused(tiny: ModuleType) -> None:
    data = bytearray(tiny.conv_model())
    data[data.index(b"filter") + 6] = 1
    assert refused(bytes(data)).what == "a text does not end with a zero byte"


def test_parts_that_overlap_a_thousandfold_are_refused_in_linear_time() -> None:
    # 50,000 subgraphs that are one table, with 50,000 tensors that are one: to look
    # at each of the 2.5e9 would take hours.
    error = refused(_pointers(50_000))
    assert error.what == "parts of the model overlap"


def _pointers(count: int) -> bytes:
    """A model whose `count` subgraphs are one, with `count` tensors that are one."""
    data = bytearray(b"\0\0\0\0TFL3")
    model_vtable = len(data)
    data += struct.pack("<6H", 10, 8, 0, 0, 4, 0)  # field 2 (subgraphs) at byte 4
    model = len(data)
    data += struct.pack("<iI", model - model_vtable, 4)
    struct.pack_into("<I", data, 0, model)
    subgraphs = len(data)
    data += struct.pack("<I", count) + bytes(4 * count)
    graph_vtable = len(data)
    data += struct.pack("<4H", 6, 8, 4, 0)  # field 0 (tensors) at byte 4
    graph = len(data)
    data += struct.pack("<iI", graph - graph_vtable, 4)
    tensors = len(data)
    data += struct.pack("<I", count) + bytes(4 * count)
    tensor_vtable = len(data)
    data += struct.pack("<2H", 4, 4)
    tensor = len(data)
    data += struct.pack("<i", tensor - tensor_vtable)
    for start, target in ((subgraphs, graph), (tensors, tensor)):
        for index in range(count):
            place = start + 4 + 4 * index
            struct.pack_into("<I", data, place, target - place)
    return bytes(data)


def test_another_schema_version_is_refused(tiny: ModuleType) -> None:
    error = refused(tiny.build(tiny.TinyModel(graphs=[tiny.conv_graph()], version=4)))
    assert error.what == "the schema version of the model is not supported"
    assert (error.found, error.allowed) == ("4", "3")


def test_a_model_without_a_subgraph_is_refused(tiny: ModuleType) -> None:
    error = refused(tiny.build(tiny.TinyModel(graphs=[])))
    assert error.what == "the model has no subgraph"


@pytest.mark.parametrize(
    ("changes", "what", "where"),
    [
        ({"inputs": [9]}, "there is no tensor 9", "subgraph 0, inputs"),
        ({"inputs": [-1]}, "there is no tensor -1", "subgraph 0, inputs"),
        ({"outputs": [4]}, "there is no tensor 4", "subgraph 0, outputs"),
    ],
)
def test_subgraph_indices_lead_to_tensors(
    tiny: ModuleType, changes: dict[str, object], what: str, where: str
) -> None:
    error = refused(tiny.conv_model(**changes))
    assert error.what == what
    assert where in str(error.where)
    assert error.allowed == "0 to 3"


@pytest.mark.parametrize(
    ("inputs", "outputs", "opcode", "what"),
    [
        ([0, 2, 7], [1], None, "there is no tensor 7"),
        ([0, 2, -2], [1], None, "there is no tensor -2"),
        ([0, 2, 3], [-1], None, "there is no tensor -1"),
        ([0, 2, 3], [1], 5, "there is no operator code 5"),
    ],
)
def test_operator_indices_lead_to_what_exists(
    tiny: ModuleType,
    inputs: list[int],
    outputs: list[int],
    opcode: int | None,
    what: str,
) -> None:
    operator = tiny.TinyOperator(
        name="CONV_2D", inputs=inputs, outputs=outputs, opcode_index=opcode
    )
    error = refused(tiny.conv_model(operators=[operator]))
    assert error.what == what
    assert "subgraph 0, operator 0" in str(error.where)


def test_an_optional_input_may_be_left_out(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(name="CONV_2D", inputs=[0, 2, -1], outputs=[1])
    verify(tiny.conv_model(operators=[operator]), "m.tflite")


def test_an_operator_code_that_no_schema_has_is_refused(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(name="4711", inputs=[0], outputs=[1])
    error = refused(tiny.conv_model(operators=[operator]))
    assert error.what == "an operator code is unknown"
    assert error.found == "4711"


def test_a_custom_operator_needs_a_name(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(name="", custom=True, inputs=[0], outputs=[1])
    error = refused(tiny.conv_model(operators=[operator]))
    assert error.what == "a custom operator has no name"


def with_constant(tiny: ModuleType, **values: object) -> bytes:
    """A model whose tensor 2 is what *values* say."""
    tensors = [tiny.TinyTensor(shape=[1]), tiny.TinyTensor(shape=[1])]
    tensors.append(tiny.TinyTensor(**values))
    operator = tiny.TinyOperator(name="ADD", inputs=[0, 2], outputs=[1])
    return bytes(tiny.conv_model(tensors=tensors, operators=[operator]))


@pytest.mark.parametrize(
    "shape", [[-1, 4], [2**31 - 1, 2], [65536, 65536], [2**31 - 1, 2**31 - 1, 0]]
)
def test_an_impossible_shape_is_refused(tiny: ModuleType, shape: list[int]) -> None:
    error = refused(with_constant(tiny, shape=shape))
    assert error.what == "the shape of a tensor is impossible"
    assert "tensor 2" in str(error.where)
    assert error.found == str(shape)


@pytest.mark.parametrize(
    ("shape", "dtype", "size_bytes"),
    [
        ([3, 3], "float32", 36),
        ([3, 3], "float16", 18),
        ([3, 3], "int4", 5),
        ([3], "int64", 24),
        ([], "int8", 1),
        ([4], "bool", 4),
    ],
)
def test_a_constant_holds_as_many_bytes_as_its_shape_needs(
    tiny: ModuleType, shape: list[int], dtype: str, size_bytes: int
) -> None:
    verify(
        with_constant(tiny, shape=shape, type=dtype, data=bytes(size_bytes)), "m.tflite"
    )
    error = refused(
        with_constant(tiny, shape=shape, type=dtype, data=bytes(size_bytes + 1))
    )
    assert error.what == "the data of a constant do not match its shape and type"
    assert f"{size_bytes + 1} bytes in buffer" in str(error.found)
    assert f"{size_bytes} bytes" in str(error.allowed)
    assert dtype in str(error.allowed)


def test_texts_and_sparse_tensors_have_sizes_of_their_own(tiny: ModuleType) -> None:
    verify(with_constant(tiny, shape=[3], type="string", data=bytes(40)), "m.tflite")
    verify(with_constant(tiny, shape=[3], data=bytes(4), sparse=True), "m.tflite")


def test_a_buffer_index_leads_to_a_buffer(tiny: ModuleType) -> None:
    error = refused(with_constant(tiny, shape=[3], buffer=77))
    assert error.what == "there is no buffer 77"


def test_a_tensor_type_that_no_schema_has_is_refused(tiny: ModuleType) -> None:
    error = refused(with_constant(tiny, shape=[3], type=99))
    assert error.what == "the type of a tensor is unknown"
    assert error.found == "99"


@pytest.mark.parametrize(("offset", "size"), [(100, 2**40), (2**63, 8), (10**6, 8)])
def test_data_behind_the_tables_lie_inside_the_file(
    tiny: ModuleType, offset: int, size: int
) -> None:
    model = tiny.TinyModel(graphs=[tiny.conv_graph()], buffers=[(offset, size)])
    error = refused(tiny.build(model))
    assert "data lie beyond its end" in error.what
    assert "buffer 1" in str(error.where)


def test_data_behind_the_tables_are_read(tiny: ModuleType) -> None:
    graph = tiny.conv_graph()
    graph.tensors[2].data = None
    graph.tensors[2].buffer = 1
    size = len(tiny.build(tiny.TinyModel(graphs=[graph], buffers=[(16, 72)])))
    model = tiny.TinyModel(graphs=[graph], buffers=[(size, 72)])
    built = tiny.build(model)
    assert len(built) == size
    data = built + bytes(range(72))
    filters = read_graph(data, "m.tflite")
    tensor = filters.subgraphs[0].tensors[2]
    assert filters.data_of(tensor) == bytes(range(72))


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"scales": [0.1, 0.2]}, "the number of scales does not match the shape"),
        (
            {"scales": [0.1] * 3, "zero_points": [0]},
            "scales and zero points differ in number",
        ),
        ({"scales": [0.1] * 3, "axis": 2}, "the quantized dimension does not exist"),
        ({"scales": [0.1] * 3, "axis": -1}, "the quantized dimension does not exist"),
        ({"scales": [float("nan")]}, "a scale is not a number"),
        ({"scales": [float("inf")]}, "a scale is not a number"),
    ],
)
def test_quantization_fits_its_tensor(
    tiny: ModuleType, values: dict[str, object], what: str
) -> None:
    data = bytes(9)
    error = refused(with_constant(tiny, shape=[3, 3], type="int8", data=data, **values))
    assert error.what == what
    assert "tensor 2" in str(error.where)


def test_the_filters_axis_on_a_bias_passes_as_in_old_converters(
    tiny: ModuleType,
) -> None:
    data = with_constant(
        tiny, shape=[3], type="int32", data=bytes(12), scales=[0.1] * 3, axis=3
    )
    tensor = read_graph(data, "m.tflite").subgraphs[0].tensors[2]
    assert tensor.quantization is not None
    assert tensor.quantization.axis == 0


def loop(tiny: ModuleType, *calls: tuple[int, int]) -> bytes:
    """A model whose subgraph i calls the two subgraphs calls[i] in a WHILE."""
    graphs = [
        tiny.conv_graph(
            operators=[
                tiny.TinyOperator(
                    name="WHILE",
                    inputs=[0],
                    outputs=[1],
                    options=tiny.while_options(*pair),
                )
            ]
        )
        for pair in calls
    ]
    graphs.append(tiny.conv_graph())
    return bytes(tiny.build(tiny.TinyModel(graphs=graphs)))


def test_a_subgraph_may_call_others_but_not_itself(tiny: ModuleType) -> None:
    verify(loop(tiny, (1, 1)), "m.tflite")
    verify(loop(tiny, (1, 2), (2, 2)), "m.tflite")
    assert refused(loop(tiny, (0, 1))).what == "a subgraph calls itself"
    error = refused(loop(tiny, (1, 2), (0, 2)))
    assert error.what == "a subgraph calls itself"
    assert error.found == "subgraphs [0, 1]"


def test_a_call_leads_to_a_subgraph(tiny: ModuleType) -> None:
    error = refused(loop(tiny, (1, 5)))
    assert error.what == "there is no subgraph 5"


def test_metadata_and_signatures_lead_to_what_exists(tiny: ModuleType) -> None:
    graphs = [tiny.conv_graph()]
    verify(
        tiny.build(
            tiny.TinyModel(graphs=graphs, metadata=[("m", 0)], signature=(0, [1]))
        ),
        "m.tflite",
    )
    error = refused(tiny.build(tiny.TinyModel(graphs=graphs, metadata=[("m", 9)])))
    assert error.what == "there is no buffer 9"
    error = refused(tiny.build(tiny.TinyModel(graphs=graphs, signature=(3, []))))
    assert error.what == "there is no subgraph 3"
    error = refused(tiny.build(tiny.TinyModel(graphs=graphs, signature=(0, [44]))))
    assert error.what == "there is no tensor 44"


def test_buffer_0_stands_for_no_data(tiny: ModuleType) -> None:
    # The builder's buffer 0 is empty; its table is given the data of another.
    data = bytearray(with_constant(tiny, shape=[3], data=b"abcdefghijkl"))
    model = tflite.Model.GetRootAs(bytes(data), 0)
    first, second = (model.Buffers(i)._tab.Pos for i in (0, 1))
    place = data.index(struct.pack("<I", 2), 0)
    for start in range(place, len(data) - 8, 4):
        offsets = struct.unpack_from("<2I", data, start + 4)
        if (start + 4 + offsets[0], start + 8 + offsets[1]) == (first, second):
            struct.pack_into("<I", data, start + 4, second - start - 4)
            break
    error = refused(bytes(data))
    assert error.what == "buffer 0 must be empty, since it stands for 'no data'"
