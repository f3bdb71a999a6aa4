from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hil.codegen.op_resolver import (
    BUILTIN_METHODS,
    CUSTOM_METHODS,
    render_op_resolver,
    resolver_methods,
)
from hil.codegen.source import Provenance
from hil.errors import ModelError, UnsupportedOp
from hil.models import schema
from hil.models.graph import Graph, read_graph
from hil.vocab import RunStatus

if TYPE_CHECKING:
    from types import ModuleType


def graph_of(tiny: ModuleType, *names: str, custom: bool = False) -> Graph:
    operators = [
        tiny.TinyOperator(name=name, inputs=[0], outputs=[1], custom=custom)
        for name in names
    ]
    return read_graph(tiny.conv_model(operators=operators), "m.tflite")


def test_each_operator_is_registered_once_and_in_order(tiny: ModuleType) -> None:
    graph = graph_of(tiny, "SOFTMAX", "CONV_2D", "CONV_2D", "FULLY_CONNECTED")
    assert resolver_methods(graph, "m.tflite") == (
        "AddConv2D",
        "AddFullyConnected",
        "AddSoftmax",
    )


def test_operators_of_every_subgraph_are_registered(tiny: ModuleType) -> None:
    add = tiny.TinyOperator(name="ADD", inputs=[0, 0], outputs=[1])
    graphs = [tiny.conv_graph(), tiny.conv_graph(operators=[add])]
    graph = read_graph(tiny.build(tiny.TinyModel(graphs=graphs)), "m")
    assert resolver_methods(graph, "m") == ("AddAdd", "AddConv2D")


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("MAX_POOL_2D", "AddMaxPool2D"),
        ("CUMSUM", "AddCumSum"),
        ("BATCH_MATMUL", "AddBatchMatMul"),
        ("BATCH_TO_SPACE_ND", "AddBatchToSpaceNd"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("RELU6", "AddRelu6"),
        ("PADV2", "AddPadV2"),
        ("SPLIT_V", "AddSplitV"),
    ],
)
def test_methods_are_called_as_in_tflite_micro(name: str, method: str) -> None:
    assert BUILTIN_METHODS[name] == method


def test_the_table_names_only_operators_of_the_schema() -> None:
    assert set(BUILTIN_METHODS) <= set(schema.OPERATORS)
    methods = [*BUILTIN_METHODS.values(), *CUSTOM_METHODS.values()]
    assert len(set(methods)) == len(methods)


def test_known_custom_operators_are_registered(tiny: ModuleType) -> None:
    graph = graph_of(tiny, "SignalRfft", "ethos-u", custom=True)
    assert resolver_methods(graph, "m") == ("AddEthosU", "AddRfft")


def test_operators_that_tflite_micro_lacks_are_named_with_their_places(
    tiny: ModuleType,
) -> None:
    graph = graph_of(tiny, "CONV_2D", "TILE", "SOFTMAX", "TOPK_V2")
    with pytest.raises(UnsupportedOp) as caught:
        resolver_methods(graph, "m.tflite")
    error = caught.value
    assert error.what == "TFLite Micro has no kernel for the operator TILE"
    assert error.where == "m.tflite: subgraph 0, operator 1"
    assert error.found == (
        "TILE (operator 1 of subgraph 0), TOPK_V2 (operator 3 of subgraph 0)"
    )
    assert "MicroMutableOpResolver" in str(error.allowed)
    assert (
        error.remedy == "LiteRT runs it on a phone or on this machine (engine litert)"
    )
    assert error.status is RunStatus.UNSUPPORTED_OP


def test_an_unknown_custom_operator_is_not_promised_to_any_engine(
    tiny: ModuleType,
) -> None:
    with pytest.raises(UnsupportedOp) as caught:
        resolver_methods(graph_of(tiny, "SignalRfft2", custom=True), "m")
    assert "custom operator SignalRfft2" in caught.value.what
    assert "own kernel" in str(caught.value.remedy)
    assert "did you mean 'SignalRfft'?" in str(caught.value.remedy)


def test_a_custom_operator_is_not_taken_for_a_builtin(tiny: ModuleType) -> None:
    with pytest.raises(UnsupportedOp, match="custom operator CONV_2D"):
        resolver_methods(graph_of(tiny, "CONV_2D", custom=True), "m")


def test_a_hostile_name_is_shown_and_not_obeyed(tiny: ModuleType) -> None:
    with pytest.raises(UnsupportedOp) as caught:
        resolver_methods(graph_of(tiny, "\x1b[2J*/", custom=True), "m")
    assert "<U+001B>[2J<U+002A>/" in caught.value.what
    assert "\x1b" not in str(caught.value)


def test_many_missing_operators_are_counted(tiny: ModuleType) -> None:
    with pytest.raises(UnsupportedOp, match="3 more"):
        resolver_methods(graph_of(tiny, *["TILE"] * 11), "m")


def test_a_model_without_operators_has_no_resolver(tiny: ModuleType) -> None:
    with pytest.raises(ModelError, match="the model has no operator"):
        resolver_methods(graph_of(tiny), "m")


def test_the_header_holds_as_many_places_as_operators(tiny: ModuleType) -> None:
    provenance = Provenance(
        model="m.tflite",
        sha256="0",
        variant="int8",
        size_bytes=1,
        label="x",
        hil_version="0",
    )
    file = render_op_resolver(
        graph_of(tiny, "ADD", "MUL"), name="my model", provenance=provenance
    )
    assert file.name == "my_model_op_resolver.h"
    assert "MicroMutableOpResolver<2>" in file.text
    assert "resolver.AddAdd()" in file.text
    assert "resolver.AddMul()" in file.text
