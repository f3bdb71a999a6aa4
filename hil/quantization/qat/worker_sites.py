"""The FakeQuant nodes of a model, one handle each. In the worker's process only.

tensorflow-model-optimization keeps its quantizers in private attributes, and one object
may serve many layers; here each node gets a copy of its own, so that bits and ranges
can be set one by one.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tensorflow_model_optimization.python.core.quantization.keras import (
    quantize_layer,
    quantize_wrapper,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt
    import tensorflow as tf
    import tf_keras


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Site:
    """One FakeQuant node: its range variables and the values they began with.

    `elements` is what the tensor holds; weights are symmetric and narrow.
    """

    name: str
    is_weight: bool
    quantizer: Any  # of the package, which has no annotations
    low: tf.Variable
    high: tf.Variable
    first: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
    elements: int

    def set(self, *, share: float = 1.0, bits: int = 8) -> None:
        """Make the range *share* of what it was, and the node one of so many bits."""
        self.low.assign(self.first[0] * share)
        self.high.assign(self.first[1] * share)
        self.quantizer.num_bits = bits


def sites_of(model: tf_keras.Model) -> list[Site]:
    """Return all FakeQuant nodes of *model*, in order."""
    return [site for layer in model.layers for site in _of_layer(layer)]


def _of_layer(layer: tf_keras.layers.Layer) -> Iterator[Site]:
    # ruff: noqa: SLF001 - the package has no public way to its quantizers
    elements = math.prod(size or 1 for size in _shape(layer))
    if isinstance(layer, quantize_layer.QuantizeLayer):
        if layer.quantizer is not None:
            layer.quantizer = copy.copy(layer.quantizer)
            yield _site(layer.name, layer.quantizer, layer.quantizer_vars, elements)
        return
    if not isinstance(layer, quantize_wrapper.QuantizeWrapper):
        return
    weights = []
    for weight, quantizer, variables in layer._weight_vars:
        own = copy.copy(quantizer)
        weights.append((weight, own, variables))
        name = f"{layer.name}/{weight.name.split('/')[-1].partition(':')[0]}"
        yield _site(name, own, variables, math.prod(weight.shape), is_weight=True)
    layer._weight_vars = weights
    for activation in layer._quantize_activations:
        activation.quantizer = copy.copy(activation.quantizer)
        for moment in ("pre_activation", "post_activation"):
            variables = getattr(activation, f"_{moment}_vars", None)
            if variables is not None:
                name = f"{layer.name}/{moment}"
                yield _site(name, activation.quantizer, variables, elements)
    if layer._output_quantizers:
        own = copy.copy(layer._output_quantizers[0])
        layer._output_quantizers = [own]
        yield _site(f"{layer.name}/output", own, layer._output_quantizer_vars, elements)


def _shape(layer: tf_keras.layers.Layer) -> tuple[int | None, ...]:
    shape = layer.output_shape
    first = shape[0] if isinstance(shape, list) else shape
    return tuple(first[1:])


def _site(
    name: str,
    quantizer: object,
    variables: dict[str, tf.Variable],
    elements: int,
    *,
    is_weight: bool = False,
) -> Site:
    low, high = variables["min_var"], variables["max_var"]
    return Site(
        name=name,
        is_weight=is_weight,
        quantizer=quantizer,
        low=low,
        high=high,
        first=(low.numpy(), high.numpy()),
        elements=elements,
    )
