"""Which operators a delegate takes, by the tables that its makers publish.

Nothing is tried here: a driver may refuse what its table allows, and each delegate has
more conditions than these. What a table excludes is certain, what it allows is likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.models.weights import FLOATS, INTEGERS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from hil.models.graph import Graph, Operator, SubGraph, Tensor


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LITERT = "google-ai-edge/LiteRT f67457790c9c (2026-08-21)"
_RANK = 4
_HYBRID = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_XNNPACK_FLOAT = _names(
    """
    ABS ADD AVERAGE_POOL_2D CEIL CONCATENATION CONV_2D DEPTH_TO_SPACE DEPTHWISE_CONV_2D
    DEQUANTIZE DIV ELU FULLY_CONNECTED FLOOR HARD_SWISH LEAKY_RELU LOGISTIC MAX_POOL_2D
    MAXIMUM MEAN MINIMUM MUL NEG PAD PRELU QUANTIZE RELU RELU6 RELU_N1_TO_1 RESHAPE
    RESIZE_BILINEAR ROUND SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQRT SQUARE
    SQUARED_DIFFERENCE STRIDED_SLICE SUB TANH TRANSPOSE TRANSPOSE_CONV
    """
)
_XNNPACK_INTEGER = _names(
    """
    ADD CONCATENATION CONV_2D DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE ELU
    FULLY_CONNECTED LEAKY_RELU LOGISTIC MAX_POOL_2D MEAN MUL PAD QUANTIZE RESHAPE
    RESIZE_BILINEAR SLICE SPACE_TO_DEPTH SPLIT SUB TANH TRANSPOSE TRANSPOSE_CONV
    """
)
_GPU = _names(
    """
    ABS ADD ADD_N AVERAGE_POOL_2D BATCH_MATMUL CAST CONCATENATION CONV_2D COS CUMSUM
    DENSIFY DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EQUAL EXP FLOOR
    FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GELU GREATER GREATER_EQUAL HARD_SWISH
    LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGISTIC LSTM MAX_POOL_2D MAXIMUM MEAN
    MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD PADV2 POW PRELU QUANTIZE
    REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU_0_TO_1 RELU6 RELU_N1_TO_1 RESHAPE
    RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SIGN SIN SLICE
    SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE STRIDED_SLICE
    SUB SUM TANH TILE TRANSPOSE TRANSPOSE_CONV UNPACK
    """
)
_NNAPI = _names(
    """
    ABS ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
    BIDIRECTIONAL_SEQUENCE_LSTM CAST CONCATENATION CONV_2D COS DENSIFY DEPTH_TO_SPACE
    DEPTHWISE_CONV_2D DEQUANTIZE DIV ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL
    FLOOR FULLY_CONNECTED GATHER GREATER GREATER_EQUAL HARD_SWISH HASHTABLE_LOOKUP
    L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOCAL_RESPONSE_NORMALIZATION
    LOG LOG_SOFTMAX LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC LSH_PROJECTION LSTM
    MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2 POW
    PRELU QUANTIZE REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_N1_TO_1
    RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 RNN RSQRT SELECT SIN
    SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT
    SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TILE TOPK_V2 TRANSPOSE
    TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNIDIRECTIONAL_SEQUENCE_RNN UNPACK
    """
)
_ETHOS_U = _names(
    """
    ABS ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS
    FULLY_CONNECTED HARD_SWISH LEAKY_RELU LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL
    PACK PAD PRELU QUANTIZE RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
    RESIZE_NEAREST_NEIGHBOR SHAPE SLICE SOFTMAX SPLIT SPLIT_V SQUEEZE STRIDED_SLICE SUB
    TANH TRANSPOSE_CONV UNPACK
    """
)
_ETHOS_PER_AXIS = _names("CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV")
_ETHOS_LONG = _names("ADD MUL SHAPE SUB")  # may have int32 tensors
_ETHOS_BATCHES = _names(
    "FULLY_CONNECTED RESHAPE SHAPE SLICE SOFTMAX SPLIT SPLIT_V SQUEEZE STRIDED_SLICE "
    "UNPACK"
)
_ETHOS_STRIDES = {
    "CONV_2D": 4,
    "DEPTHWISE_CONV_2D": 3,
    "AVERAGE_POOL_2D": 3,
    "MAX_POOL_2D": 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """The first operator that stays outside, and why."""

    subgraph: int
    operator: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How many of the operators a delegate takes, by its table.

    A delegate that takes `taken` of `total` leaves the rest to the CPU's kernels.
    """

    delegate: str
    source: str
    taken: int
    total: int
    first_blocker: Blocker | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delegate:
    name: str
    source: str
    refusal: Callable[[SubGraph, Operator], str | None]


def delegate_coverage(graph: Graph) -> tuple[Coverage, ...]:
    """Return for each delegate what its table says of the operators of *graph*."""
    return tuple(_coverage(delegate, graph) for delegate in _DELEGATES)


def _coverage(delegate: _Delegate, graph: Graph) -> Coverage:
    blockers = []
    total = 0
    for subgraph in graph.subgraphs:
        for operator in subgraph.operators:
            total += 1
            reason = delegate.refusal(subgraph, operator)
            if reason is not None:
                blockers.append(
                    Blocker(
                        subgraph=subgraph.index,
                        operator=operator.index,
                        name=operator.name,
                        reason=reason,
                    )
                )
    return Coverage(
        delegate=delegate.name,
        source=delegate.source,
        taken=total - len(blockers),
        total=total,
        first_blocker=blockers[0] if blockers else None,
    )


def _xnnpack(subgraph: SubGraph, operator: Operator) -> str | None:
    types = _activation_types(subgraph, operator)
    floats = types <= {"float32"}
    allowed = _XNNPACK_FLOAT if floats else _XNNPACK_INTEGER
    if operator.is_custom or operator.name not in _XNNPACK_FLOAT | _XNNPACK_INTEGER:
        return "not in the table"
    wrong = types - {"float32", "int8", "uint8"}
    if wrong and not _converts_halves(operator, types):
        return f"{_listed(wrong)} activations"
    if operator.name not in allowed:
        return f"in the table for float32, not for {_listed(types - {'float32'})}"
    return _hybrid(subgraph, operator)


def _gpu(subgraph: SubGraph, operator: Operator) -> str | None:
    return _listed_in(_GPU, subgraph, operator)


def _nnapi(subgraph: SubGraph, operator: Operator) -> str | None:
    return _listed_in(_NNAPI, subgraph, operator)


def _listed_in(
    table: Collection[str], subgraph: SubGraph, operator: Operator
) -> str | None:
    if operator.is_custom or operator.name not in table:
        return "not in the table"
    types = _activation_types(subgraph, operator)
    wrong = types - {"float32", "float16", "int8", "uint8", "int32", "bool"}
    if wrong:
        return f"{_listed(wrong)} activations"
    return _rank(subgraph, operator)


def _ethos_u(subgraph: SubGraph, operator: Operator) -> str | None:
    if operator.is_custom or operator.name not in _ETHOS_U:
        return "not in the table"
    types = _activation_types(subgraph, operator)
    allowed = {"int8", "uint8", "int16"}
    if operator.name in _ETHOS_LONG:
        allowed.add("int32")
    if types - allowed:
        return f"{_listed(types - allowed)} activations"
    if operator.name not in _ETHOS_BATCHES and _batch(subgraph, operator) > 1:
        return f"a batch of {_batch(subgraph, operator)}"
    return (
        _ethos_weights(subgraph, operator)
        or _ethos_stride(operator)
        or _rank(subgraph, operator)
    )


def _ethos_weights(subgraph: SubGraph, operator: Operator) -> str | None:
    for tensor in _inputs(subgraph, operator):
        quantization = tensor.quantization
        if quantization is None or operator.name in _ETHOS_PER_AXIS:
            continue
        if tensor.type in INTEGERS and len(quantization.scales) > 1:
            return "weights with a scale a channel"
    weight = subgraph.inputs_of(operator)[1:2]
    if operator.name in _HYBRID and weight[0] is not None:
        if weight[0].type not in {"int8", "uint8"}:
            return f"{weight[0].type} weights"
        if not weight[0].is_constant:
            return "weights that are no constants"
    return None


def _ethos_stride(operator: Operator) -> str | None:
    limit = _ETHOS_STRIDES.get(operator.name)
    strides = [operator.options.get(name, 1) for name in ("stride_w", "stride_h")]
    too_far = [s for s in strides if isinstance(s, int) and limit and s > limit]
    return f"a stride of {too_far[0]}, above {limit}" if too_far else None


def _hybrid(subgraph: SubGraph, operator: Operator) -> str | None:
    """Return why weights and activations do not go together."""
    inputs = subgraph.inputs_of(operator)
    if operator.name not in _HYBRID or len(inputs) <= 1:
        return None
    data, weight = inputs[:2]
    if data is None or weight is None or data.type not in FLOATS:
        return None
    return (
        f"{weight.type} weights with float input" if weight.type in INTEGERS else None
    )


def _converts_halves(operator: Operator, types: frozenset[str]) -> bool:
    return operator.name == "DEQUANTIZE" and types <= {"float16", "float32"}


def _rank(subgraph: SubGraph, operator: Operator) -> str | None:
    ranks = [len(tensor.shape) for tensor in _tensors(subgraph, operator)]
    rank = max(ranks, default=0)
    return f"a tensor of {rank} dimensions, above {_RANK}" if rank > _RANK else None


def _batch(subgraph: SubGraph, operator: Operator) -> int:
    first = subgraph.inputs_of(operator)[:1]
    if not first or first[0] is None or len(first[0].shape) < _RANK:
        return 1
    return first[0].shape[0]


def _activation_types(subgraph: SubGraph, operator: Operator) -> frozenset[str]:
    """Return the types that an operator works on; constants are weights and shapes."""
    tensors = [t for t in _tensors(subgraph, operator) if not t.is_constant]
    if operator.name == "DEQUANTIZE":
        tensors = list(_tensors(subgraph, operator))
    return frozenset(tensor.type for tensor in tensors)


def _tensors(subgraph: SubGraph, operator: Operator) -> Iterator[Tensor]:
    yield from _inputs(subgraph, operator)
    yield from subgraph.outputs_of(operator)


def _inputs(subgraph: SubGraph, operator: Operator) -> Iterator[Tensor]:
    yield from (t for t in subgraph.inputs_of(operator) if t is not None)


def _listed(types: frozenset[str] | set[str]) -> str:
    return " and ".join(sorted(types))


_DELEGATES = (
    _Delegate(
        name="XNNPACK",
        source=f"tflite/delegates/xnnpack/README.md of {_LITERT}",
        refusal=_xnnpack,
    ),
    _Delegate(
        name="GPU (OpenCL, OpenGL)",
        source=f"NewOperationParser in tflite/delegates/gpu/common/model_builder.cc of "
        f"{_LITERT}",
        refusal=_gpu,
    ),
    _Delegate(
        name="NNAPI",
        source=f"NNAPIDelegateKernel::Validate in "
        f"tflite/delegates/nnapi/nnapi_delegate.cc of {_LITERT}",
        refusal=_nnapi,
    ),
    _Delegate(
        name="Ethos-U (Vela)",
        source="SUPPORTED_OPS.md of ethos-u-vela 3.6",
        refusal=_ethos_u,
    ),
)
