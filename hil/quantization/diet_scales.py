"""One scale a tensor instead of one a channel: for nothing, or for a rounding.

Where all scales of a weight are equal, one says the same. Where they differ, the
weight can be quantized again with one scale for all; that changes answers and must be
judged (hil.quantization.diet_per_tensor).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from ai_edge_litert import schema_py_generated as schema

    from hil.models.graph import Graph, Quantization, SubGraph, Tensor

# These kernels make the multiplier of a channel of its own scale in the same double
# arithmetic, whether one scale is stored or many (PopulateConvolutionQuantizationParams
# in tensorflow/lite/kernels/kernel_util.cc). FULLY_CONNECTED does not: with one scale
# it multiplies in float32 first (GetQuantizedConvolutionMultipler).
_SAME_EITHER_WAY = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})
_REQUANTIZED = _SAME_EITHER_WAY | {"FULLY_CONNECTED"}
_ACTIVATIONS = frozenset({"int8", "int16"})
_WEIGHT, _BIAS = 1, 2  # inputs of these operators
_LARGEST = 127
_INT32 = 2  # TensorType.INT32 of the schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One integer weight with many scales, and the bias that goes with it."""

    subgraph: int
    operator: int
    name: str  # of the operator
    weight: int
    bias: int | None
    input_scale: float
    error: float  # of one scale: squared rounding error over power, mean of channels


def collapse_equal_scales(tree: schema.ModelT, graph: Graph) -> list[str]:
    """Give tensors whose scales are all equal one scale; return what they are."""
    collapsed = []
    for subgraph in graph.subgraphs:
        readers = _readers(subgraph)
        for tensor in subgraph.tensors:
            names = readers.get(tensor.index, [])
            if not (names and set(names) <= _SAME_EITHER_WAY):
                continue
            if not (tensor.is_constant and _all_equal(tensor.quantization)):
                continue
            stored = tree.subgraphs[subgraph.index].tensors[tensor.index].quantization
            stored.scale = stored.scale[:1]
            stored.zeroPoint = stored.zeroPoint[:1]
            stored.quantizedDimension = 0
            collapsed.append(f"subgraph {subgraph.index}, tensor {tensor.index}")
    return collapsed


def find_sites(graph: Graph) -> tuple[Site, ...]:
    """Return the weights that can be given one scale, least rounding error first."""
    sites = []
    for subgraph in graph.subgraphs:
        uses = Counter(i for op in subgraph.operators for i in op.inputs)
        owners = Counter(tensor.buffer for tensor in subgraph.tensors)
        for operator in subgraph.operators:
            if operator.name not in _REQUANTIZED or operator.is_custom:
                continue
            inputs = subgraph.inputs_of(operator)
            data, weight = inputs[0], inputs[_WEIGHT]
            bias = inputs[_BIAS] if len(inputs) > _BIAS else None
            if data is None or weight is None or not _is_site(data, weight, bias):
                continue
            mine = [weight] if bias is None else [weight, bias]
            if any(uses[t.index] > 1 or owners[t.buffer] > 1 for t in mine):
                continue  # another operator reads the same values
            assert data.quantization is not None
            sites.append(
                Site(
                    subgraph=subgraph.index,
                    operator=operator.index,
                    name=operator.name,
                    weight=weight.index,
                    bias=None if bias is None else bias.index,
                    input_scale=data.quantization.scales[0],
                    error=_error(graph, weight),
                )
            )
    return tuple(sorted(sites, key=lambda site: site.error))


def give_one_scale(tree: schema.ModelT, sites: Sequence[Site]) -> None:
    """Quantize the weights of *sites* again with one scale each, and their biases."""
    for site in sites:
        tensors = tree.subgraphs[site.subgraph].tensors
        weight = tensors[site.weight]
        stored = np.asarray(tree.buffers[weight.buffer].data, np.uint8).view(np.int8)
        values = stored.reshape(weight.shape).astype(np.float64)
        axis = int(weight.quantization.quantizedDimension)
        real = values * _along(weight.quantization.scale, values.ndim, axis)
        scale = _one_scale(real)
        tree.buffers[weight.buffer].data = (
            np.rint(real / scale).astype(np.int8).reshape(-1).view(np.uint8)
        )
        ratio = np.asarray(weight.quantization.scale, np.float64) / scale
        _set_scale(weight, scale)
        if site.bias is not None:
            bias = tensors[site.bias]
            old = np.asarray(tree.buffers[bias.buffer].data, np.uint8)
            new = _rescaled(old, ratio, wide=bias.type != _INT32)
            tree.buffers[bias.buffer].data = new
            _set_scale(bias, site.input_scale * scale)


def _rescaled(
    stored: npt.NDArray[np.uint8], ratio: npt.NDArray[np.float64], *, wide: bool
) -> npt.NDArray[np.uint8]:
    """Return the bytes of a bias in units that are 1 / *ratio* as large."""
    if wide:
        return np.rint(stored.view(np.int64) * ratio).astype(np.int64).view(np.uint8)
    return np.rint(stored.view(np.int32) * ratio).astype(np.int32).view(np.uint8)


def _set_scale(tensor: schema.TensorT, scale: float) -> None:
    tensor.quantization.scale = np.asarray([scale], np.float32)
    tensor.quantization.zeroPoint = np.asarray([0], np.int64)
    tensor.quantization.quantizedDimension = 0


def _one_scale(real: npt.NDArray[np.float64]) -> float:
    largest = float(np.abs(real).max(initial=0.0))
    # Rounded to what the file stores, so that the weights are rounded to that.
    return float(np.float32(largest / _LARGEST)) or 1.0


def _error(graph: Graph, weight: Tensor) -> float:
    """Return the mean over the channels, so that a loud one does not hide the rest."""
    quantization = weight.quantization
    assert quantization is not None
    stored = np.frombuffer(graph.data_of(weight), np.int8)
    values = stored.reshape(weight.shape).astype(np.float64)
    axis = quantization.axis or 0
    real = values * _along(quantization.scales, values.ndim, axis)
    scale = _one_scale(real)
    channels = np.moveaxis(real, axis, 0).reshape(real.shape[axis], -1)
    error = np.square(np.rint(channels / scale) * scale - channels).mean(axis=1)
    power = np.square(channels).mean(axis=1)
    return float((error[power > 0] / power[power > 0]).mean()) if power.any() else 0.0


def _along(scales: Sequence[float], rank: int, axis: int) -> npt.NDArray[np.float64]:
    shape = [1] * rank
    shape[axis] = -1
    return np.asarray(scales, np.float64).reshape(shape)


def _is_site(data: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    quantization = weight.quantization
    return (
        data.type in _ACTIVATIONS
        and data.quantization is not None
        and weight.is_constant
        and weight.type == "int8"
        and quantization is not None
        and quantization.details is None
        and len(quantization.scales) > 1
        and not any(quantization.zero_points)
        and (bias is None or (bias.is_constant and bias.type in {"int32", "int64"}))
    )


def _all_equal(quantization: Quantization | None) -> bool:
    if quantization is None or quantization.details is not None:
        return False
    pairs = set(zip(quantization.scales, quantization.zero_points, strict=True))
    return len(quantization.scales) > 1 and len(pairs) == 1


def _readers(subgraph: SubGraph) -> dict[int, list[str]]:
    """Return the names of the operators that read each tensor.

    One that computes in float counts as another name: it takes its weights otherwise.
    """
    readers: dict[int, list[str]] = {}
    for operator in subgraph.operators:
        inputs = subgraph.inputs_of(operator)
        first = inputs[0] if inputs else None
        integers = first is not None and first.type in _ACTIVATIONS
        known = integers and not operator.is_custom
        for index in operator.inputs:
            readers.setdefault(index, []).append(operator.name if known else "")
    return readers
