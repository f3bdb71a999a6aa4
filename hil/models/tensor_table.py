"""The tensors of a graph, one row each: what it is for, its type and its scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.models.liveness import tensor_bytes
from hil.models.weights import find_weights

if TYPE_CHECKING:
    from hil.models.graph import Graph, SubGraph, Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorRow:
    """One tensor of one subgraph.

    `role` is "input", "output", "weight", "constant", "variable" or "activation".
    `scales` counts them: 1 is per tensor, more is per channel along `axis`. `scale`
    and `zero_point` stand only where one pair holds for the whole tensor.
    """

    subgraph: int
    index: int
    name: str
    role: str
    type: str
    shape: tuple[int, ...]
    size_bytes: int
    scales: int
    axis: int | None
    scale: float | None
    zero_point: int | None

    @property
    def granularity(self) -> str:
        """Say "per channel", "per tensor" or "" where it is not quantized."""
        return ("", "per tensor", "per channel")[min(self.scales, 2)]


def tensor_rows(graph: Graph) -> tuple[TensorRow, ...]:
    """Return a row for every tensor of every subgraph."""
    weights = {(w.subgraph, w.tensor.index) for w in find_weights(graph)}
    return tuple(
        _row(subgraph, tensor, weight=(subgraph.index, tensor.index) in weights)
        for subgraph in graph.subgraphs
        for tensor in subgraph.tensors
    )


def _row(subgraph: SubGraph, tensor: Tensor, *, weight: bool) -> TensorRow:
    quantization = tensor.quantization
    scales = quantization.scales if quantization else ()
    single = len(scales) == 1
    return TensorRow(
        subgraph=subgraph.index,
        index=tensor.index,
        name=tensor.name,
        role="weight" if weight else _role(subgraph, tensor),
        type=tensor.type,
        shape=tensor.shape,
        size_bytes=tensor.buffer_bytes or tensor_bytes(tensor),
        scales=len(scales),
        axis=quantization.axis if quantization else None,
        scale=scales[0] if single else None,
        zero_point=quantization.zero_points[0] if single and quantization else None,
    )


def _role(subgraph: SubGraph, tensor: Tensor) -> str:
    if tensor.is_variable:
        return "variable"
    if tensor.is_constant:
        return "constant"
    if tensor.index in subgraph.inputs:
        return "input"
    return "output" if tensor.index in subgraph.outputs else "activation"
