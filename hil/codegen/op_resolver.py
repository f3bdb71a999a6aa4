"""The operator resolver of a TFLite Micro firmware, with exactly a model's operators.

Names as of tensorflow/lite/micro/micro_mutable_op_resolver.h, August 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.codegen.identifier import comment, identifier
from hil.codegen.source import SourceFile
from hil.codegen.templates import render
from hil.errors import ModelError, UnsupportedOp, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.codegen.source import Provenance
    from hil.models.graph import Graph, Operator

_BUILTINS = """
ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL
BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D
COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU
EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED
GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D
LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX
MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 PRELU
QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE
RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE
SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE
SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV
UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE
"""
# Methods whose names do not follow from that of the operator.
_IRREGULAR = {
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "BATCH_MATMUL": "AddBatchMatMul",
    "CONV_2D": "AddConv2D",
    "CUMSUM": "AddCumSum",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "L2_POOL_2D": "AddL2Pool2D",
    "MAX_POOL_2D": "AddMaxPool2D",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}
CUSTOM_METHODS = {
    "CIRCULAR_BUFFER": "AddCircularBuffer",
    "SignalDelay": "AddDelay",
    "SignalEnergy": "AddEnergy",
    "SignalFftAutoScale": "AddFftAutoScale",
    "SignalFilterBank": "AddFilterBank",
    "SignalFilterBankLog": "AddFilterBankLog",
    "SignalFilterBankSpectralSubtraction": "AddFilterBankSpectralSubtraction",
    "SignalFilterBankSquareRoot": "AddFilterBankSquareRoot",
    "SignalFramer": "AddFramer",
    "SignalIrfft": "AddIrfft",
    "SignalOverlapAdd": "AddOverlapAdd",
    "SignalPCAN": "AddPCAN",
    "SignalRfft": "AddRfft",
    "SignalStacker": "AddStacker",
    "SignalWindow": "AddWindow",
    "TFLM_DECODE": "AddDecode",
    "TFLite_Detection_PostProcess": "AddDetectionPostprocess",
    "ethos-u": "AddEthosU",
}
_SHOWN = 8


def _method(builtin: str) -> str:
    words = (word.capitalize() for word in builtin.split("_"))
    return _IRREGULAR.get(builtin, "Add" + "".join(words))


BUILTIN_METHODS = {name: _method(name) for name in _BUILTINS.split()}


def resolver_methods(graph: Graph, where: str) -> tuple[str, ...]:
    """Return the `Add...` methods that the model needs, in alphabetical order.

    Raises UnsupportedOp for operators that TFLite Micro does not have, and ModelError
    where there is no operator at all.
    """
    methods: set[str] = set()
    missing: list[tuple[int, Operator]] = []
    for subgraph in graph.subgraphs:
        for operator in subgraph.operators:
            table = CUSTOM_METHODS if operator.is_custom else BUILTIN_METHODS
            if operator.name in table:
                methods.add(table[operator.name])
            else:
                missing.append((subgraph.index, operator))
    if missing:
        raise _unsupported(missing, where)
    if not methods:
        raise ModelError(
            "the model has no operator", where=where, found="0", allowed="at least 1"
        )
    return tuple(sorted(methods))


def render_op_resolver(
    graph: Graph, *, name: str, provenance: Provenance
) -> SourceFile:
    """Return `<name>_op_resolver.h`; raises as resolver_methods does."""
    safe = identifier(name)
    return SourceFile(
        name=f"{safe}_op_resolver.h",
        before=render(
            "tflm",
            "op_resolver.h.j2",
            name=safe,
            provenance=provenance,
            methods=resolver_methods(graph, provenance.model),
        ),
    )


def _unsupported(missing: Sequence[tuple[int, Operator]], where: str) -> UnsupportedOp:
    subgraph, first = missing[0]
    found = [
        f"{comment(operator.name)} (operator {operator.index} of subgraph {index})"
        for index, operator in missing[:_SHOWN]
    ]
    if len(missing) > _SHOWN:
        found.append(f"{len(missing) - _SHOWN} more")
    kind = "custom operator" if first.is_custom else "operator"
    hint = nearest(first.name, CUSTOM_METHODS) if first.is_custom else None
    remedy = "LiteRT runs it on a phone or on this machine (engine litert)"
    if first.is_custom:
        remedy = "only an engine with its own kernel for it can run it"
    return UnsupportedOp(
        f"TFLite Micro has no kernel for the {kind} {comment(first.name)}",
        where=f"{where}: subgraph {subgraph}, operator {first.index}",
        found=", ".join(found),
        allowed=f"the {len(BUILTIN_METHODS)} builtin and {len(CUSTOM_METHODS)} custom "
        "operators of MicroMutableOpResolver",
        remedy=f"{remedy}; {hint}" if hint else remedy,
    )
