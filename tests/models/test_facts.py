from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from hil.errors import ModelError
from hil.models.facts import (
    anatomy,
    artifact,
    count_macs,
    operator_names,
    read_model,
    sha256_of,
)
from hil.models.graph import read_graph

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def macs(tiny: ModuleType, name: str, *shapes: list[int], out: list[int]) -> int:
    """The MACs of one operator with constant or other inputs of these shapes."""
    tensors = [tiny.TinyTensor(shape=shape) for shape in (*shapes, out)]
    operator = tiny.TinyOperator(
        name=name, inputs=range(len(shapes)), outputs=[len(shapes)]
    )
    data = tiny.conv_model(tensors=tensors, operators=[operator])
    return count_macs(read_graph(data, "m")).total


def test_multiply_accumulates_follow_from_the_shapes(tiny: ModuleType) -> None:
    conv = macs(tiny, "CONV_2D", [1, 8, 8, 4], [6, 3, 3, 4], out=[1, 8, 8, 6])
    assert conv == 8 * 8 * 6 * 3 * 3 * 4
    grouped = macs(tiny, "CONV_2D", [1, 8, 8, 4], [6, 3, 3, 2], out=[1, 8, 8, 6])
    assert grouped == conv // 2
    depthwise = macs(
        tiny, "DEPTHWISE_CONV_2D", [1, 8, 8, 4], [1, 3, 3, 4], out=[1, 4, 4, 4]
    )
    assert depthwise == 4 * 4 * 4 * 3 * 3
    assert macs(tiny, "FULLY_CONNECTED", [2, 10], [5, 10], out=[2, 5]) == 2 * 5 * 10
    transposed = macs(
        tiny, "TRANSPOSE_CONV", [4], [6, 3, 3, 4], [1, 8, 8, 4], out=[1, 16, 16, 6]
    )
    assert transposed == 8 * 8 * 4 * 3 * 3 * 6
    assert macs(tiny, "BATCH_MATMUL", [2, 3, 7], [2, 7, 5], out=[2, 3, 5]) == 210


def test_operators_without_a_formula_count_zero_and_are_named(tiny: ModuleType) -> None:
    graph = read_graph(tiny.int8_conv_model("float"), "m")
    counted = count_macs(graph)
    assert counted.per_operator == (0, 72, 0)
    assert counted.total == 72
    assert counted.uncounted == ("DEQUANTIZE", "QUANTIZE")


def test_a_convolution_without_its_filter_counts_nothing(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(name="CONV_2D", inputs=[0], outputs=[1])
    graph = read_graph(tiny.conv_model(operators=[operator]), "m")
    assert count_macs(graph).uncounted == ("CONV_2D",)


def test_a_custom_operator_is_not_taken_for_a_builtin(tiny: ModuleType) -> None:
    operator = tiny.TinyOperator(
        name="CONV_2D", custom=True, inputs=[0, 2, 3], outputs=[1]
    )
    graph = read_graph(tiny.conv_model(operators=[operator]), "m")
    assert count_macs(graph).uncounted == ("CONV_2D",)


def test_the_parts_of_a_file_add_up_to_it(tiny: ModuleType) -> None:
    data = tiny.int8_conv_model()
    parts = anatomy(read_graph(data, "m"))
    assert parts.weight_bytes == 18 + 8
    # 4 tensors with 1, 1, 2 and 2 scales: 12 bytes each, and two length fields.
    assert parts.quantization_bytes == 6 * 12 + 4 * 8
    assert parts.name_bytes == sum(
        4 + len(name)
        for name in (
            *("in", "out", "filter", "bias", "float_in", "float_out"),
            "main",  # of the subgraph
        )
    )
    assert len(data) == (
        parts.weight_bytes
        + parts.quantization_bytes
        + parts.name_bytes
        + parts.metadata_bytes
        + parts.rest_bytes
    )


def test_an_artifact_names_each_operator_once(tiny: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "small.tflite"
    data = tiny.int8_conv_model("float")
    path.write_bytes(data)
    made = artifact(path, "int8")
    assert (made.name, made.variant, made.path) == ("small", "int8", path)
    assert made.sha256 == hashlib.sha256(data).hexdigest() == sha256_of(data)
    assert made.size_bytes == len(data)
    assert made.ops == ("CONV_2D", "DEQUANTIZE", "QUANTIZE")
    assert artifact(path).variant == "as-is"


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent.tflite"
    with pytest.raises(ModelError, match="the model cannot be read") as caught:
        read_model(path)
    assert caught.value.where == str(path)
    assert caught.value.found == "No such file or directory"
    with pytest.raises(ModelError, match="Is a directory"):
        artifact(tmp_path)


@pytest.mark.shared
def test_the_facts_of_the_kws_model_are_those_known(shared: Path) -> None:
    path = shared / "models" / "kws_ref_model.tflite"
    graph = read_graph(path.read_bytes(), str(path))
    assert count_macs(graph).total == 2_656_768
    assert operator_names(graph) == (
        "AVERAGE_POOL_2D",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "RESHAPE",
        "SOFTMAX",
    )
    parts = anatomy(graph)
    assert 18_000 < parts.quantization_bytes < 20_000
    assert 5_000 < parts.name_bytes < 6_000
