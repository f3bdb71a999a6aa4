"""The 32-bit sums of a layer, computed anew from its stored inputs and weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from hil.models.graph import Graph, Operator, Tensor

    Ints = npt.NDArray[np.int64]

_EIGHT_BIT = {"int8", "uint8"}
_SUMMED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
_LIMITED = {"NONE", "RELU", "RELU_N1_TO_1", "RELU6"}
_LEAST_INPUTS = 2
_BIAS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SummedLayer:
    """Sums [..., channels], each channel's scales, and the ends of the output.

    Scales are of input, weights and output, `limits` in stored values.
    """

    sums: Ints
    scales: tuple[tuple[float, float, float], ...]
    zero_point: int
    limits: tuple[int, int]


def summed_layer(
    graph: Graph, operator: Operator, given: npt.NDArray[np.generic]
) -> SummedLayer | None:
    """Return the sums of *operator* for its input *given*.

    None for operators other than 8-bit convolutions and fully connected layers.
    """
    main = graph.subgraphs[0]
    inputs, output = main.inputs_of(operator), main.outputs_of(operator)[0]
    known = [tensor for tensor in inputs[:_LEAST_INPUTS] if tensor is not None]
    if operator.name not in _SUMMED or len(known) < _LEAST_INPUTS:
        return None
    data, weights = known
    activation = operator.options.get("activation", "NONE")
    if activation not in _LIMITED or not weights.is_constant:
        return None
    scales = _scales(data, weights, output)
    if scales is None:
        return None
    bias = inputs[_BIAS] if len(inputs) > _BIAS else None
    products = _products(graph, operator, given, data=data, weights=weights)
    if products is None or (bias is not None and bias.type != "int32"):
        return None
    if bias is not None and bias.is_constant:
        products += _values(graph, bias).astype(np.int64)
    zero_point = _zero_point(output)
    return SummedLayer(
        sums=products.reshape(*output.shape[:-1], products.shape[-1]),
        scales=scales * (products.shape[-1] if len(scales) == 1 else 1),
        zero_point=zero_point,
        limits=_limits(output, str(activation)),
    )


def _scales(
    data: Tensor, weights: Tensor, output: Tensor
) -> tuple[tuple[float, float, float], ...] | None:
    if not {data.type, weights.type, output.type} <= _EIGHT_BIT:
        return None
    found = [tensor.quantization for tensor in (data, weights, output)]
    if any(each is None or not each.scales for each in found):
        return None
    one, many, out = (each.scales for each in found if each is not None)
    return tuple((one[0], scale, out[0]) for scale in many)


def _products(
    graph: Graph,
    operator: Operator,
    given: npt.NDArray[np.generic],
    *,
    data: Tensor,
    weights: Tensor,
) -> Ints | None:
    """Return the sums of products; float64 holds them, for they have 32 bits."""
    stored = given.reshape(data.shape).astype(np.float64) - _zero_point(data)
    kernel = _values(graph, weights).astype(np.float64) - _zero_point(weights)
    found: npt.NDArray[np.float64]
    if operator.name == "FULLY_CONNECTED":
        found = stored.reshape(-1, kernel.shape[-1]) @ kernel.T
    elif operator.name == "DEPTHWISE_CONV_2D":
        windows = _windows(stored, kernel.shape[1:3], operator)
        # Several outputs of one channel lie side by side.
        each = np.repeat(windows, kernel.shape[-1] // data.shape[-1], axis=3)
        found = np.einsum("nyxchw,hwc->nyxc", each, kernel[0])
    elif kernel.shape[-1] != data.shape[-1]:
        return None  # a convolution in groups
    else:
        windows = _windows(stored, kernel.shape[1:3], operator)
        found = np.tensordot(windows, kernel, axes=([4, 5, 3], [1, 2, 3]))
    return found.astype(np.int64)


def _windows(
    stored: npt.NDArray[np.float64], kernel: Sequence[int], operator: Operator
) -> npt.NDArray[np.float64]:
    """Return what each output sees of the input: [n, y, x, channels, height, width]."""
    padding, strides, steps = [], [], []
    for size, taps, side in zip(stored.shape[1:3], kernel, "hw", strict=True):
        stride = int(operator.options.get(f"stride_{side}", 1)) or 1
        step = int(operator.options.get(f"dilation_{side}_factor", 1)) or 1
        reach = (taps - 1) * step + 1
        missing = 0
        if operator.options.get("padding") == "SAME":
            missing = max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
        padding.append((missing // 2, missing - missing // 2))
        strides.append(stride)
        steps.append((reach, step))
    padded = np.pad(stored, ((0, 0), *padding, (0, 0)))
    reaches = tuple(reach for reach, _ in steps)
    windows = sliding_window_view(padded, reaches, axis=(1, 2))
    found: npt.NDArray[np.float64] = windows[
        :, :: strides[0], :: strides[1], :, :: steps[0][1], :: steps[1][1]
    ]
    return found


def _limits(output: Tensor, activation: str) -> tuple[int, int]:
    """Return the ends of the output's type, drawn in by the activation function."""
    info = np.iinfo(output.type)
    low, high = int(info.min), int(info.max)
    ends = {"RELU": (0.0, None), "RELU_N1_TO_1": (-1.0, 1.0), "RELU6": (0.0, 6.0)}
    least, most = ends.get(activation, (None, None))
    assert output.quantization is not None
    scale, zero_point = output.quantization.scales[0], _zero_point(output)
    if least is not None:
        low = max(low, zero_point + round(least / scale))
    if most is not None:
        high = min(high, zero_point + round(most / scale))
    return low, high


def _values(graph: Graph, tensor: Tensor) -> npt.NDArray[np.generic]:
    stored = np.dtype(tensor.type).newbyteorder("<")
    return np.frombuffer(graph.data_of(tensor), dtype=stored).reshape(tensor.shape)


def _zero_point(tensor: Tensor) -> int:
    points = tensor.quantization.zero_points if tensor.quantization else ()
    return points[0] if points else 0
