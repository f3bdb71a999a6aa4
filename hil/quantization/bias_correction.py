"""Biases of an int8 model moved so that its layers are right on average.

Rounding weights and clipping activations shifts the mean of a layer's outputs. The mean
error of each channel, measured on samples against the float model, is taken off the
layer's int32 bias (M. Nagel et al., "Data-Free Quantization Through Weight Equalization
and Bias Correction", ICCV 2019, section 4.2). Layers are corrected in their order, for
each changes what the next one gets. Only bytes of biases change, at the places where
they stand, and that is proved before the model is handed out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from hil.errors import ModelError
from hil.models.graph import read_graph
from hil.quantization.layer_error import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

    from hil.models.graph import Graph, Operator, Tensor
    from hil.quantization.calibration import CalibrationData

_LAYERS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
_BIAS = 2  # the input of a layer that holds it
_CODES = {"int32": "<i4", "int64": "<i8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedLayer:
    """One layer: its largest mean error of a channel before, and what was added.

    `before` is in real values, `most_steps` is the largest change in steps of the
    bias's scale.
    """

    name: str
    before: float
    most_steps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasCorrection:
    """The corrected model; `skipped` names layers that could not be corrected."""

    data: bytes
    layers: tuple[CorrectedLayer, ...]
    skipped: tuple[str, ...]


def correct_biases(
    float_model: bytes, quantized_model: bytes, samples: CalibrationData, *, where: str
) -> BiasCorrection:
    """Return *quantized_model* with the mean errors of its layers taken off.

    Each layer costs a run of both models over *samples*. Skipped are layers without a
    bias, layers whose bias another tensor shares, and those whose output the float
    model does not have. Raises ModelError where no layer can be corrected.
    """
    graph = read_graph(quantized_model, where)
    data = quantized_model
    layers: list[CorrectedLayer] = []
    skipped: list[str] = []
    common = set(Pair(float_model, data, where=where).names)
    for operator in graph.subgraphs[0].operators:
        if operator.name not in _LAYERS:
            continue
        output = graph.subgraphs[0].tensors[operator.outputs[0]]
        bias = _own_bias(graph, operator)
        if bias is None or output.name not in common:
            skipped.append(output.name)
            continue
        pair = Pair(float_model, data, where=where)
        errors = _channel_errors(pair, output.name, samples.x)
        data, layer = _corrected(data, output.name, bias, errors=errors)
        layers.append(layer)
    if not layers:
        raise ModelError(
            "no bias of the model can be corrected",
            where=where,
            found=f"{len(skipped)} layers without a bias of their own",
            allowed="a model of int8 or int16 activations, and its float model",
        )
    _prove_only_biases(quantized_model, data, where=where)
    return BiasCorrection(data=data, layers=tuple(layers), skipped=tuple(skipped))


def _own_bias(graph: Graph, operator: Operator) -> Tensor | None:
    """Return the integer bias of a layer, unless something else reads its bytes too."""
    inputs = graph.subgraphs[0].inputs_of(operator)
    bias = inputs[_BIAS] if len(inputs) > _BIAS else None
    if bias is None or bias.type not in _CODES or bias.quantization is None:
        return None
    readers = sum(
        other.inputs.count(tensor.index)
        for subgraph in graph.subgraphs
        for tensor in subgraph.tensors
        if tensor.buffer == bias.buffer
        for other in subgraph.operators
    )
    return bias if readers == 1 and bias.is_constant else None


def _channel_errors(
    pair: Pair, name: str, x: npt.NDArray[np.generic]
) -> npt.NDArray[np.float64]:
    """Return the mean of (quantized - float) for each channel of the tensor."""
    total: npt.NDArray[np.float64] | None = None
    for ours, theirs in pair.run(x, only=(name,)):
        error = ours[name] - theirs[name]
        means = error.reshape(-1, error.shape[-1]).mean(axis=0)
        total = means if total is None else total + means
    assert total is not None
    return total / len(x)


def _corrected(
    data: bytes, name: str, bias: Tensor, *, errors: npt.NDArray[np.float64]
) -> tuple[bytes, CorrectedLayer]:
    assert bias.quantization is not None
    scales = np.array(bias.quantization.scales)
    steps = -np.rint(errors / scales).astype(np.int64)
    changed = bytearray(data)
    values = _constant(changed, bias.buffer).view(_CODES[bias.type])
    limits = np.iinfo(values.dtype)
    values[:] = np.clip(values.astype(np.int64) + steps, limits.min, limits.max)
    layer = CorrectedLayer(
        name=name,
        before=float(np.abs(errors).max()),
        most_steps=int(np.abs(steps).max()),
    )
    return bytes(changed), layer


def _constant(model: bytearray, buffer: int) -> npt.NDArray[np.uint8]:
    """Return a view on the bytes of a buffer, where they stand in the file."""
    view: npt.NDArray[np.uint8] = (
        schema.Model.GetRootAs(model).Buffers(buffer).DataAsNumpy()
    )
    return view


def _prove_only_biases(before: bytes, after: bytes, *, where: str) -> None:
    """Raise ModelError if anything but biases differs."""
    old, new = read_graph(before, where), read_graph(after, where)
    biases = {
        tensor.buffer
        for operator in old.subgraphs[0].operators
        if operator.name in _LAYERS
        for tensor in old.subgraphs[0].inputs_of(operator)[_BIAS:]
        if tensor is not None
    }
    same = _masked(before, biases) == _masked(after, biases)
    if not (same and old.subgraphs == new.subgraphs):
        raise ModelError(
            "correcting biases changed something else",
            where=where,
            found="bytes outside of the biases differ",
            remedy="report this with the model",
        )


def _masked(model: bytes, buffers: set[int]) -> bytes:
    """Return the file with the given buffers set to zero."""
    masked = bytearray(model)
    for buffer in buffers:
        _constant(masked, buffer)[:] = 0
    return bytes(masked)
