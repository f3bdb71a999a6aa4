"""Fine-tuning with FakeQuant nodes, and the export. In the worker's process only."""

from __future__ import annotations

import json
import math
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tensorflow.lite.python.convert_phase import ConverterError

from hil.accuracy.datasets import load_dataset
from hil.accuracy.inputs import InputSpec, Pixels, prepare
from hil.errors import ConfigError, ModelError
from hil.quantization.qat.request import from_json
from hil.quantization.qat.worker_models import gives_logits, load
from hil.quantization.qat.worker_tune import Held, digest, tune

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from hil.quantization.qat.request import QatRequest

_HELD_OUT_SHARE = 10  # a tenth of the training data judges the tuning, never the test
_LIBRARY_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    tf.errors.OpError,
    ConverterError,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Data:
    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.int64]


def train(folder: Path) -> None:
    """Answer order.json of *folder*: float.tflite, qat.tflite, told.json there."""
    request = from_json(json.loads((folder / "order.json").read_text()))
    tf_keras.utils.set_random_seed(request.seed)
    tf.config.experimental.enable_op_determinism()
    model = load(request.source)
    data = _data(request, model)
    order = np.random.default_rng(request.seed).permutation(len(data.x))
    held = max(1, len(order) // _HELD_OUT_SHARE) if request.tune else 0
    fit, rest = order[held:], order[:held]
    started = time.perf_counter()
    try:
        (folder / "float.tflite").write_bytes(_converted(model, quantized=False))
        logits = gives_logits(model)
        aware = tfmot.quantization.keras.quantize_model(model)
        told = _fit(request, aware, _Data(x=data.x[fit], y=data.y[fit]), logits=logits)
        (folder / "qat.tflite").write_bytes(_converted(aware, quantized=True))
        if request.tune:
            judged = Held(
                x=data.x[rest], y=data.y[rest], fit_x=data.x[fit], fit_y=data.y[fit]
            )
            tuned = tune(request, aware, judged, logits=logits)
            told["tuning"] = tuned.told
            if tuned.improved:
                (folder / "tuned.tflite").write_bytes(_converted(aware, quantized=True))
    except _LIBRARY_ERRORS as exc:
        traceback.print_exc()
        raise ModelError(
            "tensorflow-model-optimization cannot fine-tune the model",
            where=str(request.source),
            found=f"{type(exc).__name__}: {str(exc).splitlines()[0][:400]}",
            remedy="hil quantize on the float .tflite needs no training",
        ) from exc
    told |= {
        "samples": len(fit),
        "held_out": held,
        "seconds": time.perf_counter() - started,
        "tensorflow": tf.__version__,
    }
    (folder / "told.json").write_text(json.dumps(told))


def _data(request: QatRequest, model: tf_keras.Model) -> _Data:
    dataset = load_dataset(request.train)
    if dataset.y is None:
        raise ConfigError(
            "training needs labels",
            where=str(request.train),
            found="samples without y",
            allowed="an .npz with x and y, or another dataset with labels",
        )
    spec = InputSpec(shape=(1, *model.input_shape[1:]), dtype=np.dtype(np.float32))
    pixels = None if request.pixels is None else Pixels(request.pixels)
    classes = model.output_shape[1]
    if int(dataset.y.max()) >= classes:
        raise ConfigError(
            "a label is no class of the model",
            where=str(request.train),
            found=f"label {int(dataset.y.max())}",
            allowed=f"0 to {classes - 1}",
        )
    x = prepare(dataset, spec, pixels=pixels)
    return _Data(x=x.astype(np.float32), y=dataset.y)


def _fit(
    request: QatRequest, aware: tf_keras.Model, data: _Data, *, logits: bool
) -> dict[str, object]:
    aware.compile(
        tf_keras.optimizers.Adam(request.learning_rate),
        tf_keras.losses.SparseCategoricalCrossentropy(from_logits=logits),
        metrics=["accuracy"],
    )
    kept = request.folder / f"{digest(request)}.weights.h5"
    told_path = kept.with_suffix(".json")
    if request.tune and told_path.exists():
        sys.stdout.write("hil: the weights of the earlier training are taken\n")
        aware.load_weights(kept)
        told: dict[str, object] = json.loads(told_path.read_text())
        return told
    history = aware.fit(
        data.x, data.y, epochs=request.epochs, batch_size=request.batch, verbose=2
    )
    losses = [float(value) for value in history.history["loss"]]
    # A loss is of the weights before the last step, which may have broken them.
    broken = sum(not np.isfinite(values).all() for values in aware.get_weights())
    if broken or not all(math.isfinite(value) for value in losses):
        raise ModelError(
            "the training diverged",
            where=str(request.source),
            found=f"loss {losses[-1]:g} after {len(losses)} epochs, "
            f"{broken} tensors of weights and ranges that are not finite",
            remedy=f"--learning-rate below {request.learning_rate:g}",
        )
    shares = [float(value) for value in history.history["accuracy"]]
    told = {"losses": losses, "train_accuracies": shares, "logits": logits}
    if request.tune:
        # What a tuning that is broken off goes on from.
        request.folder.mkdir(parents=True, exist_ok=True)
        aware.save_weights(kept)
        told_path.write_text(json.dumps(told))
    return told


def _converted(model: tf_keras.Model, *, quantized: bool) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if quantized:
        # Without it the ranges are there and the file is float all the same.
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    return bytes(converter.convert())
