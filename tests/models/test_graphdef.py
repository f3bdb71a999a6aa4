"""TensorFlow's graphs, read without TensorFlow."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.errors import ModelError
from hil.models.graphdef import (
    called_by,
    constant_of,
    number_of,
    parse_graphdef,
    read_graphdef,
)
from hil.models.ranges import range_coverage

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType


def test_nodes_and_their_attributes_are_read(messages: ModuleType) -> None:
    graph = parse_graphdef(messages.graph(messages.network()), "m")
    named = {node.name: node for node in graph.nodes}
    assert named["conv"].op == "Conv2D"
    assert named["conv"].inputs == ("x_q", "w_q")
    assert number_of(named["x_q"], "num_bits") == 8
    assert number_of(named["x_q"], "narrow_range") == 0
    assert number_of(named["x_q"], "min") is None
    assert constant_of(named["x_q/min"]) == (-6.0,)


def test_constants_are_read_packed_and_one_by_one(messages: ModuleType) -> None:
    data = messages.graph(
        [messages.const("a", 1, 2), messages.const("b", 1, 2, packed=False)]
    )
    a, b = parse_graphdef(data, "m").nodes
    assert constant_of(a) == constant_of(b) == (1.0, 2.0)


def test_a_constant_of_integers_has_no_floats(messages: ModuleType) -> None:
    value = messages.field(8, messages.field(1, 3) + messages.field(7, 5))
    data = messages.graph([messages.node("n", "Const", (), {"value": value})])
    assert constant_of(parse_graphdef(data, "m").nodes[0]) is None


def test_a_saved_model_is_read_with_its_functions(
    messages: ModuleType, tmp_path: Path
) -> None:
    inner = messages.function(
        "inner", ["v"], [messages.node("r", "Relu", ["v"])], {"out": "r:activations:0"}
    )
    graph = messages.graph(
        [messages.node("x", "Placeholder"), messages.call("c", "inner", ["x"])], [inner]
    )
    (tmp_path / "saved_model.pb").write_bytes(messages.saved_model(graph))
    read = read_graphdef(tmp_path)
    assert called_by(read.nodes[1]) == "inner"
    assert read.functions["inner"].arguments == ("v",)
    assert read.functions["inner"].returns == ("r:activations:0",)


def test_a_folder_without_a_graph_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="the graph cannot be read") as caught:
        read_graphdef(tmp_path)
    assert caught.value.found == "No such file or directory"


def test_text_form_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "graph.pbtxt"
    path.write_text("node {}")
    with pytest.raises(ModelError, match="text form is not read") as caught:
        read_graphdef(path)
    assert caught.value.remedy == "tf.io.write_graph(..., as_text=False)"
    (tmp_path / "saved_model.pbtxt").write_text("meta_graphs {}")
    with pytest.raises(ModelError, match="text form is not read"):
        read_graphdef(tmp_path)


def test_an_empty_file_has_no_node() -> None:
    with pytest.raises(ModelError, match="the graph has no node"):
        parse_graphdef(b"", "m")


def test_a_saved_model_without_a_graph_is_named(messages: ModuleType) -> None:
    with pytest.raises(ModelError, match="the SavedModel holds no graph"):
        parse_graphdef(messages.field(1, 1), "m")


@given(data=st.data())
@settings(deadline=None)  # the machine is shared
def test_a_damaged_graph_is_read_or_refused(messages: ModuleType, data) -> None:
    inner = messages.function(
        "inner",
        ["v"],
        [*messages.fake_quant("q", "v"), messages.call("again", "inner", ["q"])],
        {"out": "again:output:0"},
    )
    whole = bytearray(
        messages.saved_model(
            messages.graph(
                [*messages.network(), messages.call("c", "inner", ["conv_q"])], [inner]
            )
        )
    )
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(whole) - 1))
        whole[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with contextlib.suppress(ModelError):
        range_coverage(parse_graphdef(bytes(whole[:cut]), "m"), where="m")
    with contextlib.suppress(ModelError):
        range_coverage(parse_graphdef(bytes(whole), "m"), where="m")
