"""Makes graphs with ranges here and there, and what TensorFlow converts them to.

A child process: `make_ranges.py FOLDER` writes NAME.pb and NAME.tflite for each case.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

_RNG = np.random.default_rng(0)
_FIRST = tf.constant(_RNG.normal(0, 0.3, (3, 3, 1, 4)).astype(np.float32))
_SECOND = tf.constant(_RNG.normal(0, 0.3, (3, 3, 4, 4)).astype(np.float32))
_BIAS = tf.constant(_RNG.normal(size=4).astype(np.float32))


def ranged(x: tf.Tensor, low: float = -6.0, high: float = 6.0) -> tf.Tensor:
    return tf.quantization.fake_quant_with_min_max_vars(x, low, high)


def conv(x: tf.Tensor, *, weights: tf.Tensor | None = None) -> tf.Tensor:
    filters = ranged(_FIRST, -1.0, 1.0) if weights is None else weights
    return tf.nn.conv2d(x, filters, 1, "SAME")


def ended(x: tf.Tensor) -> tf.Tensor:
    """A second layer, with all its ranges."""
    x = tf.nn.conv2d(x, ranged(_SECOND, -1.0, 1.0), 1, "SAME")
    return ranged(tf.nn.relu(x))


def _partly(x: tf.Tensor) -> tf.Tensor:
    a = conv(ranged(x))
    return ended(ranged(ranged(a) + tf.nn.relu6(a)))


def _sum(x: tf.Tensor) -> tf.Tensor:
    a = ranged(conv(ranged(x)))
    return ended(a + ranged(conv(ranged(x), weights=_FIRST)))


CASES = {
    "all": lambda x: ended(ranged(tf.nn.relu(tf.nn.bias_add(conv(ranged(x)), _BIAS)))),
    "no_conv": lambda x: ended(conv(ranged(x))),
    "no_weights": lambda x: ended(ranged(conv(ranged(x), weights=_FIRST))),
    "no_input": lambda x: ended(ranged(conv(x))),
    "pooled": lambda x: ended(ranged(tf.nn.max_pool2d(conv(ranged(x)), 2, 2, "SAME"))),
    "leaky": lambda x: ended(ranged(tf.nn.leaky_relu(conv(ranged(x))))),
    "before_relu": lambda x: ended(tf.nn.relu(ranged(conv(ranged(x))))),
    "partly": _partly,
    "sum": _sum,
    "qdq": lambda x: ended(
        tf.quantization.quantize_and_dequantize_v2(
            conv(ranged(x)), -6.0, 6.0, range_given=True
        )
    ),
}


def main() -> None:
    folder = Path(sys.argv[1])
    image = tf.TensorSpec((1, 8, 8, 1), tf.float32, name="x")
    for name, network in CASES.items():
        function = tf.function(network, input_signature=[image])
        concrete = function.get_concrete_function()
        frozen = convert_variables_to_constants_v2(concrete).graph.as_graph_def()
        (folder / f"{name}.pb").write_bytes(frozen.SerializeToString())
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    module = tf.Module()
    module.weights = tf.Variable(_FIRST)
    module.limit = tf.Variable(6.0)

    @tf.function
    def inner(x: tf.Tensor) -> tf.Tensor:
        y = conv(x, weights=ranged(module.weights, -1.0, 1.0))
        z = tf.quantization.fake_quant_with_min_max_vars(y, -module.limit, module.limit)
        return tf.nn.conv2d(z, _SECOND, 1, "SAME")

    module.serve = tf.function(
        lambda image: inner(ranged(image)), input_signature=[image]
    )
    tf.saved_model.save(module, str(folder / "saved"), signatures=module.serve)


if __name__ == "__main__":
    main()
