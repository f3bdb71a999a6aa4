"""Weights of layers that are no numbers, or more than their type holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.models.weights import origins_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from hil.models.graph import Graph, Tensor

# Constants of other operators may be infinite and mean it: a mask that is added.
_LAYERS: Final = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}
)
_NUMPY: Final = {"float32": "<f4", "float16": "<f2"}
MOST_OF_FLOAT16: Final = float(np.finfo(np.float16).max)


def not_finite(graph: Graph) -> list[Tensor]:
    """Return the float weights and biases of layers that hold NaN or infinity."""
    return [
        tensor for tensor, values in _floats(graph) if not np.isfinite(values).all()
    ]


def cut_off(graph: Graph) -> list[Tensor]:
    """Return the float16 ones with a value at, or beyond, the end of what it holds.

    AI Edge Quantizer makes infinity of a larger value, TensorFlow the end itself.
    """
    return [
        tensor
        for tensor, values in _floats(graph)
        if tensor.type == "float16" and (np.abs(values) >= MOST_OF_FLOAT16).any()
    ]


def _floats(graph: Graph) -> Iterator[tuple[Tensor, npt.NDArray[np.floating]]]:
    for subgraph in graph.subgraphs:
        origins = origins_of(subgraph)
        indices = {
            index
            for operator in subgraph.operators
            if operator.name in _LAYERS and not operator.is_custom
            for index in operator.inputs
        }
        for tensor in (origins[i].tensor for i in sorted(indices & origins.keys())):
            if tensor.type in _NUMPY and not tensor.is_sparse:
                yield tensor, np.frombuffer(graph.data_of(tensor), _NUMPY[tensor.type])
