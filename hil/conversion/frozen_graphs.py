"""Frozen GraphDefs, from which array to which. Imported in the worker only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf
from google.protobuf.message import DecodeError

from hil.conversion.graphs import ends_of, node_name, ranges_of
from hil.conversion.samples import InputSlot
from hil.conversion.source import Frozen, Source, chosen_shapes, sizes
from hil.errors import ConfigError, ModelError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tensorflow.core.framework.graph_pb2 import GraphDef

    from hil.conversion.graphs import GraphEnds
    from hil.conversion.request import ConversionRequest

_NAMED = 8


def load_graph_def(request: ConversionRequest) -> Source:
    """Read a frozen graph between its input and output arrays.

    Raises ConfigError that lists what the graph offers where they are not given or not
    there, ModelError for a graph with variables.
    """
    where = str(request.source)
    graph = _parsed(request.source)
    ends = ends_of(graph)
    if ends.variables:
        raise ModelError(
            "the graph is not frozen: it has variables, whose values it does not hold",
            where=where,
            found=_listed(ends.variables),
            remedy="convert the SavedModel that it belongs to, or freeze it: "
            "tf.compat.v1.graph_util.convert_variables_to_constants",
        )
    inputs = _arrays("input", request.input_arrays, graph, ends, where=where)
    outputs = _arrays("output", request.output_arrays, graph, ends, where=where)
    slots = _slots(graph, inputs, where=where)
    shapes = chosen_shapes(slots, request.input_shapes, where=where)
    slots = tuple(
        InputSlot(name=slot.name, shape=shapes[slot.name], dtype=slot.dtype)
        for slot in slots
    )
    for slot in slots:
        if slot.name in request.input_shapes or "" in request.input_shapes:
            _place(graph, slot)

    def converter() -> tf.lite.TFLiteConverter:
        wrapped = tf.compat.v1.wrap_function(
            lambda: tf.compat.v1.import_graph_def(graph, name=""), []
        )
        pruned = wrapped.prune(
            [wrapped.graph.get_tensor_by_name(f"{name}:0") for name in inputs],
            [wrapped.graph.get_tensor_by_name(_tensor(name)) for name in outputs],
        )
        return tf.lite.TFLiteConverter.from_concrete_functions([pruned], pruned)

    return Source(
        inputs=slots,
        ranges=ranges_of(graph, outputs),
        converter=converter,
        freeze=lambda: Frozen(graph=graph, inputs=inputs, outputs=outputs),
    )


def _parsed(path: Path) -> GraphDef:
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as exc:
        raise ModelError(
            "the graph is damaged", where=str(path), found=str(exc)
        ) from exc
    return graph


def _arrays(
    side: str,
    wanted: tuple[str, ...],
    graph: GraphDef,
    ends: GraphEnds,
    *,
    where: str,
) -> tuple[str, ...]:
    candidates = ends.inputs if side == "input" else ends.outputs
    if not wanted:
        raise ConfigError(
            f"a frozen graph needs its {side} arrays named",
            where=where,
            allowed=f"in this graph likely: {_listed(candidates)}",
            remedy=f"--{side}-arrays {','.join(candidates[:_NAMED]) or 'NAME,...'}",
        )
    known = {node.name for node in graph.node}
    for array in wanted:
        if node_name(array) not in known:
            raise ConfigError(
                f"the graph has no such {side} array",
                where=where,
                found=array,
                allowed=f"any of its {len(known)} nodes; likely: {_listed(candidates)}",
                remedy=nearest(node_name(array), known),
            )
    if side == "input":
        return tuple(node_name(array) for array in wanted)
    return wanted


def _slots(
    graph: GraphDef, inputs: Sequence[str], *, where: str
) -> tuple[InputSlot, ...]:
    imported = tf.Graph()
    try:
        with imported.as_default():
            tf.import_graph_def(graph, name="")
    except ValueError as exc:
        raise ModelError(
            "TensorFlow cannot read the graph", where=where, found=str(exc)
        ) from exc
    tensors = [imported.get_tensor_by_name(f"{name}:0") for name in inputs]
    return tuple(
        InputSlot(name=name, shape=sizes(tensor.shape), dtype=tensor.dtype.name)
        for name, tensor in zip(inputs, tensors, strict=True)
    )


def _place(graph: GraphDef, slot: InputSlot) -> None:
    """Put a placeholder of the slot's shape where the graph has that node."""
    for node in graph.node:
        if node.name == slot.name:
            node.Clear()
            node.name, node.op = slot.name, "Placeholder"
            node.attr["dtype"].type = tf.as_dtype(slot.dtype).as_datatype_enum
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(slot.shape).as_proto())


def _tensor(array: str) -> str:
    return array if ":" in array else f"{array}:0"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return (", ".join(names[:_NAMED]) or "none") + (f" and {more} more" * (more > 0))
