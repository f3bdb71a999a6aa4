"""What the one input of a model takes, as datasets are prepared for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hil.accuracy.inputs import InputSpec
from hil.errors import ModelError

if TYPE_CHECKING:
    from hil.models.graph import Graph

_NUMPY_TYPES: Final = ("float32", "int8", "uint8", "int16", "int32")


def input_spec(graph: Graph) -> InputSpec:
    """Return what the model's one input takes; ModelError where there are several."""
    main = graph.subgraphs[0]
    if len(main.inputs) != 1 or len(main.outputs) != 1:
        raise ModelError(
            "samples are for models with one input and one output",
            found=f"{len(main.inputs)} inputs, {len(main.outputs)} outputs",
        )
    tensor = main.tensors[main.inputs[0]]
    quantization = tensor.quantization
    scales = quantization.scales if quantization else ()
    zero_points = quantization.zero_points if quantization else ()
    if tensor.type not in _NUMPY_TYPES:
        raise ModelError(
            "samples cannot be made for the model's input",
            found=f"{tensor.name} of type {tensor.type}",
            allowed=", ".join(_NUMPY_TYPES),
        )
    return InputSpec(
        shape=tensor.shape,
        dtype=np.dtype(tensor.type),
        scale=scales[0] if scales else 0.0,
        zero_point=zero_points[0] if zero_points else 0,
    )
