"""The model that is fine-tuned, read, and refused where it cannot be.

Imported in the worker's process only.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Final

import h5py
import tf_keras
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_registry as registry,
)

from hil.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

_REMEDY: Final = (
    "build the same layers with tf_keras, copy the weights "
    "(new.set_weights(old.get_weights())), and save: new.save('model.h5')"
)
_ALLOWED: Final = "a Sequential or Functional model of tf_keras (Keras 2)"
_NAMED = 8
_SOFTMAX: Final = "softmax"
_LINEAR: Final = "linear"


def load(path: Path) -> tf_keras.Model:
    """Read the model; ModelError unless every layer of it can be fine-tuned."""
    where = str(path)
    _require_keras_2(path)
    try:
        model = tf_keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, AttributeError) as exc:
        raise ModelError(
            "tf_keras cannot read the model",
            where=where,
            found=f"{type(exc).__name__}: {str(exc).splitlines()[0][:300]}",
            allowed=_ALLOWED,
        ) from exc
    _require_layers(model, where=where)
    _require_one_input(model, where=where)
    _require_scores(model, where=where)
    return model


def gives_logits(model: tf_keras.Model) -> bool:
    """Whether the outputs are scores; they are probabilities otherwise."""
    return _last_activation(model) != _SOFTMAX


def _require_keras_2(path: Path) -> None:
    version = _version(path)
    if version is not None and not version.startswith("2"):
        raise ModelError(
            "tensorflow-model-optimization cannot fine-tune a model of Keras 3",
            where=str(path),
            found=f"saved by Keras {version}; the package would say '`to_quantize` can "
            "only either be a keras Sequential or Functional model.'",
            allowed=_ALLOWED,
            remedy=_REMEDY,
        )


def _version(path: Path) -> str | None:
    """Return the version of Keras that wrote the file; None for a SavedModel."""
    where = str(path)
    if path.is_dir():
        if not (path / "keras_metadata.pb").exists():
            raise ModelError(
                "the folder is no SavedModel of tf_keras",
                where=where,
                found="no keras_metadata.pb, so its layers are not known",
                allowed=_ALLOWED,
                remedy="model.save(FOLDER) with tf_keras, or an .h5",
            )
        return None
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "metadata.json" in archive.namelist():
                told = json.loads(archive.read("metadata.json"))
                return str(told["keras_version"])
    elif h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            if "model_config" in file.attrs:
                return str(file.attrs.get("keras_version", "2"))
    raise ModelError(
        "the file is no Keras model",
        where=where,
        found=f"a file named {path.name}",
        allowed="a whole model: .keras, .h5 or a SavedModel folder of tf_keras",
        remedy="a .tflite cannot be trained; take the model that it was made of",
    )


def _require_layers(model: tf_keras.Model, *, where: str) -> None:
    """Refuse what the 8-bit registry does not know, before anything is trained."""
    functional = getattr(model, "_is_graph_network", False)
    if not isinstance(model, tf_keras.Sequential) and not functional:
        raise ModelError(
            "the model is no Sequential or Functional model",
            where=where,
            found=type(model).__name__,
            allowed=_ALLOWED,
            remedy="tf_keras.Model(inputs, outputs) of the same layers",
        )
    known = registry.Default8BitQuantizeRegistry()
    # A BatchNormalization is folded into the convolution before it, where there is one.
    unknown = [
        f"{layer.name} ({type(layer).__name__})"
        for layer in model.layers
        if not isinstance(
            layer, tf_keras.layers.InputLayer | tf_keras.layers.BatchNormalization
        )
        and not known.supports(layer)
    ]
    if unknown:
        more = len(unknown) - _NAMED
        names = ", ".join(unknown[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise ModelError(
            "layers of the model are not in the 8-bit registry of "
            "tensorflow-model-optimization",
            where=where,
            found=f"{len(unknown)} of {len(model.layers)} layers: {names}",
            allowed="Conv2D, DepthwiseConv2D, Conv2DTranspose, Dense, ReLU, Softmax, "
            "Add, Concatenate, pooling, Flatten, Reshape and the like",
            remedy="hil quantize on the float .tflite, or a model without these layers",
        )


def _require_one_input(model: tf_keras.Model, *, where: str) -> None:
    shape = model.output_shape
    fine = (
        len(model.inputs) == len(model.outputs) == 1
        and None not in model.input_shape[1:]
        and len(shape) == 2  # noqa: PLR2004 - batch, classes
        and (shape[1] or 0) > 1
    )
    if not fine:
        raise ModelError(
            "only classifiers of one input can be fine-tuned here",
            where=where,
            found=f"inputs {[tuple(i.shape) for i in model.inputs]}, "
            f"outputs {[tuple(o.shape) for o in model.outputs]}",
            allowed="one input of known shape, one output [batch, classes]",
        )


def _last_activation(model: tf_keras.Model) -> str:
    """Return the name of what the last layer applies; `linear` where that is none."""
    last = model.layers[-1]
    if isinstance(last, tf_keras.layers.Softmax):
        return _SOFTMAX
    return str(getattr(getattr(last, "activation", None), "__name__", _LINEAR))


def _require_scores(model: tf_keras.Model, *, where: str) -> None:
    """Refuse outputs that no loss of hil's is right for, such as sigmoids."""
    activation = _last_activation(model)
    if activation not in {_SOFTMAX, _LINEAR}:
        raise ModelError(
            "the outputs are neither logits nor probabilities of one class each",
            where=where,
            found=f"{model.layers[-1].name} ends in {activation}",
            allowed="softmax, or no activation at all",
            remedy="hil quantize on the float .tflite needs no training",
        )
