"""A TensorFlow graph, frozen or in a SavedModel, read without TensorFlow.

Of the messages only what the ranges need is read: nodes, their inputs, a few of their
attributes, and the functions that a SavedModel keeps its layers in.

Format: tensorflow/core/framework/{graph,node_def,function,attr_value,tensor}.proto and
tensorflow/core/protobuf/{saved_model,meta_graph}.proto.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.errors import ModelError
from hil.models.protobuf import BYTES, FIXED32, FIXED64, VARINT, Field, fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SAVED_MODEL = "saved_model.pb"
_TEXT = ".pbtxt"
# Fields of the messages, by their numbers.
_META_GRAPH, _META_GRAPH_GRAPH = 2, 2
_NODE, _LIBRARY = 1, 2
_NODE_NAME, _NODE_OP, _NODE_INPUT, _NODE_ATTR = 1, 2, 3, 5
_FUNCTION, _FUNCTION_SIGNATURE, _FUNCTION_NODE, _FUNCTION_RETURN = 1, 1, 3, 4
_OP_NAME, _OP_INPUT, _OP_OUTPUT, _ARG_NAME = 1, 2, 3, 1
_KEY, _VALUE = 1, 2
_ATTR_INT, _ATTR_FLOAT, _ATTR_BOOL, _ATTR_TENSOR, _ATTR_FUNC = 3, 4, 5, 8, 10
_DTYPE, _CONTENT, _FLOATS, _DOUBLES = 1, 4, 5, 6
_DT_FLOAT, _DT_DOUBLE = 1, 2
_KEPT_ATTRIBUTES = frozenset({"min", "max", "num_bits", "narrow_range", "f", "value"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node; `attributes` are messages (AttrValue) that nobody has read yet."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, memoryview]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of the library: its arguments, its nodes and what it returns."""

    name: str
    arguments: tuple[str, ...]
    nodes: tuple[Node, ...]
    returns: tuple[str, ...]  # a reference each, in the order of the outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDef:
    """The nodes of a graph and the functions that they may call."""

    nodes: tuple[Node, ...]
    functions: Mapping[str, Function]


def read_graphdef(path: Path) -> GraphDef:
    """Read a frozen graph, a saved_model.pb or the folder of one.

    Raises ModelError where there is none or it is damaged.
    """
    file = path / _SAVED_MODEL if path.is_dir() else path
    text = file.with_suffix(_TEXT)
    if file.suffix.lower() == _TEXT or (text.is_file() and not file.is_file()):
        raise ModelError(
            "a graph in text form is not read",
            where=str(path),
            found=".pbtxt",
            allowed="the binary form, .pb",
            remedy="tf.io.write_graph(..., as_text=False)",
        )
    try:
        data = file.read_bytes()
    except OSError as exc:
        raise ModelError(
            "the graph cannot be read",
            where=str(file),
            found=exc.strerror or str(exc),
            allowed="a frozen graph (.pb) or the folder of a SavedModel",
        ) from exc
    return parse_graphdef(data, str(file))


def parse_graphdef(data: bytes, where: str) -> GraphDef:
    """Return the graph in *data*, a GraphDef or a SavedModel (ModelError)."""
    view = memoryview(data)
    first = next(fields(view, where), None)
    # A SavedModel begins with its schema version, a GraphDef with a node.
    if first is not None and first.number == 1 and first.wire == VARINT:
        view = _graph_of_saved_model(view, where)
    graph = _graph(view, where)
    if not graph.nodes:
        raise ModelError(
            "the graph has no node",
            where=where,
            found=f"{len(data):,} bytes",
            allowed="a GraphDef or SavedModel of TensorFlow",
        )
    return graph


def number_of(node: Node, name: str) -> float | None:
    """Return a number or flag among the node's attributes; None where it is absent."""
    for field in _attribute(node, name):
        if field.number == _ATTR_FLOAT and field.wire == FIXED32:
            return field.real
        if field.number in {_ATTR_INT, _ATTR_BOOL} and field.wire == VARINT:
            return float(field.signed)
    return None


def called_by(node: Node) -> str | None:
    """Return the name of the function that the node's attribute `f` names."""
    for field in _attribute(node, "f"):
        if field.number == _ATTR_FUNC and field.wire == BYTES:
            return _text(field.view, 1, node.name)
    return None


def constant_of(node: Node) -> tuple[float, ...] | None:
    """Return the floats of a Const node; None where it holds none."""
    for field in _attribute(node, "value"):
        if field.number == _ATTR_TENSOR and field.wire == BYTES:
            return _floats(field.view, node.name)
    return None


def _attribute(node: Node, name: str) -> Iterator[Field]:
    if name in node.attributes:
        yield from fields(node.attributes[name], f"node {node.name}")


def _floats(tensor: memoryview, where: str) -> tuple[float, ...] | None:
    parts = list(fields(tensor, where))
    kinds = [field.number_value for field in parts if field.number == _DTYPE]
    code = {_DT_FLOAT: "f", _DT_DOUBLE: "d"}.get(kinds[0]) if kinds else None
    if code is None:
        return None
    size = struct.calcsize(code)
    values: list[float] = []
    for field in parts:
        packed = field.wire == BYTES
        if field.number in {_CONTENT, _FLOATS, _DOUBLES} and packed:
            count = len(field.view) // size
            values += struct.unpack_from(f"<{count}{code}", field.view)
        elif field.number in {_FLOATS, _DOUBLES} and field.wire in {FIXED32, FIXED64}:
            values.append(field.real)
    # Nothing stored is one zero: proto3 leaves defaults out.
    return tuple(values) or (0.0,)


def _graph_of_saved_model(view: memoryview, where: str) -> memoryview:
    for field in fields(view, where):
        if field.number != _META_GRAPH or field.wire != BYTES:
            continue
        for part in fields(field.view, where):
            if part.number == _META_GRAPH_GRAPH and part.wire == BYTES:
                return part.view
    raise ModelError("the SavedModel holds no graph", where=where, found="none")


def _graph(view: memoryview, where: str) -> GraphDef:
    nodes: list[Node] = []
    functions: dict[str, Function] = {}
    for field in fields(view, where):
        if field.number == _NODE and field.wire == BYTES:
            nodes.append(_node(field.view, where))
        elif field.number == _LIBRARY and field.wire == BYTES:
            for part in fields(field.view, where):
                if part.number == _FUNCTION and part.wire == BYTES:
                    function = _function(part.view, where)
                    functions[function.name] = function
    return GraphDef(nodes=tuple(nodes), functions=functions)


def _node(view: memoryview, where: str) -> Node:
    name = op = ""
    inputs: list[str] = []
    attributes: dict[str, memoryview] = {}
    for field in fields(view, where):
        if field.wire != BYTES:
            continue
        if field.number == _NODE_NAME:
            name = field.text
        elif field.number == _NODE_OP:
            op = field.text
        elif field.number == _NODE_INPUT:
            inputs.append(field.text)
        elif field.number == _NODE_ATTR:
            key = _text(field.view, _KEY, where)
            if key in _KEPT_ATTRIBUTES:
                attributes[key] = _part(field.view, _VALUE, where)
    return Node(name=name, op=op, inputs=tuple(inputs), attributes=attributes)


def _function(view: memoryview, where: str) -> Function:
    nodes: list[Node] = []
    returned: dict[str, str] = {}
    signature = view[:0]
    for field in fields(view, where):
        if field.wire != BYTES:
            continue
        if field.number == _FUNCTION_SIGNATURE:
            signature = field.view
        elif field.number == _FUNCTION_NODE:
            nodes.append(_node(field.view, where))
        elif field.number == _FUNCTION_RETURN:
            key = _text(field.view, _KEY, where)
            returned[key] = _text(field.view, _VALUE, where)
    arguments, outputs = (
        [
            _text(field.view, _ARG_NAME, where)
            for field in fields(signature, where)
            if field.number == number and field.wire == BYTES
        ]
        for number in (_OP_INPUT, _OP_OUTPUT)
    )
    return Function(
        name=_text(signature, _OP_NAME, where),
        arguments=tuple(arguments),
        nodes=tuple(nodes),
        returns=tuple(returned.get(output, "") for output in outputs),
    )


def _part(view: memoryview, number: int, where: str) -> memoryview:
    """Return the bytes of the last field of that number, empty where it is absent."""
    found = view[:0]
    for field in fields(view, where):
        if field.number == number and field.wire == BYTES:
            found = field.view
    return found


def _text(view: memoryview, number: int, where: str) -> str:
    return bytes(_part(view, number, where)).decode("utf-8", "replace")
