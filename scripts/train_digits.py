"""Train the digits example and write its model and data files.

A maintainer runs this once, by hand; nothing in the package imports it. It
needs TensorFlow, which the package itself does not:

    pip install tensorflow-cpu scikit-learn ai-edge-litert
    python scripts/train_digits.py

It writes ``digits.tflite``, ``digits_test.npz`` and ``digits_calibration.npz``
to ``examples/digits`` (or to ``--out``). With the same package versions, two
runs on one machine write the same bytes. Nothing is written, and the exit
status is not zero, if the converted model is not fit to be the example.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

# TensorFlow reads these when it is imported: oneDNN picks its kernels, and so the
# rounding, by the processor; the start-up notes hide the result.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Images = NDArray[np.float32]
    Labels = NDArray[np.uint8]

SEED = 20240
N_TEST = 500
N_CALIBRATION = 200
EPOCHS = 60
BATCH = 32
PEAK_LEARNING_RATE = 3e-3
MIN_ACCURACY = 0.97
MAX_BYTES = 200_000
REQUIRED_OPS = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "FULLY_CONNECTED", "SOFTMAX"}
)
POOLING_OPS = frozenset({"AVERAGE_POOL_2D", "MAX_POOL_2D"})
INPUT_SHAPE = [1, 8, 8, 1]
OUTPUT_SHAPE = [1, 10]
PREPROCESSING = "pixel / 16 -> float32 in 0..1"
DEFAULT_OUT = Path(__file__).resolve().parent.parent / "examples" / "digits"
OP_NAMES = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()
}


@dataclass(frozen=True)
class Part:
    """Images in 0..1, shape (n, 8, 8, 1), with the digit each one shows."""

    x: Images
    y: Labels


@dataclass(frozen=True)
class Split:
    """Three disjoint parts of the data set, each with the same share of digits."""

    train: Part
    calibration: Part
    test: Part


def load_split() -> Split:
    """Read the digits from scikit-learn and divide them, always the same way."""
    digits = load_digits()
    x = (digits.images / 16.0).astype(np.float32)[..., np.newaxis]
    y = digits.target.astype(np.uint8)
    rest, test = train_test_split(
        np.arange(len(y)), test_size=N_TEST, stratify=y, random_state=SEED
    )
    train, calibration = train_test_split(
        rest, test_size=N_CALIBRATION, stratify=y[rest], random_state=SEED
    )
    return Split(*(Part(x[i], y[i]) for i in (train, calibration, test)))


def with_shifts(part: Part) -> Part:
    """Add copies moved by one pixel: 1,097 images alone are soon learnt by heart."""
    padded = np.pad(part.x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    offsets = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    moved = [padded[:, row : row + 8, col : col + 8] for row, col in offsets]
    return Part(np.concatenate(moved), np.tile(part.y, len(offsets)))


def build_model() -> tf.keras.Model:
    """Build a small residual CNN out of operators common on microcontrollers."""
    layers = tf.keras.layers
    same = {"padding": "same", "activation": "relu"}
    image = tf.keras.Input(INPUT_SHAPE[1:], name="image")
    stem = layers.Conv2D(24, 3, **same, name="stem")(image)
    x = layers.DepthwiseConv2D(3, **same, name="depthwise")(stem)
    x = layers.Conv2D(24, 1, **same, name="pointwise")(x)
    x = layers.Add(name="residual_add")([stem, x])
    x = layers.MaxPooling2D(2, name="max_pool")(x)
    x = layers.Conv2D(48, 3, **same, name="wide")(x)
    x = layers.AveragePooling2D(2, name="average_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    x = layers.Dropout(0.3, seed=SEED, name="dropout")(x)
    x = layers.Dense(10, name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="scores")(x), name="digits")


def train(part: Part) -> tf.keras.Model:
    """Train for a fixed number of epochs, so that no test image picks the model."""
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    model = build_model()
    shown = with_shifts(part)
    steps = EPOCHS * -(-len(shown.y) // BATCH)
    rate = tf.keras.optimizers.schedules.CosineDecay(PEAK_LEARNING_RATE, steps)
    model.compile(tf.keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    model.fit(shown.x, shown.y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return model


def convert(model: tf.keras.Model) -> bytes:
    """Convert to float32 TFLite, with the batch size fixed to one."""

    @tf.function(input_signature=[tf.TensorSpec(INPUT_SHAPE, tf.float32, name="image")])
    def infer(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"scores": model(image, training=False)}

    holder = tf.Module()
    # The converter freezes only variables it can reach; it does not see through
    # Keras 3 variables to the TensorFlow ones inside.
    holder.weights = [variable.value for variable in model.variables]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [infer.get_concrete_function()], holder
    )
    return bytes(converter.convert())


def operator_names(content: bytes) -> list[str]:
    """List the operators of the file in the order in which they run."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    codes = [code.builtinCode for code in model.operatorCodes]
    return [OP_NAMES[codes[op.opcodeIndex]] for op in model.subgraphs[0].operators]


def accuracy(interpreter: Interpreter, part: Part) -> float:
    """Return the share of images whose highest score is that of their digit."""
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    hits = 0
    for image, digit in zip(part.x, part.y, strict=True):
        interpreter.set_tensor(source, image[np.newaxis])
        interpreter.invoke()
        hits += int(np.argmax(interpreter.get_tensor(result)[0]) == digit)
    return hits / len(part.y)


def shape_faults(details: dict[str, Any], shape: list[int]) -> list[str]:
    """Say what keeps a tensor from being float32 of one fixed shape."""
    found = details["shape"].tolist(), details["shape_signature"].tolist()
    faults = []
    if found != (shape, shape):
        faults.append(f"{details['name']}: shape, signature {found}, not {shape}")
    if details["dtype"] is not np.float32:
        faults.append(f"{details['name']}: {details['dtype']}, not float32")
    return faults


def check(content: bytes, test: Part) -> list[str]:
    """Print what the model is and return every reason not to ship it."""
    ops = operator_names(content)
    interpreter = Interpreter(model_content=content)
    share = accuracy(interpreter, test)
    print(f"operators: {', '.join(ops)}")
    print(f"size: {len(content)} bytes")
    print(f"test accuracy: {share:.2%} of {len(test.y)} images")
    faults = [
        *shape_faults(interpreter.get_input_details()[0], INPUT_SHAPE),
        *shape_faults(interpreter.get_output_details()[0], OUTPUT_SHAPE),
    ]
    if share < MIN_ACCURACY:
        faults.append(f"accuracy {share:.2%} is below {MIN_ACCURACY:.0%}")
    if len(content) > MAX_BYTES:
        faults.append(f"{len(content)} bytes are more than {MAX_BYTES}")
    if missing := sorted(REQUIRED_OPS.difference(ops)):
        faults.append(f"no {', '.join(missing)} in the model")
    if POOLING_OPS.isdisjoint(ops):
        faults.append("no pooling operator in the model")
    return faults


def save_part(path: Path, part: Part) -> None:
    """Write images and labels, with the preprocessing they have had."""
    np.savez_compressed(path, x=part.x, y=part.y, preprocessing=np.array(PREPROCESSING))


def main() -> None:
    """Train, convert, check and only then write the files."""
    parser = argparse.ArgumentParser(description="Train the digits example.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder to fill")
    out: Path = parser.parse_args().out
    split = load_split()
    content = convert(train(split.train))
    if faults := check(content, split.test):
        sys.exit("not written: " + "; ".join(faults))
    out.mkdir(parents=True, exist_ok=True)
    (out / "digits.tflite").write_bytes(content)
    save_part(out / "digits_test.npz", split.test)
    save_part(out / "digits_calibration.npz", split.calibration)


if __name__ == "__main__":
    main()
