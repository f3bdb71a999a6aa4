"""From a graph to steps: which function lowers which operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.codegen.compiled import movement, pairs, rows, unary, window
from hil.codegen.compiled.site import Site
from hil.errors import ModelError
from hil.models.verify import verified_structure

if TYPE_CHECKING:
    from collections.abc import Callable

    from hil.codegen.compiled.program import Step
    from hil.models.graph import Graph

_LOWERINGS: dict[str, Callable[[Site], Step]] = {
    "ADD": pairs.add,
    "AVERAGE_POOL_2D": window.average_pool,
    "CONCATENATION": movement.concatenation,
    "CONV_2D": window.conv,
    "DEPTHWISE_CONV_2D": window.depthwise,
    "DEQUANTIZE": unary.dequantize,
    "FULLY_CONNECTED": window.dense,
    "HARD_SWISH": unary.hard_swish,
    "LOGISTIC": unary.logistic,
    "MAX_POOL_2D": window.max_pool,
    "MEAN": rows.mean,
    "MUL": pairs.mul,
    "PAD": movement.pad,
    "QUANTIZE": unary.quantize,
    "RELU": unary.relu,
    "RELU6": unary.relu6,
    "RESHAPE": movement.reshape,
    "RESIZE_NEAREST_NEIGHBOR": movement.resize_nearest,
    "SOFTMAX": rows.softmax,
    "STRIDED_SLICE": movement.strided_slice,
    "SUB": pairs.sub,
    "TANH": unary.tanh,
    "TRANSPOSE": movement.transpose,
}

OPERATORS = frozenset(_LOWERINGS)


def lower(graph: Graph, data: bytes, where: str) -> tuple[Step, ...]:
    """Return a step for each operator of the main subgraph.

    Raises UnsupportedOp for the first operator that has no kernel, or none for its
    types, and ModelError where tensors do not fit their operator.
    """
    subgraph = graph.subgraphs[0]
    if not subgraph.operators:
        raise ModelError(
            "the model has no operator", where=where, found="0", allowed="at least 1"
        )
    root = verified_structure(data, where).root
    tables = root.tables("subgraphs")[0].tables("operators")
    steps = []
    for operator, table in zip(subgraph.operators, tables, strict=True):
        site = Site(
            graph=graph,
            subgraph=subgraph,
            operator=operator,
            table=table.union("builtin_options"),
            where=where,
        )
        lowering = None if operator.is_custom else _LOWERINGS.get(operator.name)
        if lowering is None:
            site.refuse("")
        if not all(size >= 0 for t in subgraph.tensors for size in t.shape):
            site.broken("a tensor has an open size", found="-1")
        steps.append(lowering(site))
    return tuple(steps)
