"""Write one tiny model of every kind that the converter takes: run by conftest.py.

    python make_sources.py FOLDER

It runs in a process of its own, as it imports TensorFlow.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

v1 = tf.compat.v1
RNG = np.random.default_rng(0)


def network(package):
    """A conv of 36 weights, a dense of 1,600 and one of 160."""
    package.utils.set_random_seed(1)
    return package.Sequential(
        [
            package.layers.Input((12, 12, 1), name="image"),
            package.layers.Conv2D(4, 3, activation="relu", name="conv"),
            package.layers.MaxPool2D(),
            package.layers.Flatten(),
            package.layers.Dense(16, activation="relu", name="dense"),
            package.layers.Dense(10, name="out"),
        ]
    )


def write_keras(folder: Path) -> None:
    model = network(keras)
    model.save(folder / "new.keras")
    model.save(folder / "new.h5")
    model.save_weights(folder / "only.weights.h5")
    old = network(tf_keras)
    old.save(folder / "old.h5")
    trained = tfmot.quantization.keras.quantize_model(old)
    trained.compile("sgd", "mse")
    images = RNG.random((32, 12, 12, 1), np.float32)
    trained.fit(images, RNG.random((32, 10), np.float32), verbose=0)
    trained.save(folder / "qat.h5")
    tf.saved_model.save(trained, str(folder / "qat_saved"))
    small = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    small.save(folder / "small.keras")
    pair = [keras.layers.Input((4,), name=name) for name in ("left", "right")]
    keras.Model(pair, keras.layers.Add()(pair)).save(folder / "pair.keras")


class Two(tf.Module):
    """Two signatures; the second takes any size, the third has no TFLite operator."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = tf.Variable(RNG.normal(size=(64, 32)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec((1, 64), tf.float32, name="x")])
    def multiply(self, x):
        return {"y": tf.matmul(x, self.weights)}

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float32, name="x")])
    def double(self, x):
        return {"z": x * 2.0}

    @tf.function(input_signature=[tf.TensorSpec((1, 64), tf.float32, name="x")])
    def strange(self, x):
        return {"z": tf.raw_ops.Betainc(a=x, b=x, x=x)}


def write_graph(path: Path, *, ranges: bool, without: str = "") -> None:
    """Two convs and a dense, with a FakeQuant at each output and weight, or without."""

    def limited(tensor, low, high, name):
        if not ranges or name == without:
            return tensor
        return tf.quantization.fake_quant_with_min_max_args(
            tensor, low, high, name=name
        )

    def weights(*shape):
        return tf.constant(RNG.normal(0, 0.2, shape).astype(np.float32))

    graph = tf.Graph()
    with graph.as_default():
        y = limited(v1.placeholder(tf.float32, (1, 8, 8, 3), "input"), -1, 1, "fq_in")
        for index, channels in ((1, 3), (2, 8)):
            w = limited(weights(3, 3, channels, 8), -1, 1, f"fq_w{index}")
            y = tf.nn.conv2d(y, w, 1, "SAME", name=f"conv{index}")
            y = limited(tf.nn.relu6(y, name=f"relu{index}"), 0, 6, f"fq_{index}")
        w = limited(weights(512, 4), -1, 1, "fq_w3")
        y = tf.matmul(tf.reshape(y, (1, 512)), w, name="dense")
        tf.identity(limited(y, -8, 8, "fq_3"), name="output")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def write_unfrozen(path: Path) -> None:
    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, (1, 4), "input")
        v = v1.get_variable("scale", (4,), use_resource=False)
        tf.multiply(x, v, name="output")
    path.write_bytes(graph.as_graph_def().SerializeToString())


def main(folder: Path) -> None:
    write_keras(folder)
    two = Two()
    names = ("multiply", "double", "strange")
    signatures = {name: getattr(two, name) for name in names}
    tf.saved_model.save(two, str(folder / "two"), signatures=signatures)
    write_graph(folder / "plain.pb", ranges=False)
    write_graph(folder / "ranges.pb", ranges=True)
    write_graph(folder / "hole.pb", ranges=True, without="fq_1")
    write_unfrozen(folder / "unfrozen.pb")
    uniform = RNG.uniform(0, 1, (30, 12, 12, 1)).astype(np.float32)
    np.savez(folder / "images.npz", x=uniform)
    np.savez(folder / "three.npz", x=uniform[:3])
    np.savez(folder / "zeros.npz", x=np.zeros_like(uniform))
    np.savez(folder / "patches.npz", x=RNG.uniform(-1, 1, (30, 8, 8, 3)).astype("f"))
    np.savez(folder / "rows.npz", x=RNG.uniform(-1, 1, (30, 64)).astype("f"))
    np.savez(folder / "dark.npz", x=-np.abs(RNG.uniform(0, 1, (30, 64)).astype("f")))


main(Path(sys.argv[1]))
