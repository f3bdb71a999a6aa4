"""What each kernel of TFLite Micro keeps in the arena, beside the tensors.

Read in the reference kernels of tflite-micro 90b983c (August 2026), structure sizes
measured as hil.models.arena.layout says. Three things are kept for an operator: its
options as the file's parser leaves them, the data of the kernel's `init`, and what
`prepare` takes: buffers for good, and scratch buffers for the time of the operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Final

from hil.models.arena.cmsis_nn import (
    CMSIS_NN_DATA,
    CMSIS_NN_OWN_PREPARE,
    cmsis_nn_extra,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hil.models.arena.cmsis_nn import CmsisNn
    from hil.models.arena.layout import Layout
    from hil.models.graph import Operator, SubGraph, Tensor

_INT16_TABLE_BYTES = 2 * 513

# Operator, its options on Cortex-M and in the wheel as SIZE:ALIGNMENT, its data there.
_TABLE = """
ABS - - 28 28
ADD 2:1 8:4 60 60
ADD_N - - - -
ARG_MAX 1:1 4:4 - -
ARG_MIN 1:1 4:4 - -
AVERAGE_POOL_2D 40:4 40:4 32 32
BATCH_MATMUL 3:1 3:1 16 32
BATCH_TO_SPACE_ND - - - -
BROADCAST_ARGS - - - -
BROADCAST_TO - - - -
CAST 2:1 8:4 - -
CEIL - - - -
CONCATENATION 8:4 8:4 24 80
CONV_2D 28:4 28:4 56 80
COS - - - -
CUMSUM 2:1 2:1 - -
DEPTHWISE_CONV_2D 28:4 28:4 56 80
DEPTH_TO_SPACE 4:4 4:4 - -
DEQUANTIZE - - 32 32
DIV 1:1 4:4 28 28
DYNAMIC_UPDATE_SLICE - - - -
ELU - - 256 256
EMBEDDING_LOOKUP - - - -
EQUAL - - 32 32
EXP - - - -
EXPAND_DIMS - - - -
FILL - - - -
FLOOR - - - -
FLOOR_DIV - - - -
FLOOR_MOD - - - -
FULLY_CONNECTED 5:1 32:8 48 72
GATHER 8:4 8:4 - -
GATHER_ND - - - -
GREATER - - 32 32
GREATER_EQUAL - - 32 32
HARD_SWISH - - 20 20
L2_NORMALIZATION 1:1 4:4 4 4
L2_POOL_2D 40:4 40:4 - -
LEAKY_RELU 4:4 4:4 24 24
LESS - - 32 32
LESS_EQUAL - - 32 32
LOG - - - -
LOGICAL_AND - - - -
LOGICAL_NOT - - - -
LOGICAL_OR - - - -
LOGISTIC - - 16 16
LOG_SOFTMAX - - - -
MAXIMUM - - - -
MAX_POOL_2D 40:4 40:4 32 32
MEAN 1:1 1:1 44 44
MINIMUM - - - -
MIRROR_PAD 1:1 4:4 20 20
MUL 1:1 4:4 36 36
NEG - - - -
NOT_EQUAL - - 32 32
PACK 8:4 8:4 - -
PAD - - 56 56
PADV2 - - 56 56
PRELU - - 28 28
QUANTIZE - - 32 32
REDUCE_ALL 1:1 1:1 44 44
REDUCE_MAX 1:1 1:1 44 44
REDUCE_MIN 1:1 1:1 44 44
RELU - - 28 28
RELU6 - - 8 8
RESHAPE 36:4 36:4 - -
RESIZE_BILINEAR 2:1 2:1 - -
RESIZE_NEAREST_NEIGHBOR 2:1 2:1 - -
REVERSE_V2 - - - -
ROUND - - - -
RSQRT - - 28 28
SELECT_V2 - - 1 1
SHAPE 1:1 4:4 - -
SIN - - - -
SLICE - - - -
SOFTMAX 4:4 4:4 56 80
SPACE_TO_BATCH_ND - - 4 4
SPACE_TO_DEPTH 4:4 4:4 - -
SPLIT 4:4 4:4 - -
SPLIT_V 4:4 4:4 - -
SQRT - - - -
SQUARE - - - -
SQUARED_DIFFERENCE - - 112 112
SQUEEZE 36:4 36:4 - -
STRIDED_SLICE 24:4 24:4 84 84
SUB 2:1 8:4 52 52
SUM 1:1 1:1 44 44
SVDF 8:4 12:4 36 36
TANH - - 16 16
TRANSPOSE - - - -
TRANSPOSE_CONV 16:4 20:4 72 88
UNIDIRECTIONAL_SEQUENCE_LSTM 16:4 16:4 688 688
UNPACK 8:4 8:4 - -
ZEROS_LIKE - - - -
"""


@dataclass(frozen=True, slots=True)
class _Kept:
    options: tuple[tuple[int, int] | None, ...]  # size and alignment, by column
    data: tuple[int | None, ...]


def _kept(line: str) -> tuple[str, _Kept]:
    name, *cells = line.split()
    return name, _Kept(
        tuple(map(_options, cells[:2])),
        tuple(None if cell == "-" else int(cell) for cell in cells[2:]),
    )


def _options(cell: str) -> tuple[int, int] | None:
    size, _, alignment = cell.partition(":")
    return None if cell == "-" else (int(size), int(alignment))


_KEPT: Final[Mapping[str, _Kept]] = dict(
    _kept(line) for line in _TABLE.strip().splitlines()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one operator keeps: `options` is a size and its alignment, the rest sizes.

    `data` and `buffers` are aligned to 16 bytes. `scratch` lives as long as the
    operator runs.
    """

    options: tuple[int, int] | None
    data: int | None
    buffers: tuple[int, ...] = ()
    scratch: tuple[int, ...] = ()


class _Site:
    """An operator where it stands, for the rules of `prepare`."""

    def __init__(self, graph: SubGraph, operator: Operator, layout: Layout) -> None:
        self.operator = operator
        self.inputs = graph.inputs_of(operator)
        self.outputs = graph.outputs_of(operator)
        self.layout = layout

    def input(self, position: int) -> Tensor:
        """Return an input that the kernel needs; IndexError where it is left out."""
        tensor = self.inputs[position]
        if tensor is None:
            raise IndexError(position)
        return tensor


_Taken = tuple[list[int], list[int]]  # buffers, scratch buffers


def needs_of(
    graph: SubGraph, operator: Operator, layout: Layout, cmsis_nn: CmsisNn | None
) -> Needs | None:
    """Return what *operator* keeps, None where that is not known.

    With *cmsis_nn* it is an upper bound for the kernels of CMSIS-NN on such a core.
    """
    kept = _KEPT.get(operator.name)
    if kept is None or operator.is_custom:
        return None
    if cmsis_nn and operator.name in CMSIS_NN_OWN_PREPARE:
        return None
    site = _Site(graph, operator, layout)
    rule = _RULES.get(operator.name)
    try:
        buffers, scratch = rule(site) if rule else ([], [])
        if cmsis_nn:
            more = cmsis_nn_extra(operator, site.inputs, site.outputs, cmsis_nn)
            buffers, scratch = buffers + more.buffers, scratch + more.scratch
    except (IndexError, ValueError):
        return None  # not the operands that the kernel takes: it refuses them
    data = kept.data[layout.column]
    if cmsis_nn:
        data = CMSIS_NN_DATA.get(operator.name, data)
    return Needs(
        options=kept.options[layout.column],
        data=data,
        buffers=tuple(buffers),
        scratch=tuple(scratch),
    )


def _per_channel(filter_at: int, dimension: int) -> Callable[[_Site], _Taken]:
    """Multiplier and shift of each channel, also of float; int4 is unpacked."""

    def rule(site: _Site) -> _Taken:
        weights = site.input(filter_at)
        channels = 4 * weights.shape[dimension]
        return [channels, channels], _unpacked(weights)

    return rule


def _unpacked(weights: Tensor) -> list[int]:
    return [weights.elements] if weights.type == "int4" else []


def _fully_connected(site: _Site) -> _Taken:
    weights = site.input(1)
    quantization = weights.quantization
    buffers: list[int] = []
    if (
        site.input(0).type != "float32"
        and quantization is not None
        and quantization.zero_points
        and len(quantization.scales) > 1
    ):
        buffers = [4 * len(quantization.scales)] * 2
    return buffers, _unpacked(weights)


def _softmax(site: _Site) -> _Taken:
    is_int16 = site.input(0).type == "int16"
    return [_INT16_TABLE_BYTES] * 2 if is_int16 else [], []


def _transpose_conv(site: _Site) -> _Taken:
    channels = 4 * site.input(1).shape[0]
    source, elements = site.input(2).type, site.outputs[0].elements
    scratch = {"int8": [4 * elements], "int16": [8 * elements]}.get(source, [])
    bias = next(iter(site.inputs[3:]), None)
    if source == "int16" and bias is not None and bias.type == "int16":
        scratch.append(8 * bias.elements)
    return [channels, channels], scratch


def _add_n(site: _Site) -> _Taken:
    pointers = site.layout.pointer * len(site.inputs)
    return [40] if site.outputs[0].type == "int8" else [], [pointers]


def _dims(tensor: Tensor) -> int:
    return 4 + 4 * len(tensor.shape)


def _batch_matmul(site: _Site) -> _Taken:
    left, right = site.input(0), site.input(1)
    options = site.operator.options
    buffers = [28] if left.type in {"int8", "int16"} else []
    for tensor, is_turned in (
        (left, bool(options.get("adj_x", False))),
        (right, not options.get("adj_y", False)),
    ):
        if is_turned:
            size = {"float32": 4, "int16": 2}.get(tensor.type, 1) * tensor.elements
            buffers += [site.layout.eval_tensor, _dims(tensor), size]
    return [*buffers, _dims(site.outputs[0])], []


def _new_dims(site: _Site) -> _Taken:
    return [_dims(site.outputs[0])], []


def _embedding_lookup(site: _Site) -> _Taken:
    return [_dims(site.outputs[0]), (8, 16)[site.layout.column]], []


def _reshape(site: _Site) -> _Taken:
    return [_dims(site.outputs[0])] if -1 in site.outputs[0].shape else [], []


def _of_int8(*sizes: int) -> Callable[[_Site], _Taken]:
    """Data that only the int8 kernel keeps."""

    def rule(site: _Site) -> _Taken:
        is_int8 = site.input(0).type == "int8"
        return [sizes[site.layout.column]] if is_int8 else [], []

    return rule


def _mirror_pad(site: _Site) -> _Taken:
    return [], [4 * len(site.input(0).shape)] * 2


def _mean_or_sum(site: _Site) -> _Taken:
    source, axis = site.input(0), site.input(1)
    quantized = source.type in {"int8", "int16"}
    sums = [4 * site.outputs[0].elements] if quantized else []
    return [], [*sums, 4 * len(source.shape), 4 * axis.elements]


def _min_or_max(site: _Site) -> _Taken:
    return [], [4 * len(site.input(0).shape), 4 * site.input(1).elements]


def _svdf(site: _Site) -> _Taken:
    source, features = site.input(0), site.input(1)
    batch, filters = source.shape[0], features.shape[0]
    rank = int(site.operator.options.get("rank", 0)) or 1
    scratch = [4 * batch * filters]
    if source.type == "int8":
        scratch.append(4 * batch * (filters // rank))
    return [], scratch


def _lstm(site: _Site) -> _Taken:
    hidden, cell = site.input(18), site.input(19)
    width = {"float32": 4, "int16": 2}.get(cell.type, 4)
    return [], [width * prod(hidden.shape)] * 4


_RULES: Final[Mapping[str, Callable[[_Site], _Taken]]] = {
    "ADD_N": _add_n,
    "BATCH_MATMUL": _batch_matmul,
    "CONV_2D": _per_channel(1, 0),
    "CUMSUM": _of_int8(36, 36),
    "DEPTHWISE_CONV_2D": _per_channel(1, 3),
    "DEPTH_TO_SPACE": _new_dims,
    "EMBEDDING_LOOKUP": _embedding_lookup,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _new_dims,
    "GATHER_ND": _new_dims,
    "L2_POOL_2D": _new_dims,
    "LOG_SOFTMAX": _of_int8(28, 40),
    "MEAN": _mean_or_sum,
    "MIRROR_PAD": _mirror_pad,
    "REDUCE_ALL": _min_or_max,
    "REDUCE_MAX": _min_or_max,
    "REDUCE_MIN": _min_or_max,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
    "SPACE_TO_DEPTH": _new_dims,
    "SUM": _mean_or_sum,
    "SVDF": _svdf,
    "TRANSPOSE_CONV": _transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
}
