"""The weights of a graph: constants that an operator multiplies, adds or looks up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.models.graph import Graph, Operator, SubGraph, Tensor


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FLOATS = frozenset(
    {"float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"}
)
SHORT_FLOATS = FLOATS - {"float32", "float64"}
INTEGERS = frozenset({"int8", "uint8", "int16", "int4", "uint4", "int2"})
_CONVERTING = frozenset({"QUANTIZE", "DEQUANTIZE", "CAST", "DENSIFY"})
# Operators that move values and compute nothing with them.
_MOVING = _names(
    """
    RESHAPE TRANSPOSE SQUEEZE EXPAND_DIMS SHAPE RANK SLICE STRIDED_SLICE SPLIT SPLIT_V
    CONCATENATION PACK UNPACK PAD PADV2 MIRROR_PAD GATHER GATHER_ND TILE REVERSE_V2
    REVERSE_SEQUENCE SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND
    BROADCAST_TO BROADCAST_ARGS FILL ZEROS_LIKE EMBEDDING_LOOKUP DYNAMIC_UPDATE_SLICE
    VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BITCAST DILATE MATRIX_DIAG MATRIX_SET_DIAG
    CALL CALL_ONCE IF WHILE SELECT SELECT_V2 WHERE
    """
)
# Where a constant of any shape is a weight, and not an argument such as a shape.
_ELEMENTWISE = _names(
    "ADD SUB MUL DIV POW PRELU MAXIMUM MINIMUM SQUARED_DIFFERENCE ADD_N"
)
# Tables that are looked up: the first two inputs, whichever is constant.
_LOOKUPS = frozenset({"GATHER", "EMBEDDING_LOOKUP"})
# A constant goes through these unchanged or only in another form.
_TRANSPARENT = frozenset({"RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS"})
_MATRIX_RANK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One weight as it is stored; `dequantized` where a DEQUANTIZE follows it."""

    subgraph: int
    tensor: Tensor
    dequantized: bool


def find_weights(graph: Graph) -> tuple[Weight, ...]:
    """Return the weights of all subgraphs, each stored tensor once."""
    found: dict[tuple[int, int], Weight] = {}
    for subgraph in graph.subgraphs:
        origins = origins_of(subgraph)
        for operator in subgraph.operators:
            for index in operator.inputs:
                origin = origins.get(index)
                if origin is None or not _is_weight(operator, origin.tensor):
                    continue
                found.setdefault((subgraph.index, origin.tensor.index), origin)
    return tuple(found.values())


def origins_of(subgraph: SubGraph) -> dict[int, Weight]:
    """Return what each constant tensor was stored as, by the tensor's index.

    Constant is also what is made of a constant alone, such as the output of a
    DEQUANTIZE of one.
    """
    origins = {
        tensor.index: Weight(subgraph=subgraph.index, tensor=tensor, dequantized=False)
        for tensor in subgraph.tensors
        if tensor.is_constant
    }
    for operator in subgraph.operators:
        origin = origins.get(operator.inputs[0]) if operator.inputs else None
        if origin is None or operator.is_custom or len(operator.outputs) != 1:
            continue
        if operator.name in _CONVERTING:
            dequantized = origin.dequantized or operator.name in {"DEQUANTIZE", "CAST"}
            origins[operator.outputs[0]] = replace(origin, dequantized=dequantized)
        elif operator.name in _TRANSPARENT:
            origins[operator.outputs[0]] = origin
    return origins


def converts(operator: Operator) -> bool:
    """Return whether the operator only changes the type of its input."""
    return not operator.is_custom and operator.name in _CONVERTING


def moves(operator: Operator) -> bool:
    """Return whether the operator only moves values and computes none."""
    return not operator.is_custom and operator.name in _MOVING


def per_channel(weights: Sequence[Weight]) -> str:
    """Return "yes", "no", "mixed", or "none" where no weight says either.

    A weight with a single channel has one scale either way, so it says neither.
    """
    seen = set()
    for weight in weights:
        quantization = weight.tensor.quantization
        if weight.tensor.type not in INTEGERS or quantization is None:
            continue
        if len(quantization.scales) > 1 or quantization.details is not None:
            seen.add("yes")
        elif 1 not in {weight.tensor.shape[0], weight.tensor.shape[-1]}:
            seen.add("no")
    return "mixed" if len(seen) > 1 else next(iter(seen), "none")


def _is_weight(operator: Operator, tensor: Tensor) -> bool:
    """Return whether a constant input of *operator* is a weight.

    One-dimensional constants are biases, but not where the operator works element by
    element; whole numbers of 32 bits or more are biases, shapes, axes and indices.
    """
    if tensor.type not in FLOATS | INTEGERS or converts(operator):
        return False
    if not operator.is_custom and operator.name in _ELEMENTWISE:
        return tensor.elements > 1
    if moves(operator) and operator.name not in _LOOKUPS:
        return False
    return len(tensor.shape) >= _MATRIX_RANK
