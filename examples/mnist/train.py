# ruff: noqa: INP001 - a script in a folder of data, no package
"""Train the small network of the dynamic-range tutorial on MNIST; needs hil[convert].

    python examples/mnist/train.py DATA -o mnist.keras

DATA is a folder with MNIST's four IDX files, .gz or not. One epoch, a fixed seed; the
first samples of the training set are written beside the model as calibration data, and
the test images as a dataset, both with the preprocessing that the network was trained
with: pixel / 255.
"""

from __future__ import annotations

import argparse
import gzip
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

# Read when TensorFlow is imported: oneDNN picks its kernels, and so the rounding, by
# the processor; a network this small trains in seconds without a GPU.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 1
BATCH = 32
N_CALIBRATION = 200
PREPROCESSING = "pixel / 255 -> float32 in 0..1"


def main() -> None:
    """Train, and write the model and its data."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("data", type=Path, help="folder of the four IDX files")
    parser.add_argument("-o", "--out", type=Path, default=Path("mnist.keras"))
    parser.add_argument("--images", type=int, help="use only so many for training")
    arguments = parser.parse_args()
    x, y = read(arguments.data, "train")
    x_test, y_test = read(arguments.data, "t10k")
    x, y = x[: arguments.images], y[: arguments.images]
    keras.utils.set_random_seed(SEED)
    model = network()
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    out = arguments.out
    out.parent.mkdir(parents=True, exist_ok=True)
    model.save(out)
    save(out.with_name(f"{out.stem}_calibration.npz"), x[:N_CALIBRATION], y)
    save(out.with_name(f"{out.stem}_test.npz"), x_test, y_test)
    told = f"{len(x):,} training images, {accuracy:.4f} right of {len(x_test):,} others"
    sys.stdout.write(f"wrote {out}: {told}\n")


def network() -> keras.Model:
    """Return the tutorial's network, untrained: 20,410 weights."""
    return keras.Sequential(
        [
            keras.layers.Input((28, 28), name="image"),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.Conv2D(12, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )


def read(folder: Path, which: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the images in 0..1 and the labels of "train" or "t10k"."""
    images = idx(folder, f"{which}-images-idx3-ubyte")
    labels = idx(folder, f"{which}-labels-idx1-ubyte")
    return images.astype(np.float32) / 255, labels.astype(np.int64)


def idx(folder: Path, name: str) -> NDArray[np.uint8]:
    """Return the array of an IDX file: two zeros, type 8, rank, sizes, bytes."""
    path = folder / f"{name}.gz"
    data = gzip.decompress(path.read_bytes()) if path.exists() else None
    if data is None:
        data = (folder / name).read_bytes()
    _, kind, rank = struct.unpack_from(">HBB", data)
    if kind != 8:  # noqa: PLR2004 - unsigned bytes, in the format's own table
        sys.exit(f"{name}: not an IDX file of unsigned bytes")
    shape = struct.unpack_from(f">{rank}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def save(path: Path, x: NDArray[np.float32], y: NDArray[np.int64]) -> None:
    """Write a dataset as hil reads it."""
    np.savez_compressed(path, x=x, y=y[: len(x)], preprocessing=PREPROCESSING)
    sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
