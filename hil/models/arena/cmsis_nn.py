"""How much more CMSIS-NN's kernels take than the reference kernels, at most.

By what CMSIS-NN 99f736a6 (July 2026) asks for when GNU's compiler builds it, and by
the kernels of tflite-micro 90b983c around it. Structure sizes are Cortex-M's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.models.graph import Operator, Tensor


class CmsisNn(StrEnum):
    """The cores that CMSIS-NN tells apart, as far as its buffers go."""

    DSP = "dsp"  # Cortex-M4, M7, M33; a core with neither takes no more
    MVE = "mve"  # Cortex-M55, M85


# The data of `init` where it is larger than the reference kernel's.
CMSIS_NN_DATA: Final[Mapping[str, int]] = {
    "AVERAGE_POOL_2D": 36,
    "CONV_2D": 60,
    "DEPTHWISE_CONV_2D": 60,
    "FULLY_CONNECTED": 72,
    "MAX_POOL_2D": 36,
    "SOFTMAX": 64,
}

# These take buffers of their own for which there is no bound here.
CMSIS_NN_OWN_PREPARE: Final = frozenset(
    {"BATCH_MATMUL", "SVDF", "TRANSPOSE_CONV", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
)

_MVE_CHANNELS = 124  # that a depthwise convolution computes in one go
_MATRIX_RANK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """Buffers for good, and scratch buffers for the time of the operator."""

    buffers: list[int] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)


def cmsis_nn_extra(
    operator: Operator,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    core: CmsisNn,
) -> Extra:
    """Return the buffers, at most; IndexError or ValueError for wrong operands."""
    source = inputs[0]
    if source is None or source.type not in {"int8", "int16"}:
        return Extra()
    weights = inputs[1] if len(inputs) > 1 else None
    match operator.name:
        case "CONV_2D" if weights is not None:
            return _convolution(source, weights, core)
        case "DEPTHWISE_CONV_2D" if weights is not None:
            return _depthwise(source, weights, core)
        case "FULLY_CONNECTED":
            return _fully_connected(source, outputs[0], core)
        case "AVERAGE_POOL_2D" if core is CmsisNn.DSP:
            return Extra(scratch=[4 * source.shape[-1]])
    return Extra()


def _convolution(source: Tensor, weights: Tensor, core: CmsisNn) -> Extra:
    _, height, width, depth = weights.shape
    # What is 1x1 without padding needs none; it has none, unless dilated.
    if source.type == "int8" and height == width == 1:
        return Extra()
    bytes_each = 2 if source.type == "int16" else 1
    return Extra(scratch=[_columns(height * width * depth, bytes_each, core)])


def _columns(size: int, bytes_each: int, core: CmsisNn) -> int:
    """Two columns of int16, or four of whole vectors of 16 bytes."""
    if core is CmsisNn.DSP:
        return 4 * -(-size // 4) * 4
    lanes = 16 // bytes_each
    return 4 * -(-size // lanes) * lanes * bytes_each


def _depthwise(source: Tensor, weights: Tensor, core: CmsisNn) -> Extra:
    _, height, width, channels = weights.shape
    if source.type != "int8":
        return Extra()
    area = height * width
    if core is CmsisNn.DSP:
        has_own_kernel = weights.type == "int8" and (height, width) == (3, 3)
        return Extra(scratch=[] if has_own_kernel else [2 * source.shape[3] * area])
    size = 4 * _MVE_CHANNELS * area
    if source.shape[3] == 1:
        # It becomes a convolution, with its weights in another order.
        size = max(size, _columns(area, 1, core) + channels * area)
    return Extra(scratch=[size])


def _fully_connected(source: Tensor, output: Tensor, core: CmsisNn) -> Extra:
    if source.type != "int8":
        return Extra()
    sums = 4 * output.shape[-1]
    # Of more than a matrix it makes a convolution, which wants scales per channel.
    per_channel = [2 * sums] if len(output.shape) > _MATRIX_RANK else []
    return Extra(buffers=[sums] if core is CmsisNn.MVE else [], scratch=per_channel)
